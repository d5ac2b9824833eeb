//! Hydrating an app in parts, with a pause before each.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    time::Duration,
};

use any_spawner::{CustomExecutor, Executor, PinnedFuture, PinnedLocalFuture};
use futures::channel::oneshot;
use leptos::{
    mount::hydrate_from_async,
    prelude::{IntoView, document, set_timeout_with_handle, window},
    wasm_bindgen::{JsCast, JsValue, closure::Closure},
    web_sys::{Event, HtmlAnchorElement, js_sys::Function},
};
use wasm_bindgen_futures::spawn_local;

thread_local! {
    /// What the app has started since its hydration began; `None` once it may run.
    static HELD: RefCell<Option<Vec<PinnedLocalFuture<()>>>> = const { RefCell::new(None) };
    static IS_PAUSED: Cell<bool> = const { Cell::new(false) };
}

/// Hydrates the app in the document's body, in place of `leptos::mount::hydrate_lazy`, with a pause
/// before each [`HydrateLater`](crate::page::HydrateLater). It ends when everything is hydrated.
///
/// Effects, and what follows a change of a signal, run after the last part, as if there were no
/// pauses. An effect that changes what a part shows must not run before that part is hydrated,
/// since hydration takes the text as the server drew it. Where the app has to wait for a part of
/// the program (lazy routes), effects run earlier.
///
/// Call it once for each document. A program that has already given Leptos an executor is hydrated
/// without pauses.
///
/// # Panics
///
/// Panics if the document has no body.
///
/// # Examples
///
/// ```ignore
/// #[wasm_bindgen]
/// pub fn hydrate() {
///     spawn_local(leptos_isr::page::hydrate(App)); // of wasm_bindgen_futures
/// }
/// ```
pub async fn hydrate<F, N>(app: F)
where
    F: FnOnce() -> N + 'static,
    N: IntoView,
{
    if Executor::init_custom_executor(OnceHydrated).is_ok() {
        HELD.set(Some(Vec::new()));
    }
    let body = document().body().expect("the document has a body");
    let mut hydrating = pin!(hydrate_from_async(body, app));
    let page = poll_fn(|context| {
        let state = hydrating.as_mut().poll(context);
        if state.is_ready() || !IS_PAUSED.get() {
            release();
        }
        state
    });
    page.await.forget();
}

/// Runs the tasks that Leptos starts in the browser. Those that start during hydration run after
/// it.
struct OnceHydrated;

impl CustomExecutor for OnceHydrated {
    fn spawn(&self, task: PinnedFuture<()>) {
        self.spawn_local(task);
    }

    fn spawn_local(&self, task: PinnedLocalFuture<()>) {
        HELD.with_borrow_mut(|held| match held {
            Some(held) => held.push(task),
            None => spawn_local(task),
        });
    }

    fn poll_local(&self) {}
}

fn release() {
    HELD.take().into_iter().flatten().for_each(spawn_local);
}

/// Lets the browser do what is due, and continues in a task of its own.
pub(super) async fn pause() -> Option<Holds> {
    if HELD.with_borrow(Option::is_none) {
        return None;
    }
    let holds = Holds::new();
    let (go_on, task) = oneshot::channel();
    let go_on = move || {
        let _ = go_on.send(());
    };
    if set_timeout_with_handle(go_on, Duration::ZERO).is_ok() {
        IS_PAUSED.set(true);
        let _ = task.await;
        IS_PAUSED.set(false);
    }
    Some(holds)
}

/// While it lives, links are followed by the browser and not by Leptos's router, which listens at
/// the window. Where the browser goes to another entry of its history, the document is loaded
/// again.
pub(super) struct Holds {
    clicks: Closure<dyn FnMut(Event)>,
    moves: Closure<dyn FnMut(Event)>,
}

impl Holds {
    fn new() -> Self {
        let clicks = Closure::new(|event: Event| {
            let is_link = |node: JsValue| node.is_instance_of::<HtmlAnchorElement>();
            if event.composed_path().iter().any(is_link) {
                event.stop_propagation();
            }
        });
        let here = address();
        let moves = Closure::new(move |event: Event| {
            // Not for another place on the same page.
            if address() != here {
                event.stop_immediate_propagation();
                let _ = window().location().reload();
            }
        });
        let holds = Self { clicks, moves };
        let (clicks, moves) = holds.listeners();
        let _ = document().add_event_listener_with_callback("click", clicks);
        // Before the router, which listens already.
        let _ = window().add_event_listener_with_callback_and_bool("popstate", moves, true);
        holds
    }

    fn listeners(&self) -> (&Function, &Function) {
        (self.clicks.as_ref().unchecked_ref(), self.moves.as_ref().unchecked_ref())
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        let (clicks, moves) = self.listeners();
        let _ = document().remove_event_listener_with_callback("click", clicks);
        let _ = window().remove_event_listener_with_callback_and_bool("popstate", moves, true);
    }
}

/// Where the browser is.
fn address() -> (Option<String>, Option<String>) {
    let location = window().location();
    (location.pathname().ok(), location.search().ok())
}
