//! Runs a check to its end, and a call of a store halfway.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::Barrier, time::timeout};

use super::Check;
use crate::{error::panic_message, store::StoreError};

/// A check that may run in a task of its own.
pub(super) type Boxed = Pin<Box<dyn Future<Output = Check> + Send>>;

/// The outcome of `check`. A panic, or no end within `limit`, is a failure of the store.
pub(super) async fn to_its_end(limit: Duration, check: impl Future<Output = Check>) -> Check {
    let mut check = pin!(check);
    let caught = poll_fn(|context| poll_caught(check.as_mut(), context));
    timeout(limit, caught)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {limit:?}").into()))
}

fn poll_caught(check: Pin<&mut impl Future<Output = Check>>, cx: &mut Context<'_>) -> Poll<Check> {
    catch_unwind(AssertUnwindSafe(|| check.poll(cx)))
        .unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
}

fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    format!("panicked: {}", panic_message(panic)).into()
}

/// Begins a call and cancels it, after `polls` steps at the latest.
pub(super) async fn cancelled_after<T>(polls: usize, call: impl Future<Output = T>) {
    let mut call = pin!(call);
    for _ in 0..polls {
        let is_ready = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
        if is_ready {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Runs checks in tasks that all begin at the same time.
pub(super) async fn at_once(checks: impl IntoIterator<Item = Boxed>) -> Check {
    let checks: Vec<_> = checks.into_iter().collect();
    let start = Arc::new(Barrier::new(checks.len()));
    let tasks = checks.into_iter().map(|check| {
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            check.await
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut result = Ok(());
    for task in tasks {
        let ended = task.await.unwrap_or_else(|stopped| match stopped.try_into_panic() {
            Ok(panic) => Err(panicked(&*panic)),
            Err(stopped) => Err(stopped.into()),
        });
        result = result.and(ended);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hang_and_panic_are_failures_that_say_so() {
        let short = Duration::from_millis(5);
        let end =
            async |check: Boxed| to_its_end(short, check).await.map_err(|error| error.to_string());
        let ends: Boxed = Box::pin(async { Ok(()) });
        let hangs: Boxed = Box::pin(std::future::pending());
        let panics: Boxed = Box::pin(async { panic!("number {}", 7) });
        assert_eq!(end(ends).await, Ok(()));
        assert_eq!(end(hangs).await, Err("no answer within 5ms".to_owned()));
        assert_eq!(end(panics).await, Err("panicked: number 7".to_owned()));
    }
}
