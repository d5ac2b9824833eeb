//! A path of no route: that of an article before, or of nothing.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    components::outcome::{once_read, outcome},
    data::moved::read_moved,
};

/// Leads to the article that was here before; without one it says that there is no such page.
#[component]
pub(crate) fn UnknownPage() -> impl IntoView {
    let path = use_location().pathname;
    let moved = Resource::new(move || path.get(), read_moved);
    once_read(move || async move { outcome(moved.await, leptos_isr::permanent_redirect) })
}
