//! The open document: its build, and whether it is left for a new one.

use std::{cell::RefCell, time::Duration};

use leptos::{
    logging::log,
    prelude::{GetUntracked, document, use_context, window},
    wasm_bindgen::JsValue,
};
use leptos_router::location::{BrowserUrl, LocationProvider};
use web_sys::{Node, Storage, js_sys::Reflect};

use super::loads::Loads;
use crate::page::context::here;

/// Where the tab remembers its [`Loads`].
const STORAGE_KEY: &str = "isr-build-loads";

/// How long a load that has begun is waited for: the visitor may have stopped it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the document knows about loads.
#[derive(Default)]
struct Document {
    /// Those of the documents before it.
    before: Option<Loads>,
    /// The address that it is being left for, and since when; see [`now`].
    leaving: Option<(String, f64)>,
}

thread_local! {
    static DOCUMENT: RefCell<Document> = RefCell::default();
}

/// The build that drew the document.
pub(super) fn build() -> Option<String> {
    document().query_selector("meta[name=isr-build]").ok()??.get_attribute("content")
}

/// The page that a request is sent for.
pub(super) struct Page {
    is_read: bool,
    /// The router that the asking code runs under, if any.
    router: Option<BrowserUrl>,
}

impl Page {
    pub(super) fn asking(method: &str) -> Self {
        Self { is_read: method == "GET", router: use_context() }
    }

    /// Whether the document is left for a new one, because the build `other` answered.
    pub(super) fn is_left_for(&self, other: &str) -> bool {
        let Some(own) = build().filter(|own| own != other) else { return false };
        let builds = [own.as_str(), other];
        let is_left = self.is_read && leave(builds, self.router.as_ref()).unwrap_or(false);
        if !is_left {
            log!("the answer of build {other} is used in a page of build {own}");
        }
        is_left
    }
}

/// Whether the build `other` is not the one that drew the document. Then the document is left for a
/// new one, unless that should not be done.
pub(in crate::page) fn is_of_another(other: &str) -> bool {
    let Some(own) = build().filter(|own| own != other) else { return false };
    if !leave([&own, other], None).unwrap_or(false) {
        log!("the page of build {own} stays, though build {other} answers");
    }
    true
}

/// Loads the address that the router is at, unless that should not be done. Returns whether the
/// document is being left.
fn leave(builds: [&str; 2], router: Option<&BrowserUrl>) -> Result<bool, JsValue> {
    let here = here()?;
    // While the router prepares a page, the browser is still at the address of the one before.
    let url = router.map(|router| router.as_url().get_untracked());
    let (address, hash) = match url {
        Some(url) if url.search().is_empty() => (url.path().to_owned(), url.hash().to_owned()),
        Some(url) => (format!("{}?{}", url.path(), url.search()), url.hash().to_owned()),
        None => (here.clone(), String::new()),
    };
    DOCUMENT.with_borrow_mut(|document| {
        if document.is_leaving_for(&address) {
            return Ok(true);
        }
        let Some(storage) = window().session_storage()? else { return Ok(false) };
        let is_known = document.before(&storage)?.contains(builds, &address);
        if is_known || (address == here && has_unsent_text()) {
            return Ok(false);
        }
        let mut loads = stored(&storage)?;
        loads.add(builds, &address);
        storage.set_item(STORAGE_KEY, &loads.to_text())?;
        let location = window().location();
        if address == here {
            location.reload()?;
        } else {
            location.assign(&(address.clone() + &hash))?;
        }
        document.leaving = Some((address, now()));
        Ok(true)
    })
}

impl Document {
    fn is_leaving_for(&self, address: &str) -> bool {
        let leaving = self.leaving.as_ref();
        leaving.is_some_and(|(leaving, since)| {
            leaving == address && now() - since < PATIENCE.as_secs_f64() * 1000.0
        })
    }

    /// The loads of earlier documents. Its own do not count: one that was stopped may be tried
    /// again.
    fn before(&mut self, storage: &Storage) -> Result<&Loads, JsValue> {
        let before = match self.before.take() {
            Some(before) => before,
            None => stored(storage)?,
        };
        Ok(self.before.insert(before))
    }
}

fn stored(storage: &Storage) -> Result<Loads, JsValue> {
    Ok(Loads::parse(&storage.get_item(STORAGE_KEY)?.unwrap_or_default()))
}

/// Whether a field holds something other than what was drawn.
fn has_unsent_text() -> bool {
    let is_changed = |field: Node| {
        let [now, drawn] = ["value", "defaultValue"].map(|it| Reflect::get(&field, &it.into()));
        now != drawn
    };
    document().query_selector_all("input, textarea").is_ok_and(|fields| {
        (0..fields.length()).filter_map(|index| fields.item(index)).any(is_changed)
    })
}

/// Milliseconds since the browser began to load the document.
fn now() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
