//! Asks origins: limits the requests at once, retries when that may help, and leaves an origin
//! alone when it asks for that.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Response, Url};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

use super::{
    decode::{DecodeError, codings, decode},
    error::FetchError,
};
use crate::{
    data::{
        error::DataError,
        value::{SourceAnswer, Validators},
    },
    period,
    tls::{self, client_builder},
};

/// How long to wait before the second and the third try.
const RETRIES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// The longest `Retry-After` that is waited out while somebody waits for a page.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest that an origin is left alone, whatever it asks for.
const LONGEST_REST: Duration = period::minutes(5);

/// How much of an error's body is kept, in characters.
const MESSAGE: usize = 500;

/// Settings of [`fetch`](crate::data::fetch()).
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// The HTTP client. Defaults to `None`: one of [`client_builder`] with a time limit of 10 seconds
    /// for each request.
    pub client: Option<reqwest::Client>,
    /// How many requests to one origin run at once. Defaults to 16.
    pub concurrency: usize,
    /// How long an answer may be, in bytes. Defaults to 8 MiB.
    pub max_body: usize,
}

impl Default for FetchSettings {
    /// 16 requests to one origin at once, and 8 MiB for each answer.
    fn default() -> Self {
        Self { client: None, concurrency: 16, max_body: 8 << 20 }
    }
}

/// The HTTP client of an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: FetchSettings,
    client: OnceLock<reqwest::Client>,
    origins: Mutex<HashMap<String, Arc<Origin>>>,
}

/// One scheme, host and port, with its limits.
#[derive(Debug)]
struct Origin {
    name: String,
    turns: Semaphore,
    rest: Mutex<Rest>,
}

/// Whether an origin is left alone.
///
/// An address that asks for it by `Retry-After` waits by itself, as each read that failed does: one
/// article's limit is not that of all. If another address asks for it too before any is answered,
/// the whole origin is left alone. After that one request at a time finds out whether it answers
/// again.
#[derive(Debug, Default)]
struct Rest {
    /// The address that asked for it last.
    asked_by: Option<String>,
    /// Until when the whole origin is left alone; `None` if it is not.
    until: Option<Instant>,
    is_probed: bool,
}

/// The one request that finds out whether an origin answers again. Dropping it lets another one try.
struct Probe<'a>(&'a Origin);

impl Client {
    pub(crate) fn new(settings: FetchSettings) -> Self {
        let (client, origins) = (OnceLock::new(), Mutex::default());
        Self(Arc::new(Inner { settings, client, origins }))
    }

    /// The client of code that runs without an engine.
    pub(crate) fn shared() -> Self {
        static SHARED: LazyLock<Client> = LazyLock::new(|| Client::new(FetchSettings::default()));
        SHARED.clone()
    }

    /// Asks for `url`, and tries again if that may help.
    pub(crate) async fn get(
        &self,
        url: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        validators: Validators,
    ) -> Result<SourceAnswer, DataError> {
        let parsed = parse(url).map_err(DataError::new)?;
        if self.0.settings.client.is_none() {
            let no_tls = |problem: &str| FetchError::Url {
                url: shown(&parsed),
                problem: problem.to_owned(),
            };
            tls::check(&parsed).map_err(no_tls).map_err(DataError::new)?;
        }
        let origin = self.origin(&parsed);
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            request.append(name, value);
        }
        request.extend(validators.etag.map(|etag| (header::IF_NONE_MATCH, etag)));
        request.extend(validators.last_modified.map(|time| (header::IF_MODIFIED_SINCE, time)));
        let mut waits = RETRIES.into_iter();
        loop {
            let _probe = origin.may_be_asked()?;
            let error = match self.ask(&origin, &parsed, &request).await {
                Ok(loaded) => {
                    origin.answered();
                    return Ok(loaded);
                }
                Err(Attempt::Final(error)) => return Err(final_error(error)),
                Err(Attempt::Failed { error, retry_after }) => {
                    let wait = retry_after.unwrap_or_default().min(LONGEST_REST);
                    if wait > PATIENCE {
                        origin.leave_alone(url, wait);
                        return Err(DataError::new(error).after(wait));
                    }
                    (error, wait)
                }
            };
            let (error, retry_after) = error;
            match waits.next() {
                Some(wait) => sleep(wait.max(retry_after)).await,
                None => return Err(DataError::new(error).after(retry_after)),
            }
        }
    }

    async fn ask(
        &self,
        origin: &Origin,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<SourceAnswer, Attempt> {
        let _turn = origin.turn().await;
        let client = self.plain().map_err(Attempt::Final)?;
        let no_answer = |source: reqwest::Error| Attempt::Failed {
            error: FetchError::Request { url: shown(url), source: source.without_url() },
            retry_after: None,
        };
        let answer =
            client.get(url.clone()).headers(headers.clone()).send().await.map_err(no_answer)?;
        let status = answer.status();
        let validators = Validators {
            etag: answer.headers().get(header::ETAG).cloned(),
            last_modified: answer.headers().get(header::LAST_MODIFIED).cloned(),
        };
        // Without a validator sent it says nothing of what is kept.
        if status == StatusCode::NOT_MODIFIED && is_conditional(headers) {
            return Ok(SourceAnswer::NotModified);
        }
        let codings = codings(answer.headers());
        if status == StatusCode::OK {
            let limit = self.0.settings.max_body;
            let bytes = body(answer, limit).await.map_err(no_answer)?;
            let bytes = bytes.ok_or(DecodeError::TooLarge);
            return match bytes.and_then(|bytes| decode(bytes, &codings, limit)) {
                Ok(bytes) => Ok(SourceAnswer::New { bytes, tags: Vec::new(), validators }),
                Err(error) => Err(Attempt::Final(undecoded(error, url, limit))),
            };
        }
        let retry_after = retry_after(answer.headers());
        let message = match body(answer, 16 * MESSAGE).await {
            Ok(Some(bytes)) => decode(bytes, &codings, 16 * MESSAGE).ok(),
            _ => None,
        };
        let message = message.map(|bytes| self::message(&bytes)).unwrap_or_default();
        let error = FetchError::Status { url: shown(url), status, message };
        Err(match is_passing(status) {
            true => Attempt::Failed { error, retry_after },
            false => Attempt::Final(error),
        })
    }

    /// The client itself: it limits no requests, does not retry and leaves no origin alone.
    pub(crate) fn plain(&self) -> Result<reqwest::Client, FetchError> {
        if let Some(client) = &self.0.settings.client {
            return Ok(client.clone());
        }
        if let Some(client) = self.0.client.get() {
            return Ok(client.clone());
        }
        let client = client_builder().timeout(Duration::from_secs(10)).build();
        let client = client.map_err(FetchError::Client)?;
        Ok(self.0.client.get_or_init(|| client).clone())
    }

    fn origin(&self, url: &Url) -> Arc<Origin> {
        let name = url.origin().ascii_serialization();
        let mut origins = lock(&self.0.origins);
        let new = || {
            let turns = Semaphore::new(self.0.settings.concurrency.max(1));
            Arc::new(Origin { name: name.clone(), turns, rest: Mutex::default() })
        };
        Arc::clone(origins.entry(name.clone()).or_insert_with(new))
    }
}

impl Origin {
    async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("the semaphore is never closed")
    }

    fn may_be_asked(&self) -> Result<Option<Probe<'_>>, DataError> {
        let mut rest = lock(&self.rest);
        let Some(until) = rest.until else { return Ok(None) };
        let wait = match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO if !rest.is_probed => {
                rest.is_probed = true;
                return Ok(Some(Probe(self)));
            }
            Duration::ZERO => period::seconds(1),
            wait => wait,
        };
        let error = FetchError::LeftAlone { origin: self.name.clone(), wait };
        Err(DataError::new(error).after(wait))
    }

    fn leave_alone(&self, url: &str, wait: Duration) {
        let mut rest = lock(&self.rest);
        match &rest.asked_by {
            Some(other) if other != url || rest.until.is_some() => {
                rest.until = Instant::now().checked_add(wait)
            }
            _ => rest.asked_by = Some(url.to_owned()),
        }
    }

    fn answered(&self) {
        *lock(&self.rest) = Rest::default();
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        lock(&self.0.rest).is_probed = false;
    }
}

/// What a read is told. Only 404 and 410 say for certain that there is no such thing: another
/// refusal, such as one of an expired token, says nothing of the content.
fn final_error(error: FetchError) -> DataError {
    let is_absent = matches!(
        error,
        FetchError::Status { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }
    );
    let error = DataError::new(error);
    if is_absent { error.definite() } else { error }
}

/// Why one request gave no value.
enum Attempt {
    /// Asking again would give the same.
    Final(FetchError),
    /// Asking again may help.
    Failed { error: FetchError, retry_after: Option<Duration> },
}

pub(super) fn parse(url: &str) -> Result<Url, FetchError> {
    let wrong = |problem: String| FetchError::Url { url: url.to_owned(), problem };
    let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
    match parsed.scheme() {
        "http" | "https" if has_dot_segments(url) => Err(wrong(
            "its path has a segment `.` or `..`, which means another folder; \
             give text that comes from a visitor to `Fetch::segment`"
                .to_owned(),
        )),
        "http" | "https" => Ok(parsed),
        scheme => Err(wrong(format!("`{scheme}` is neither http nor https"))),
    }
}

/// An address as errors and the log show it: without user and query, which may be secrets.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // An address that cannot have a user has none.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Whether parsing removes segments of the path (WHATWG URL Standard, section 4.4): `.` and `..`,
/// encoded or not, between slashes of either kind, with tabs and line ends that count as absent.
fn has_dot_segments(url: &str) -> bool {
    let url = url.replace(['\t', '\n', '\r'], "").to_ascii_lowercase().replace("%2e", ".");
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).any(|segment| matches!(segment.trim(), "." | ".."))
}

/// The body, or `None` if it is longer than `limit`.
async fn body(mut answer: Response, limit: usize) -> reqwest::Result<Option<Bytes>> {
    if answer.content_length().is_some_and(|len| len > limit as u64) {
        return Ok(None);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

fn undecoded(error: DecodeError, url: &Url, limit: usize) -> FetchError {
    let url = shown(url);
    match error {
        DecodeError::TooLarge => FetchError::TooLarge { url, limit },
        DecodeError::Unknown(coding) => FetchError::UnknownCoding { url, coding },
        DecodeError::Broken(source) => FetchError::Coding { url, source },
    }
}

fn message(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().chars().take(MESSAGE).collect()
}

fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MODIFIED_SINCE)
}

/// Whether the same request may be answered differently the next time.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status)
}

/// `Retry-After`, RFC 9110 section 10.2.3: seconds or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    date.duration_since(std::time::SystemTime::now()).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::try_from(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("soon"), None);
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        let later = std::time::SystemTime::now() + Duration::from_secs(100);
        let wait = of(&httpdate::fmt_http_date(later)).unwrap();
        assert!(wait > Duration::from_secs(90) && wait <= Duration::from_secs(100));
    }

    #[test]
    fn address_whose_path_leads_elsewhere_is_refused_with_the_remedy() {
        let paths =
            ["../admin", "a/../../admin", "./a", "%2e%2E/admin", ".%2e", "..\\admin", ".\t./a"];
        for path in paths {
            let url = format!("http://a.example/articles/{path}");
            let error = parse(&url).unwrap_err().to_string();
            assert!(error.contains(&url) && error.contains("`Fetch::segment`"), "{error}");
        }
        for path in ["..a", "a..b", ".well-known/x", "a?next=../b", "a%2F..%2Fb", "...", "a#../b"] {
            assert!(parse(&format!("http://a.example/articles/{path}")).is_ok(), "{path}");
        }
    }

    #[test]
    fn only_http_is_fetched() {
        for url in ["ftp://example.org/", "/articles", "file:///etc/passwd"] {
            assert!(parse(url).unwrap_err().to_string().contains(url));
        }
    }
}
