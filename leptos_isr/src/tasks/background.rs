//! Threads that render pages that nobody waits for. The operating system prefers the threads that
//! answer visitors.

use std::{fmt, sync::OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};
use tracing::warn;

/// The nice value of these threads. Where there is too little processor time for both, such a
/// thread gets about a tenth of what a thread that answers visitors gets (sched(7)). At the
/// maximum, 19, it would get a hundredth: too little where something else keeps the processors
/// busy.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The threads, started on first use.
pub(crate) struct Background {
    threads: usize,
    /// In bytes.
    stack_size: usize,
    runtime: OnceLock<Option<Runtime>>,
}

impl Background {
    /// `threads` threads, each with a stack of `stack_size` bytes. With 0, pages are rendered where
    /// visitors are answered.
    pub(crate) fn new(threads: usize, stack_size: usize) -> Self {
        Self { threads, stack_size, runtime: OnceLock::new() }
    }

    /// The runtime to render on; `None` means the caller's own.
    pub(crate) fn handle(&self) -> Option<Handle> {
        if self.threads == 0 {
            return None;
        }
        let runtime = self.runtime.get_or_init(|| {
            let runtime = Builder::new_multi_thread()
                .worker_threads(self.threads)
                .thread_name("isr-background")
                .thread_stack_size(self.stack_size)
                .on_thread_start(be_less_urgent)
                .enable_all()
                .build();
            runtime.map_err(|error| warn!(%error, "cannot start threads for regenerations")).ok()
        });
        runtime.as_ref().map(|runtime| runtime.handle().clone())
    }
}

/// Lowers the priority of the current thread. Only on Linux: elsewhere the nice value belongs to
/// the whole process.
fn be_less_urgent() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        warn!(%error, "cannot lower the priority of regenerations");
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The last engine may be dropped in async code, where waiting for threads is not allowed.
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
