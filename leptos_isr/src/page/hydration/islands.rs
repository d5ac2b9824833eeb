//! What the loader of islands calls in the browser, beside each island's own function.

use std::cell::OnceCell;

use leptos::prelude::Owner;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static ROOT: OnceCell<Owner> = const { OnceCell::new() };
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
    if let Some(root) = Owner::current() {
        let _ = ROOT.with(|it| it.set(root));
    }
}

/// The next island does not stand within the children of another one.
#[wasm_bindgen]
pub fn isr_enter_root() {
    ROOT.with(|root| root.get().map(Owner::set));
}

/// All islands of the document are hydrated.
#[wasm_bindgen]
pub fn isr_islands_hydrated() {
    if let Some(context) = ROOT.with(|root| root.get().and_then(Owner::shared_context)) {
        context.hydration_complete();
    }
}
