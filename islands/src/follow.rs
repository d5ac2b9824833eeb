//! A page that shows what the server has stored since it was opened.
#![expect(missing_docs, reason = "a lazy island has functions of its own beside it")]

use leptos::prelude::*;
use leptos_isr::{page::refresh, use_live};

/// The part of a page that changes with its content.
const CONTENT: &str = "#content";

/// Draws nothing; shows each new state of the page while it is open.
#[island(lazy)]
pub fn FollowPage() -> impl IntoView {
    use_live(|| refresh(CONTENT));
}

/// A button that shows the newest state of the page.
#[island(lazy)]
pub fn AskAgain() -> impl IntoView {
    view! {
        <button type="button" on:click:capture=|_| refresh(CONTENT)>"Ask the server again"</button>
    }
}
