//! The one connection to a Redis, which is dialled anew when it breaks.
//!
//! It breaks when it fails, when it answers nothing for a while, and when the server says that it
//! takes no writes: the next call dials again, perhaps another server at the same address. Its task
//! lives on the runtime that opened the store, whoever calls.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, ServerErrorKind,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::{runtime::Handle, time::timeout};

use super::server::Server;

/// How long dialling may take.
pub(super) const DIALLING: Duration = Duration::from_secs(5);

/// When a call counts as not answered.
const SILENT: Duration = Duration::from_secs(10);

/// When a caller who gives up gives up on the connection too. The engine waits for two seconds or more.
const GIVEN_UP: Duration = Duration::from_secs(1);

/// For how long a failure to dial is the answer to those who come at the same time.
const FAILED: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(super) struct Link(Arc<State>);

struct State {
    server: Arc<Server>,
    runtime: Handle,
    open: Mutex<Open>,
    /// Held by whoever dials.
    dialling: tokio::sync::Mutex<Option<(Instant, RedisError)>>,
}

#[derive(Default)]
struct Open {
    connection: Option<MultiplexedConnection>,
    /// Which of all connections it is.
    number: u64,
}

/// A call under way. If it is dropped without an answer, the connection may be broken.
struct Call<'a> {
    link: &'a Link,
    number: u64,
    began: Instant,
    is_answered: bool,
}

impl Link {
    /// Dials when it is first used. Must be called in a runtime.
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self(Arc::new(State {
            server,
            runtime: Handle::current(),
            open: Mutex::default(),
            dialling: tokio::sync::Mutex::default(),
        }))
    }

    /// Dials unless it is open.
    pub(super) async fn open(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        if let Some(open) = self.opened() {
            return Ok(open);
        }
        let link = self.clone();
        // In a task: a caller who gives up leaves it to those who come later.
        let dialled = self.0.runtime.spawn(async move { link.dial().await });
        dialled.await.unwrap_or_else(|_| Err(broken("the runtime that opened it has ended")))
    }

    fn opened(&self) -> Option<(MultiplexedConnection, u64)> {
        let open = self.lock();
        Some((open.connection.clone()?, open.number))
    }

    async fn dial(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        let mut failed = self.0.dialling.lock().await;
        if let Some(open) = self.opened() {
            return Ok(open);
        }
        if let Some((when, error)) = &*failed
            && when.elapsed() < FAILED
        {
            return Err(error.clone());
        }
        let dialled = timeout(DIALLING, dial(&self.0.server)).await;
        match dialled.unwrap_or_else(|_| Err(broken("it does not answer"))) {
            Ok(connection) => {
                *failed = None;
                let mut open = self.lock();
                open.connection = Some(connection.clone());
                open.number += 1;
                Ok((connection, open.number))
            }
            Err(error) => {
                *failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Gives a connection up, unless it was dialled anew already.
    fn give_up(&self, number: u64) {
        let mut open = self.lock();
        if open.number == number {
            open.connection = None;
        }
    }

    async fn call<T>(
        &self,
        call: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, RedisError> {
        let (mut connection, number) = self.open().await?;
        let mut under_way = Call { link: self, number, began: Instant::now(), is_answered: false };
        let answer = timeout(SILENT, call(&mut connection)).await;
        let answer = answer.unwrap_or_else(|_| Err(broken("it does not answer")));
        under_way.is_answered = true;
        if answer.as_ref().is_err_and(is_broken) {
            self.give_up(number);
        }
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let call = async |connection: &mut MultiplexedConnection| {
            connection.req_packed_command(command).await?.extract_error()
        };
        self.call(call).boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let call = async move |connection: &mut MultiplexedConnection| {
            connection.req_packed_commands(pipeline, offset, count).await
        };
        self.call(call).boxed()
    }

    fn get_db(&self) -> i64 {
        self.0.server.client.get_connection_info().redis_settings().db()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.is_answered && self.began.elapsed() >= GIVEN_UP {
            self.link.give_up(self.number);
        }
    }
}

/// Dials, and looks whether the server will do: it may be another one than before.
pub(super) async fn dial(server: &Server) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(DIALLING))
        .set_response_timeout(None);
    let dialled = server.client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = dialled.await?;
    server.look(&mut connection).await?;
    Ok(connection)
}

/// Whether another connection may do better.
fn is_broken(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        }
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

fn broken(why: &'static str) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, why).into()
}
