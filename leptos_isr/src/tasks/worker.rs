//! A task that works beside the requests for as long as its owner lives.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{runtime::Handle, sync::Notify, task::JoinSet};

/// The task, and what wakes it.
#[derive(Default)]
pub(crate) struct Worker {
    wake: Arc<Notify>,
    /// Empty until there is a runtime. The task ends with this value.
    task: Mutex<JoinSet<()>>,
}

impl Worker {
    /// Wakes the task, which `work` makes the first time that there is a runtime.
    pub(crate) fn wake<F>(&self, work: impl FnOnce(Arc<Notify>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.wake.notify_one();
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_empty() && Handle::try_current().is_ok() {
            task.spawn(work(Arc::clone(&self.wake)));
        }
    }
}
