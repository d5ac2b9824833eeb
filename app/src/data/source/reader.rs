//! How a source asks: over which connections, for whom, and for how long
//! answers are fresh.

use http::{HeaderValue, header};
use leptos_isr::data::{DataError, FetchError, client_builder};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use std::{fmt, time::Duration};

use super::message::message;
use crate::data::{source_error::ContentError, tags};

const TIME_OUT: Duration = Duration::from_secs(10);

/// Asks a back end.
#[derive(Clone)]
pub(super) struct Reader {
    client: Client,
    token: Option<HeaderValue>,
    sends_token: SendsToken,
    reads: Reads,
    period: Option<Duration>,
}

/// When a back end is shown the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendsToken {
    /// What is published is open to all.
    ForDrafts,
    /// What is published may need it too.
    Always,
}

/// Which articles a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    Published,
    /// Drafts too, as if they were published.
    All,
}

/// Which articles a list is labelled with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shows {
    /// Each article in it.
    Each,
    /// Any article: for long lists.
    Any,
}

/// The tags of a read.
pub(super) struct Labels<T> {
    /// Known before it is answered.
    pub(super) tags: Vec<String>,
    /// Those that follow from the answer.
    pub(super) of_answer: Option<fn(T) -> Vec<String>>,
}

impl<T> Labels<T> {
    /// Of a list; `each` gives the tags of the articles in it.
    pub(super) fn list(section: Option<&str>, shows: Shows, each: fn(T) -> Vec<String>) -> Self {
        let list = tags::list(section);
        match shows {
            Shows::Each => Self { tags: vec![list], of_answer: Some(each) },
            Shows::Any => Self { tags: vec![list, tags::ANY_ARTICLE.to_owned()], of_answer: None },
        }
    }

    /// Of the article that was asked for, and of the one that was answered: a back end may find it
    /// by another spelling.
    pub(super) fn article(slug: &str, found: fn(T) -> Vec<String>) -> Self {
        Self { tags: vec![tags::article(slug)], of_answer: Some(found) }
    }

    /// Of what is labelled without looking at the answer.
    pub(super) fn known(tag: String) -> Self {
        Self { tags: vec![tag], of_answer: None }
    }
}

impl Reader {
    /// Reads what is published, from the back end at `base`.
    ///
    /// # Errors
    ///
    /// Returns [`ContentError::Client`] if the client cannot be set up.
    pub(super) fn new(base: &Url, sends_token: SendsToken) -> Result<Self, ContentError> {
        let client = client_builder().timeout(TIME_OUT).build();
        let client =
            client.map_err(|source| ContentError::Client { url: base.to_string(), source })?;
        Ok(Self { client, token: None, sends_token, reads: Reads::Published, period: None })
    }

    /// # Errors
    ///
    /// Returns [`ContentError::Token`] if no header can carry the token.
    pub(super) fn with_token(self, token: Option<&str>) -> Result<Self, ContentError> {
        let bearer = |token: &str| {
            let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
            bearer.set_sensitive(true);
            Ok(bearer)
        };
        let token = token.map(bearer).transpose().map_err(ContentError::Token)?;
        Ok(Self { token, ..self })
    }

    /// Reads drafts too, if there is a token for them.
    pub(super) fn with_drafts(self) -> Self {
        match self.token {
            Some(_) => Self { reads: Reads::All, ..self },
            None => self,
        }
    }

    pub(super) fn within(self, period: Duration) -> Self {
        Self { period: Some(period), ..self }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn reads(&self) -> Reads {
        self.reads
    }

    /// Reads `url`: what is published through the data cache, drafts anew each time.
    pub(super) async fn read<T: DeserializeOwned + 'static>(
        &self,
        url: Url,
        labels: Labels<T>,
    ) -> Result<T, ContentError> {
        if self.reads == Reads::All {
            let token = self.token.clone().expect("drafts are read with a token only");
            let request = self.client.get(url.clone()).header(header::AUTHORIZATION, token);
            return body(&url, send(&url, request).await?).await;
        }
        let mut fetch = leptos_isr::data::fetch(url.as_str()).tags(labels.tags);
        if let (SendsToken::Always, Some(token)) = (self.sends_token, &self.token) {
            fetch = fetch.header(header::AUTHORIZATION, token.clone());
        }
        if let Some(period) = self.period {
            fetch = fetch.revalidate(period);
        }
        if let Some(of_answer) = labels.of_answer {
            fetch = fetch.tags_of(of_answer);
        }
        fetch.json().await.map_err(|error| fetched(&url, error))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("reads", &self.reads).finish_non_exhaustive()
    }
}

/// The cache's failure in the words of this module.
fn fetched(url: &Url, error: DataError) -> ContentError {
    match error.cause().downcast_ref::<FetchError>() {
        Some(FetchError::Status { status, message: text, .. }) => {
            ContentError::Status { url: url.to_string(), status: *status, message: message(text) }
        }
        _ => ContentError::Fetch { url: url.to_string(), source: error },
    }
}

/// Sends `request`; an answer that is no success is an error with the API's own words.
pub(in crate::data) async fn send(
    url: &Url,
    request: RequestBuilder,
) -> Result<Response, ContentError> {
    let answer = request.send().await.map_err(|source| no_answer(url, source))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    Err(ContentError::Status { url: url.to_string(), status, message: message(&text) })
}

/// Reads an answer's JSON.
pub(in crate::data) async fn body<T: DeserializeOwned>(
    url: &Url,
    answer: Response,
) -> Result<T, ContentError> {
    let bytes = answer.bytes().await.map_err(|source| no_answer(url, source))?;
    serde_json::from_slice(&bytes)
        .map_err(|source| ContentError::Body { url: url.to_string(), source })
}

fn no_answer(url: &Url, source: reqwest::Error) -> ContentError {
    ContentError::Request { url: url.to_string(), source: source.without_url() }
}
