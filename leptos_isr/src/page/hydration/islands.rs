//! What the loader of islands calls in the browser, beside each island's own function.

use std::cell::RefCell;

use leptos::{prelude::Owner, web_sys::js_sys::Function};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

thread_local! {
    static ROOT: RefCell<Option<Owner>> = const { RefCell::new(None) };
}

/// Prepares the hydration of islands, in place of `leptos::mount::hydrate_islands`. The script of
/// [`HydrationLoader`](crate::page::HydrationLoader) hydrates them then.
///
/// Leptos's own function leaves two things open, which the two do: hydration ends, so that what is
/// made later is not taken for a part of the document; and an island that does not stand within
/// the children of another one has no context of others.
///
/// # Examples
///
/// ```ignore
/// #[wasm_bindgen]
/// pub fn hydrate() {
///     leptos_isr::page::hydrate_islands();
/// }
/// ```
pub fn hydrate_islands() {
    leptos::mount::hydrate_islands();
    ROOT.set(Owner::current());
}

/// The next island stands within the children of the one whose owner `enter` sets, or of none.
#[wasm_bindgen]
pub fn isr_island_of(enter: Option<Function>) {
    match enter {
        Some(enter) => drop(enter.call0(&JsValue::NULL)),
        None => ROOT.with_borrow(|root| root.as_ref().map(Owner::set)).unwrap_or_default(),
    }
}

/// All islands of the document are hydrated.
#[wasm_bindgen]
pub fn isr_islands_hydrated() {
    let context = ROOT.with_borrow(|root| root.as_ref().and_then(Owner::shared_context));
    if let Some(context) = context {
        context.hydration_complete();
    }
}
