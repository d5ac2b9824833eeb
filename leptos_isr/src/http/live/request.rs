//! What a request for a live stream asks for.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header, request::Parts};
use tracing::error;

use crate::{
    address::{path::form_decode, tag::Tag},
    error::Error,
    http::answer::plain,
    watch::{Full, Since},
};

/// The most pages and tags of one stream.
const MOST_WATCHED: usize = 32;

/// The longest tag that is watched, in bytes.
const LONGEST_TAG: usize = 256;

/// Added to `open_for`: the request for the page may have been faster than this one.
const SLACK: Duration = Duration::from_secs(1);

/// What a reader watches, and which changes it knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    /// As the request spells them, each once.
    pub(super) pages: Vec<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) since: Since,
}

/// Why there is no stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Request(String),
    Page(String),
    Full(Full),
    Failed(String),
}

impl Subscription {
    pub(super) fn parse(request: &Parts) -> Result<Self, Refusal> {
        let header = request.headers.get("last-event-id").map(HeaderValue::as_bytes);
        Self::of(request.uri.query().unwrap_or_default(), header)
    }

    /// Reads the query and `Last-Event-ID`, which overrides `last`. Other parameters are ignored.
    fn of(query: &str, last_event: Option<&[u8]>) -> Result<Self, Refusal> {
        let mut subscription = Self { pages: Vec::new(), tags: Vec::new(), since: Since::Now };
        let mut last = last_event.and_then(|id| std::str::from_utf8(id).ok()).map(str::to_owned);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || {
                form_decode(value)
                    .map_err(|error| Refusal::Request(format!("`{name}={value}`: {error}")))
            };
            match name {
                "page" => push_once(&mut subscription.pages, value()?),
                "tag" => push_once(&mut subscription.tags, tag(value()?)?),
                "last" if last.is_none() => last = Some(value()?),
                "open_for" => subscription.since = ago(&value()?)?,
                _ => {}
            }
        }
        let count = subscription.pages.len() + subscription.tags.len();
        if count == 0 {
            let text = "name what to watch: `?page=/path` or `?tag=name`";
            return Err(Refusal::Request(text.to_owned()));
        }
        if count > MOST_WATCHED {
            let text = format!("{count} pages and tags are too many: watch up to {MOST_WATCHED}");
            return Err(Refusal::Request(text));
        }
        if let Some(last) = last.filter(|last| !last.is_empty()) {
            subscription.since = Since::Event(last.parse().ok());
        }
        Ok(subscription)
    }
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

fn tag(text: String) -> Result<Tag, Refusal> {
    match text.len() {
        0..=LONGEST_TAG => Ok(Tag::new(text)),
        len => {
            let text = format!("a tag has {len} bytes; watch tags of up to {LONGEST_TAG}");
            Err(Refusal::Request(text))
        }
    }
}

fn ago(text: &str) -> Result<Since, Refusal> {
    let millis = text
        .parse()
        .map_err(|_| Refusal::Request(format!("`open_for={text}`: write whole milliseconds")))?;
    Ok(Since::Ago(Duration::from_millis(millis).saturating_add(SLACK)))
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::RegeneratePath { path, problem } => Self::Page(format!("`{path}`: {problem}")),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl Refusal {
    pub(super) fn into_response(self) -> Response {
        match self {
            Self::Request(text) => {
                plain(StatusCode::BAD_REQUEST, format!("Cannot watch this: {text}.\n"))
            }
            Self::Page(text) => {
                plain(StatusCode::NOT_FOUND, format!("No such page to watch: {text}.\n"))
            }
            Self::Full(full) => {
                let (status, text) = match full {
                    Full::Hub => (
                        StatusCode::SERVICE_UNAVAILABLE,
                        "Too many pages are watched at the moment.\n",
                    ),
                    Full::Visitor(_) => (
                        StatusCode::TOO_MANY_REQUESTS,
                        "Too many pages are watched from this address at the moment.\n",
                    ),
                };
                let mut response = plain(status, text.to_owned());
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
                response
            }
            Self::Failed(cause) => {
                error!(%cause, "cannot tell which pages may be watched");
                let text = "The pages cannot be listed at the moment.\n".to_owned();
                plain(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(query: &str) -> Subscription {
        Subscription::of(query, None).unwrap()
    }

    #[test]
    fn pages_and_tags_are_decoded_and_each_is_watched_once() {
        let read =
            subscription("page=/a%3Fpage%3D2&tag=x+y&page=/a?page=2&other=%zz&tag=article:7");
        assert_eq!(read.pages, ["/a?page=2"]);
        assert_eq!(read.tags, [Tag::new("x y"), Tag::new("article:7")]);
        assert_eq!(read.since, Since::Now);
    }

    #[test]
    fn what_the_reader_knows_is_the_last_event_or_the_page() {
        let known = |query, header| Subscription::of(query, header).unwrap().since;
        let event = |id: &str| Since::Event(Some(id.parse().unwrap()));
        assert_eq!(known("page=/&last=7-ab", None), event("7-ab"));
        assert_eq!(known("page=/&last=7-ab&open_for=5", None), event("7-ab"));
        assert_eq!(known("page=/&last=7-ab", Some(b"9-ab")), event("9-ab"));
        assert_eq!(known("page=/&last=x", None), Since::Event(None));
        assert_eq!(known("page=/&last=", None), Since::Now);
        assert_eq!(
            known("page=/&open_for=250", None),
            Since::Ago(Duration::from_millis(250) + SLACK)
        );
    }

    #[test]
    fn wrong_request_says_what_is_wrong() {
        let long = format!("tag={}", "a".repeat(257));
        let many: String = (0..33).map(|n| format!("&tag={n}")).collect();
        for (query, problem) in [
            ("", "name what to watch"),
            ("open_for=1", "name what to watch"),
            ("page=%zz", "`page=%zz`"),
            ("tag=a%0Ab", "`tag=a%0Ab`"),
            ("page=/&open_for=soon", "`open_for=soon`: write whole milliseconds"),
            (&*long, "a tag has 257 bytes; watch tags of up to 256"),
            (&*many, "33 pages and tags are too many: watch up to 32"),
        ] {
            match Subscription::of(query, None) {
                Err(Refusal::Request(text)) => assert!(text.contains(problem), "{query}: {text}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
