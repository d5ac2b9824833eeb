//! Where the pages' data come from: a service that the tests run, over HTTP.

use std::net::SocketAddr;

use blackbox::wire::{Request, Response, exchange};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(pub(crate) SocketAddr);

/// What the service has for one key.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) is: Is,
    /// Tags that the data carry.
    pub(crate) tags: Vec<String>,
    /// How long the data are good for, in seconds.
    pub(crate) within: Option<u64>,
}

/// What a document is.
#[derive(Clone, Debug)]
pub(crate) enum Is {
    Found(Vec<u8>),
    Gone,
    Moved { status: u16, to: String },
}

impl Source {
    /// Loads what a page shows.
    ///
    /// # Errors
    ///
    /// Says which status the service answered with, or why it did not answer.
    pub(crate) async fn load(self, key: &str) -> Result<Document, String> {
        let response = self.ask("content", key).await?;
        let is = match response.status {
            200 => Is::Found(response.body.clone()),
            404 => Is::Gone,
            status @ 300..=399 => Is::Moved { status, to: response.header("location").to_owned() },
            status => return Err(format!("the source answered {status} for `{key}`")),
        };
        let tags = response.header("x-tags").split(',').filter(|tag| !tag.is_empty());
        Ok(Document {
            is,
            tags: tags.map(str::to_owned).collect(),
            within: response.header("x-within").parse().ok(),
        })
    }

    /// The values that a route lists, one a line.
    ///
    /// # Errors
    ///
    /// As [`load`](Source::load).
    pub(crate) async fn list(self, name: &str) -> Result<Vec<String>, String> {
        let response = self.ask("list", name).await?;
        match response.status {
            200 => Ok(response.text().lines().map(str::to_owned).collect()),
            status => Err(format!("the source answered {status} for the list `{name}`")),
        }
    }

    async fn ask(self, what: &str, key: &str) -> Result<Response, String> {
        let target = format!("/{what}/{}", utf8_percent_encode(key, NON_ALPHANUMERIC));
        exchange(self.0, Request::get(&target)).await.map_err(|error| error.to_string())
    }
}
