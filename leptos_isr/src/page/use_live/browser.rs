//! The tab's one connection, and the components that share it.
//!
//! Whatever happens (a component comes or goes, the tab is hidden or shown, the connection breaks)
//! ends in `settle`, which compares the connection that is wanted with the one that is open.

use std::{cell::RefCell, rc::Rc, time::Duration};

use leptos::{
    leptos_dom::helpers::TimeoutHandle,
    prelude::{
        Effect, Owner, With, document, on_cleanup, set_timeout, set_timeout_with_handle,
        use_context, window, window_event_listener_untyped,
    },
    wasm_bindgen::{JsCast, closure::Closure},
};
use leptos_router::location::{BrowserUrl, LocationProvider};
use web_sys::{
    Event, EventSource, MessageEvent,
    js_sys::{Math, encode_uri_component},
};

use super::delay;
use crate::{page::context::here, wire};

/// How long the connection waits before it follows the components: a navigation replaces several.
const PAUSE: Duration = Duration::from_millis(100);

/// The components are told within this time after an event.
const SPREAD: Duration = Duration::from_millis(500);

/// One component that watches.
struct Watcher {
    id: u32,
    page: String,
    /// When its data was read; see [`now`].
    read_at: f64,
    on_change: Rc<dyn Fn()>,
}

/// An open connection, closed when this is dropped.
struct Connection {
    pages: Vec<String>,
    source: EventSource,
}

/// What all components of the tab share.
#[derive(Default)]
struct Tab {
    watchers: Vec<Watcher>,
    last_watcher: u32,
    connection: Option<Connection>,
    /// The pages of the last connection that received an event, and the id of its last event.
    known: Option<(Vec<String>, String)>,
    failures: u32,
    /// No connection is tried before this time; see [`now`].
    retry_at: f64,
    timer: Option<TimeoutHandle>,
    is_telling: bool,
    /// Takes the events of all connections; made with the first watcher.
    on_event: Option<Closure<dyn FnMut(Event)>>,
}

thread_local! {
    static TAB: RefCell<Tab> = RefCell::default();
}

pub(super) fn watch(on_change: impl Fn() + 'static) {
    let on_change: Rc<dyn Fn()> = Rc::new(on_change);
    let id = TAB.with_borrow_mut(|tab| {
        tab.last_watcher += 1;
        tab.last_watcher
    });
    // When the page hydrates, its data came with the document.
    let is_hydrating = Owner::current_shared_context().is_some_and(|it| it.during_hydration());
    let first = if is_hydrating { 0.0 } else { now() };
    let router: Option<BrowserUrl> = use_context();
    Effect::new(move |before: Option<String>| {
        let page = shown(router.as_ref());
        // Another place on the page that is shown.
        if before.as_ref() == Some(&page) {
            return page;
        }
        let read_at = if before.is_some() { now() } else { first };
        let on_change = Rc::clone(&on_change);
        TAB.with_borrow_mut(|tab| {
            tab.watchers.retain(|watcher| watcher.id != id);
            tab.watchers.push(Watcher { id, page: page.clone(), read_at, on_change });
            tab.listen();
        });
        settle_after(PAUSE);
        page
    });
    on_cleanup(move || {
        TAB.with_borrow_mut(|tab| tab.watchers.retain(|watcher| watcher.id != id));
        settle_after(PAUSE);
    });
}

/// The page that is shown: where the router is or, in islands, the document's own.
fn shown(router: Option<&BrowserUrl>) -> String {
    match router {
        Some(router) => router.as_url().with(|url| match url.search() {
            "" => url.path().to_owned(),
            query => format!("{}?{query}", url.path()),
        }),
        None => here().unwrap_or_default(),
    }
}

/// Milliseconds since the browser began to load the document.
fn now() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

/// Calls [`settle`] after `pause`, and not before the connection may be tried again.
fn settle_after(pause: Duration) {
    TAB.with_borrow_mut(|tab| {
        if let Some(timer) = tab.timer.take() {
            timer.clear();
        }
        let wait = Duration::from_millis((tab.retry_at - now()).max(0.0) as u64);
        tab.timer = set_timeout_with_handle(settle, pause.max(wait)).ok();
    });
}

/// Opens, closes or replaces the connection, if it is not the one that is wanted.
fn settle() {
    TAB.with_borrow_mut(|tab| {
        tab.timer = None;
        let wanted = if document().hidden() { Vec::new() } else { tab.pages() };
        let open = tab.connection.as_ref().map_or(&[][..], |open| &open.pages);
        if wanted != open {
            tab.connection = None;
            if !wanted.is_empty() {
                tab.connection = tab.connect(wanted);
            }
        }
    });
}

fn on_event(event: Event) {
    let kind = event.type_();
    if kind == "error" {
        TAB.with_borrow_mut(|tab| {
            // The browser's own retry has no backoff.
            tab.connection = None;
            tab.failures = tab.failures.saturating_add(1);
            let wait = delay::before_retry(tab.failures, Math::random());
            tab.retry_at = now() + wait.as_secs_f64() * 1000.0;
        });
        settle_after(Duration::ZERO);
        return;
    }
    let id = event.unchecked_ref::<MessageEvent>().last_event_id();
    TAB.with_borrow_mut(|tab| {
        tab.failures = 0;
        tab.known = tab.connection.as_ref().map(|open| (open.pages.clone(), id));
    });
    if kind == "message" {
        tell();
    }
}

/// Tells the components soon, and once for all events until then.
fn tell() {
    if TAB.with_borrow_mut(|tab| std::mem::replace(&mut tab.is_telling, true)) {
        return;
    }
    let tell = || {
        let told: Vec<_> = TAB.with_borrow_mut(|tab| {
            tab.is_telling = false;
            tab.watchers.iter().map(|watcher| Rc::clone(&watcher.on_change)).collect()
        });
        told.iter().for_each(|on_change| on_change());
    };
    set_timeout(tell, SPREAD.mul_f64(Math::random()));
}

impl Tab {
    /// The pages that are watched, each once and in order.
    fn pages(&self) -> Vec<String> {
        let mut pages = Vec::new();
        for Watcher { page, .. } in &self.watchers {
            if let Err(place) = pages.binary_search(page) {
                pages.insert(place, page.clone());
            }
        }
        pages
    }

    /// Listens once for the life of the tab.
    fn listen(&mut self) {
        if self.on_event.is_none() {
            self.on_event = Some(Closure::new(on_event));
            // The event bubbles from the document to the window.
            window_event_listener_untyped("visibilitychange", |_| match document().hidden() {
                true => settle(),
                false => settle_after(SPREAD.mul_f64(Math::random())),
            });
        }
    }

    fn connect(&self, pages: Vec<String>) -> Option<Connection> {
        let on_event = self.on_event.as_ref()?.as_ref().unchecked_ref();
        let mut url = match &self.known {
            Some((known, last)) if *known == pages => format!("{}?last={last}", wire::LIVE),
            _ => {
                let earliest = self.watchers.iter().map(|watcher| watcher.read_at);
                let earliest = earliest.fold(f64::INFINITY, f64::min);
                format!("{}?open_for={}", wire::LIVE, (now() - earliest).max(0.0) as u64)
            }
        };
        for page in &pages {
            url += "&page=";
            url += &String::from(encode_uri_component(page));
        }
        let source = EventSource::new(&url).ok()?;
        for event in ["message", "error", "watching"] {
            source.add_event_listener_with_callback(event, on_event).ok()?;
        }
        Some(Connection { pages, source })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.source.close();
    }
}
