//! A path of no route: that of an article before, or of nothing.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::page;
use crate::data::{site::article_path, source::ContentSource};

/// Leads to the article that was here before; without one it says that there is no such page.
#[component]
pub(crate) fn UnknownPage() -> impl IntoView {
    page(async {
        let path = use_location().pathname.get_untracked();
        let moved = ContentSource::for_visitor().moved_from(&path).await?;
        Ok(moved.map(|slug| leptos_isr::permanent_redirect(article_path(&slug))))
    })
}
