//! What all clones of a store share: the connections to a Redis, and the names of its keys.

use std::{
    sync::{Arc, Mutex, Once},
    time::Instant,
};

use redis::{
    Client, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation, ServerErrorKind,
};
use tracing::warn;

use super::{
    link::Link,
    server::{FORMS, Server},
};
use crate::{error::StoreError, tls};

/// What all clones of a store share.
pub(super) struct Shared {
    pub(super) server: Arc<Server>,
    link: Link,
    /// For records whose replicas are waited for, which holds up a connection.
    waiting: Link,
    /// The server's, without user and password.
    pub(super) address: String,
    /// What all keys of the site begin with.
    prefix: String,
    pub(super) build: String,
    /// When this process last said that it has the build open.
    pub(super) said_running: Mutex<Option<Instant>>,
    /// That this machine's clock is another.
    pub(super) skew_warning: Once,
}

impl Shared {
    /// Must be called in a runtime.
    pub(super) fn new(url: &str, site: &str, build: String) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(|error| {
            format!("the address of the Redis is malformed ({error}): use {FORMS}")
        })?;
        tls::choose_provider();
        let address = client.get_connection_info().addr().to_string();
        let server = Arc::new(Server::new(client));
        Ok(Self {
            link: Link::new(Arc::clone(&server)),
            waiting: Link::new(Arc::clone(&server)),
            server,
            address,
            prefix: format!("isr1:{site}:"),
            build,
            said_running: Mutex::default(),
            skew_warning: Once::new(),
        })
    }

    /// Dials. A server that cannot be reached is no error, and is named in a warning.
    pub(super) async fn open(&self) -> Result<(), StoreError> {
        match self.link.open().await {
            Ok(_) => Ok(()),
            Err(error) if is_unreachable(&error) => {
                warn!(redis = self.address, %error,
                    "the Redis cannot be reached: pages of others and purges are unknown until it can");
                Ok(())
            }
            Err(error) => Err(self.error(error)),
        }
    }

    pub(super) fn connection(&self) -> Link {
        self.link.clone()
    }

    pub(super) fn waiting_connection(&self) -> Link {
        self.waiting.clone()
    }

    /// The name of a key.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        invocation: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        invocation.invoke_async(&mut self.connection()).await.map_err(|error| self.error(error))
    }

    pub(super) fn error(&self, error: RedisError) -> StoreError {
        const PASSWORD: &str = ": look at user and password in its address";
        let hint = match (error.kind(), error.code()) {
            (ErrorKind::InvalidClientConfig, _) => {
                let problem = error.detail().unwrap_or_default();
                return format!("the Redis at `{}` {problem}", self.address).into();
            }
            (ErrorKind::AuthenticationFailed, _) => PASSWORD,
            (_, Some("NOAUTH" | "WRONGPASS")) => PASSWORD,
            (_, Some("NOPERM")) => {
                ": its user needs all commands for keys that begin with `isr1:`, and INFO"
            }
            _ => "",
        };
        format!("the Redis at `{}`: {error}{hint}", self.address).into()
    }
}

/// The script of a file.
pub(super) fn script(text: &str) -> Script {
    Script::new(text)
}

/// Whether the server may be there later.
pub(super) fn is_unreachable(error: &RedisError) -> bool {
    error.is_io_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown)
        )
}
