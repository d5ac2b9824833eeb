//! The tasks that a page starts while it is rendered: they end with its render.
//!
//! Leptos starts one for each resource, and one that waits for each read of it.
//! Neither ends by itself if the data never comes: a `LocalResource` never has
//! any on a server, and a source may hang. Each render would leave some behind.

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use tokio_util::sync::{CancellationToken, DropGuard};

tokio::task_local! {
    /// Cancelled when the render in progress ends.
    static RENDER_ENDS: CancellationToken;
}

/// Starts Leptos's tasks on tokio, as `Executor::init_tokio` does, and ends
/// those of a render with it.
#[derive(Debug)]
struct EndedWithRender;

impl CustomExecutor for EndedWithRender {
    fn spawn(&self, task: PinnedFuture<()>) {
        match RENDER_ENDS.try_with(CancellationToken::clone) {
            Ok(ends) => {
                let until_then = ends.clone().run_until_cancelled_owned(task);
                // What it starts in turn is of the render too.
                tokio::spawn(RENDER_ENDS.scope(ends, async move {
                    until_then.await;
                }));
            }
            Err(_) => {
                tokio::spawn(task);
            }
        }
    }

    fn spawn_local(&self, task: PinnedLocalFuture<()>) {
        tokio::task::spawn_local(task);
    }

    fn poll_local(&self) {}
}

/// Makes Leptos start its tasks here. Too late, without any effect, if the
/// program has chosen an executor before.
pub(crate) fn init() {
    let _ = Executor::init_custom_executor(EndedWithRender);
}

/// Runs a render; its tasks end when what is returned second is dropped.
pub(crate) fn scope<F: Future>(render: F) -> (impl Future<Output = F::Output>, DropGuard) {
    let ends = CancellationToken::new();
    let guard = ends.clone().drop_guard();
    (RENDER_ENDS.scope(ends, render), guard)
}
