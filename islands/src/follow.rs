//! A page that shows what the server has stored since it was opened.
#![expect(missing_docs, reason = "a lazy island has functions of its own beside it")]

use leptos::prelude::*;
use leptos_isr::{page::refresh, use_live};

/// The part of a page that changes with its content.
const CONTENT: &str = "#content";

/// Shows each new state of the page while it is open, and the newest at a click on what is in it.
#[island(lazy)]
pub fn FollowPage(
    /// A button, if visitors should have one; an empty text otherwise.
    children: Children,
) -> impl IntoView {
    use_live(|| refresh(CONTENT));
    view! { <span on:click:capture=|_| refresh(CONTENT)>{children()}</span> }
}
