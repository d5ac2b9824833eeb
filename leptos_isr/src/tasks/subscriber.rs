//! Whose log a task writes to.

use std::future::Future;

use futures::future::Either;
use tracing::{dispatcher, instrument::WithSubscriber, subscriber::NoSubscriber};

/// Returns `task` with the subscriber of its caller, which may be of one thread only, as in tests
/// that read the log.
///
/// Where there is no subscriber, none is set: to `tracing` that would be one, and it would pass
/// nothing more on to the crate `log`, in the whole process.
pub(crate) fn with_current_subscriber<F: Future>(task: F) -> impl Future<Output = F::Output> {
    match dispatcher::get_default(|current| current.is::<NoSubscriber>()) {
        true => Either::Left(task),
        false => Either::Right(task.with_current_subscriber()),
    }
}
