//! The tasks that a page starts while it is rendered. They run within its render, one at a time,
//! and end with it.
//!
//! Leptos starts one task for each resource, and one that waits for each read of it. Neither ends
//! by itself if the data never comes: a `LocalResource` never has data on a server, and a source
//! may hang. Each render would leave some tasks behind. On another thread, a task could be in the
//! middle of the page's code when the render ends and everything that the page made is disposed of:
//! then Leptos panics.

use std::pin::pin;

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedSender, unbounded},
    future::{Either, select},
};
use tokio::task::coop::cooperative;

tokio::task_local! {
    /// Takes what the render in progress starts.
    static STARTED: UnboundedSender<PinnedFuture<()>>;
}

/// Runs Leptos's tasks on tokio, as `Executor::init_tokio` does, except that tasks of a render run
/// within the render.
#[derive(Debug)]
struct RenderExecutor;

impl CustomExecutor for RenderExecutor {
    fn spawn(&self, task: PinnedFuture<()>) {
        match STARTED.try_with(Clone::clone) {
            // Sending fails only if the render has ended.
            Ok(started) => drop(started.unbounded_send(task)),
            Err(_) => drop(tokio::spawn(task)),
        }
    }

    fn spawn_local(&self, task: PinnedLocalFuture<()>) {
        tokio::task::spawn_local(task);
    }

    fn poll_local(&self) {}
}

/// Makes Leptos start its tasks here. Has no effect if the program has chosen an executor before.
pub(crate) fn init() {
    let _ = Executor::init_custom_executor(RenderExecutor);
}

/// Runs a render and the tasks that it starts. Tasks that are not done when the render is done are
/// dropped.
pub(crate) async fn scope<F: Future>(render: F) -> F::Output {
    let (start, started) = unbounded();
    let both = async {
        // Without this, tasks that wake each other without end would never yield.
        let tasks = started.for_each_concurrent(None, cooperative);
        match select(pin!(render), pin!(tasks)).await {
            Either::Left((rendered, _)) => rendered,
            Either::Right(((), render)) => render.await,
        }
    };
    STARTED.scope(start, both).await
}
