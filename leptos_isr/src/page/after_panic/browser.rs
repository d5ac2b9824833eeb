//! The panic hook, in the browser.

use std::panic;

use leptos::{
    prelude::{ReadUntracked, use_context, window},
    wasm_bindgen::{JsCast, JsValue, closure::Closure},
};
use leptos_router::location::{BrowserUrl, LocationProvider};
use web_sys::Event;

pub(super) fn hand_over_on_panic() {
    let loaded = page_in_browser().ok();
    let log = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        log(panic);
        let _ = hand_over(loaded.as_deref());
    }));
}

/// Takes clicks and forms from the program, and loads the page that its router is at, unless that is
/// the one that was `loaded`.
fn hand_over(loaded: Option<&str>) -> Result<(), JsValue> {
    let listener = Closure::<dyn FnMut(Event)>::new(|event: Event| {
        event.stop_immediate_propagation();
        // The entry may be of this document, which cannot draw it any more.
        if event.type_() == "popstate" {
            let _ = window().location().reload();
        }
    });
    let listener = listener.into_js_value();
    for event in ["click", "submit", "popstate"] {
        let listener = listener.unchecked_ref();
        window().add_event_listener_with_callback_and_bool(event, listener, true)?;
    }
    let Some(router) = use_context::<BrowserUrl>() else { return Ok(()) };
    let url = router.as_url().read_untracked();
    let mut page = url.path().to_owned();
    if !url.search().is_empty() {
        page = page + "?" + url.search();
    }
    if Some(&*page) == loaded {
        return Ok(());
    }
    // While the router prepares a page, the browser is still at the address of the one before.
    if page == page_in_browser()? {
        window().location().reload()
    } else {
        window().location().assign(&(page + url.hash()))
    }
}

/// Path and query of the browser's address.
fn page_in_browser() -> Result<String, JsValue> {
    let location = window().location();
    Ok(location.pathname()? + &location.search()?)
}
