//! What the app's own answer says of caches: whether they may keep it, and what they may do with it.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::rules::shared_cache::{CDN_CACHE_CONTROL, SURROGATE_CONTROL};

/// The fields that say who may keep an answer.
const FIELDS: [HeaderName; 3] = [header::CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL];

const NO_TRANSFORM: HeaderValue = HeaderValue::from_static("no-transform");

/// Why an answer must not be stored, by its headers; `None` if it may be.
pub(crate) fn why_not_stored(headers: &HeaderMap) -> Option<String> {
    if let Some(cookies) = cookies(headers) {
        return Some(format!(
            "sets {cookies} (a layer that does belongs to the router for visitors, in \
             `Engine::wrap_with`)"
        ));
    }
    FIELDS.iter().find_map(|field| {
        let mut directives = ["no-store", "private"].into_iter();
        let directive = directives.find(|name| has_directive(headers, field, name))?;
        Some(format!("says `{field}: {directive}`"))
    })
}

/// The cookies that an answer sets, by name, for messages; `None` if it sets none.
pub(crate) fn cookies(headers: &HeaderMap) -> Option<String> {
    let set = headers.get_all(header::SET_COOKIE).iter();
    let names = set.map(|cookie| {
        let name = cookie.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
        format!("`{}`", name.trim_ascii().escape_ascii())
    });
    let names: Vec<_> = names.collect();
    match &*names {
        [] => None,
        [name] => Some(format!("the cookie {name}")),
        _ => Some(format!("the cookies {}", names.join(", "))),
    }
}

/// Whether an answer says that shared caches may keep it.
pub(crate) fn may_be_shared(headers: &HeaderMap) -> bool {
    FIELDS.iter().any(|field| {
        let says = |name: &&str| has_directive(headers, field, name);
        let is_for_shared = *field != header::CACHE_CONTROL;
        headers.contains_key(field)
            && !["no-store", "private"].iter().any(says)
            && (is_for_shared || ["public", "s-maxage"].iter().any(says))
    })
}

/// The `Vary` of an answer that names more than `Accept-Encoding`.
pub(crate) fn other_vary(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::VARY).iter();
    let vary: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let vary = vary.join(", ");
    let is_other = |name: &str| {
        let name = name.trim();
        !name.is_empty() && !name.eq_ignore_ascii_case(header::ACCEPT_ENCODING.as_str())
    };
    vary.split(',').any(is_other).then_some(vary)
}

/// Whether an answer is a file: it says when that was written, and that parts of it can be had.
pub(crate) fn is_file(headers: &HeaderMap) -> bool {
    headers.contains_key(header::LAST_MODIFIED) && headers.contains_key(header::ACCEPT_RANGES)
}

/// Whether an answer may be changed on its way, compressed for example.
pub(crate) fn may_transform(headers: &HeaderMap) -> bool {
    !has_directive(headers, &header::CACHE_CONTROL, "no-transform")
}

/// Leaves of an answer's `Cache-Control` only what is passed on with a stored page.
pub(crate) fn keep_no_transform(headers: &mut HeaderMap) {
    if may_transform(headers) {
        headers.remove(header::CACHE_CONTROL);
    } else {
        headers.insert(header::CACHE_CONTROL, NO_TRANSFORM);
    }
}

/// Forbids to change a response on its way if its `page` says so.
pub(crate) fn pass_no_transform(page: &HeaderMap, response: &mut HeaderMap) {
    if may_transform(page) {
        return;
    }
    for field in [header::CACHE_CONTROL, CDN_CACHE_CONTROL] {
        if let Some(value) = response.get_mut(field) {
            let text = [value.as_bytes(), b", ", NO_TRANSFORM.as_bytes()].concat();
            *value = HeaderValue::from_bytes(&text).expect("both parts are header values");
        }
    }
}

/// Whether a field has a directive (RFC 9111 section 5.2), whatever its argument.
fn has_directive(headers: &HeaderMap, field: &HeaderName, name: &str) -> bool {
    let mut values = headers.get_all(field).iter();
    values.any(|value| {
        directives(value.as_bytes()).any(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// The names of the directives. A comma in a quoted argument separates nothing.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = value.split(move |byte| {
        is_quoted ^= *byte == b'"' && !is_escaped;
        is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        *byte == b',' && !is_quoted
    });
    parts.map(|part| part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(field: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(field, HeaderValue::try_from(value).unwrap());
        headers
    }

    #[test]
    fn no_store_private_and_cookies_keep_an_answer_out_of_the_store() {
        for (field, value, why) in [
            ("cache-control", "no-store", Some("says `cache-control: no-store`")),
            ("cache-control", "max-age=0 , PRIVATE", Some("says `cache-control: private`")),
            ("cache-control", "private=\"a, b\", x", Some("says `cache-control: private`")),
            ("cache-control", r#"x="a\", b", no-store"#, Some("says `cache-control: no-store`")),
            ("cdn-cache-control", "no-store", Some("says `cdn-cache-control: no-store`")),
            ("surrogate-control", "no-store", Some("says `surrogate-control: no-store`")),
            ("cache-control", "public, no-cache, max-age=0, must-revalidate", None),
            ("cache-control", r#"x="\", no-store, y=", z"#, None),
            ("cache-control", "no-storeroom, x=private", None),
            ("pragma", "no-store", None),
        ] {
            assert_eq!(why_not_stored(&headers(field, value)).as_deref(), why, "{field}: {value}");
        }
        let why = why_not_stored(&headers("set-cookie", "a=b")).unwrap();
        assert!(why.starts_with("sets the cookie `a` (") && why.contains("wrap_with"), "{why}");
    }

    #[test]
    fn cookies_are_named_without_their_values() {
        let mut set = headers("set-cookie", "store=1; Path=/");
        assert_eq!(cookies(&set).as_deref(), Some("the cookie `store`"));
        set.append("set-cookie", HeaderValue::from_static("session=2"));
        assert_eq!(cookies(&set).as_deref(), Some("the cookies `store`, `session`"));
        assert_eq!(cookies(&HeaderMap::new()), None);
    }

    #[test]
    fn answer_may_be_shared_if_a_field_says_so() {
        for (field, value, may_be) in [
            ("cache-control", "public, max-age=0, must-revalidate", true),
            ("cache-control", "max-age=0, s-maxage=42", true),
            ("cache-control", "max-age=42", false),
            ("cache-control", "public, no-store", false),
            ("cdn-cache-control", "public, max-age=42", true),
            ("cdn-cache-control", "no-store", false),
            ("surrogate-control", "max-age=42", true),
            ("vary", "public", false),
        ] {
            assert_eq!(may_be_shared(&headers(field, value)), may_be, "{field}: {value}");
        }
    }

    #[test]
    fn vary_is_another_if_it_names_more_than_the_encoding() {
        for (value, is_other) in [
            ("accept-encoding", false),
            ("Accept-Encoding, accept-encoding,", false),
            ("", false),
            ("accept-encoding, cookie", true),
            ("Origin", true),
            ("*", true),
        ] {
            let found = other_vary(&headers("vary", value));
            assert_eq!(found.is_some(), is_other, "{value}: {found:?}");
        }
    }
}
