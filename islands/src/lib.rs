//! What the site runs in the browser.
//!
//! Each component here is an island: the server draws it as a part of a page, and the browser
//! brings it to life where it stands. What surrounds it is HTML and stays so. An island gets what
//! it needs as properties, which stand in the page; it reads nothing from the server by itself.
//!
//! Nothing here depends on the content: pages and data are in the crate `app`, which no browser
//! sees.
//!
//! Readers download all of it but the lazy islands, so it is kept small. The islands hold no state:
//! what a visitor sets stands in the document, and a handler changes it there. Signals and effects
//! would add 9 kB of Leptos. Handlers are for the `capture` phase, since any others bring Leptos's
//! delegation of events, 3 kB. What any island calls in the browser, a lazy one too, is imported by
//! the main program: each such function takes 40 bytes of it, so one that is called already is taken
//! before another.
#![warn(missing_docs)]

mod browser;
pub mod copy_link;
pub mod follow;
pub mod form;
mod settings;
pub mod text_size;
pub mod theme_switch;

/// Begins in the browser; the loader in the page's head hydrates the islands then.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos_isr::page::hydrate_islands();
    browser::set_root_attribute("data-hydrated", "");
}
