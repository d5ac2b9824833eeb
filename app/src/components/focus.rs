//! Where the keyboard is after a page changes without a load.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::browser;

/// Moves the focus to the content after each navigation.
///
/// A browser does so by itself when it loads a page; readers who use a
/// keyboard or a screen reader would stay at the old link otherwise.
#[component]
pub(crate) fn FocusOnNavigation() -> impl IntoView {
    let path = use_location().pathname;
    Effect::new(move |previous: Option<String>| {
        let path = path.get();
        if previous.is_some_and(|previous| previous != path) {
            browser::focus("content");
        }
        path
    });
}
