//! A cookie by which whoever has changed something sees it, whichever server answers.
//!
//! It holds the position of a purge. It proves nothing and opens nothing: a server looks whether it
//! knows the purge, and waits for a render of what the purge has reached.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::{entry::Position, period};

const NAME: &str = "__isr_seen";

/// How long it lasts: by then the pages have been rendered anew, or will not be soon.
const LIFETIME: Duration = period::minutes(1);

/// The `Set-Cookie` value for somebody who is to see all purges up to `position`.
pub(crate) fn set(position: Position) -> HeaderValue {
    let seconds = LIFETIME.as_secs();
    let text = format!("{NAME}={position}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(text).expect("the parts are visible ASCII")
}

/// The position in the cookie of a request.
pub(crate) fn of(headers: &HeaderMap) -> Option<Position> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut cookies = cookies.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    cookies.find_map(|cookie| {
        let value = cookie.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Option<Position> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(text).unwrap());
        of(&headers)
    }

    #[test]
    fn position_is_read_from_among_other_cookies() {
        let set = set(7);
        let cookie = set.to_str().unwrap().split(';').next().unwrap();
        assert_eq!(of_text(cookie), Some(7));
        assert_eq!(of_text(&format!("a=b; {cookie};c=d")), Some(7));
        for wrong in [
            "a=b",
            "__isr_seen=",
            "__isr_seen=x",
            "__isr_seen=-1",
            "x__isr_seen=7",
            "__isr_seen=18446744073709551616",
        ] {
            assert_eq!(of_text(wrong), None, "{wrong}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
