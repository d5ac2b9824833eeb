//! What Leptos has in the thread for one request, apart from that of others.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use futures::{StreamExt, stream};
use leptos::{
    error::{Error, ErrorHook, ErrorId, get_error_hook, set_error_hook},
    prelude::Owner,
};

use crate::render::csp::is_html;

/// Keeps apart the current owner, and the hook that takes errors for a boundary, also while the page is
/// sent.
///
/// `leptos_integration_utils` reads contexts after it has waited for the page. It takes the thread's
/// current owner for its own, which then is that of the request that came last: preloads and nonce
/// would be another page's. A boundary sets its hook, and waits for what it shows: on another thread,
/// or after another page's boundary, an error would be lost, and nothing drawn in its place.
pub(super) async fn apart(request: Request, next: Next) -> Response {
    let mut own = OfThread { owner: None, hook: Arc::new(NoBoundary) };
    let mut response = pin!(next.run(request));
    let response = poll_fn(|cx| own.poll(|| response.as_mut().poll(cx))).await;
    if !is_html(response.headers()) {
        return response;
    }
    response.map(|body| {
        let mut body = body.into_data_stream();
        Body::from_stream(stream::poll_fn(move |cx| own.poll(|| body.poll_next_unpin(cx))))
    })
}

struct OfThread {
    owner: Option<Owner>,
    hook: Arc<dyn ErrorHook>,
}

impl OfThread {
    fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let owner = self.owner.take().unwrap_or_else(|| Owner::new_root(None));
        // The thread has its own again when this is dropped.
        let _thread = set_error_hook(Arc::clone(&self.hook));
        let polled;
        (polled, self.owner) = owner.with(|| (poll(), Owner::current()));
        if let Some(hook) = get_error_hook() {
            self.hook = hook;
        }
        polled
    }
}

/// Takes errors that are thrown outside of all boundaries, as Leptos does without a hook.
struct NoBoundary;

impl ErrorHook for NoBoundary {
    fn throw(&self, _: Error) -> ErrorId {
        ErrorId::default()
    }

    fn clear(&self, _: &ErrorId) {}
}
