//! loom's locks and counters under the names that the files of `leptos_isr` use.

pub(crate) use std::sync::PoisonError;

pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

/// A channel of one value with the interface of `tokio::sync::watch`.
pub(crate) mod watch {
    use std::ops::Deref;

    use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

    #[derive(Debug)]
    struct Channel<T> {
        state: Mutex<State<T>>,
        changed: Condvar,
    }

    #[derive(Debug)]
    struct State<T> {
        value: T,
        is_closed: bool,
    }

    /// The only sender; dropped, it closes the channel.
    #[derive(Debug)]
    pub(crate) struct Sender<T>(Arc<Channel<T>>);

    #[derive(Debug)]
    pub(crate) struct Receiver<T>(Arc<Channel<T>>);

    /// The sender is gone.
    #[derive(Debug)]
    pub(crate) struct Closed;

    /// The value, locked.
    #[derive(Debug)]
    pub(crate) struct Ref<'a, T>(MutexGuard<'a, State<T>>);

    pub(crate) fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
        let state = Mutex::new(State { value, is_closed: false });
        let channel = Arc::new(Channel { state, changed: Condvar::new() });
        (Sender(Arc::clone(&channel)), Receiver(channel))
    }

    impl<T> Channel<T> {
        fn lock(&self) -> MutexGuard<'_, State<T>> {
            self.state.lock().expect("nothing panics while it holds the lock")
        }
    }

    impl<T> Sender<T> {
        pub(crate) fn send_replace(&self, value: T) -> T {
            let old = std::mem::replace(&mut self.0.lock().value, value);
            self.0.changed.notify_all();
            old
        }

        pub(crate) fn subscribe(&self) -> Receiver<T> {
            Receiver(Arc::clone(&self.0))
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            self.0.lock().is_closed = true;
            self.0.changed.notify_all();
        }
    }

    impl<T> Clone for Receiver<T> {
        fn clone(&self) -> Self {
            Self(Arc::clone(&self.0))
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn same_channel(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }

        /// Blocks the thread instead of the task: a model's threads have one
        /// task each.
        pub(crate) async fn wait_for(
            &mut self,
            mut is_awaited: impl FnMut(&T) -> bool,
        ) -> Result<Ref<'_, T>, Closed> {
            let mut state = self.0.lock();
            loop {
                if is_awaited(&state.value) {
                    return Ok(Ref(state));
                }
                if state.is_closed {
                    return Err(Closed);
                }
                state = self.0.changed.wait(state).expect("nothing panics while it holds the lock");
            }
        }
    }

    impl<T> Deref for Ref<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0.value
        }
    }
}
