//! Threads that render pages which nobody waits for. To the operating system
//! they are less urgent than the threads that answer visitors.

use std::{fmt, sync::OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};
use tracing::warn;

/// How much less urgent: where there is too little processor time for both, a
/// thread that renders gets about a tenth of what one that answers gets
/// (sched(7)). With the most, 19, it would be a hundredth: too little where
/// something else keeps the processors busy.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The threads, started when they are first needed.
pub(crate) struct Background {
    threads: usize,
    runtime: OnceLock<Option<Runtime>>,
}

impl Background {
    /// So many threads; with 0, pages are rendered where visitors are answered.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, runtime: OnceLock::new() }
    }

    /// Where to render; `None` for the caller's own threads.
    pub(crate) fn handle(&self) -> Option<Handle> {
        if self.threads == 0 {
            return None;
        }
        let runtime = self.runtime.get_or_init(|| {
            let runtime = Builder::new_multi_thread()
                .worker_threads(self.threads)
                .thread_name("isr-background")
                .on_thread_start(be_less_urgent)
                .enable_all()
                .build();
            runtime.map_err(|error| warn!(%error, "cannot start threads for regenerations")).ok()
        });
        runtime.as_ref().map(|runtime| runtime.handle().clone())
    }
}

/// On Linux each thread has a nice value of its own; elsewhere it is the process's.
fn be_less_urgent() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        warn!(%error, "regenerations are as urgent as visitors");
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The last engine may go where waiting for threads is not allowed.
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").field("threads", &self.threads).finish_non_exhaustive()
    }
}
