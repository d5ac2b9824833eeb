//! Pages that few readers open: a build with `cargo leptos build --split` puts their
//! browser's half in files of their own, which are fetched when one of them is opened.

use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};

use super::{editor::EditorPage, editor_article::EditArticlePage, search::SearchPage};

/// `/editor`
#[derive(Debug)]
pub(crate) struct EditorRoute;

#[lazy_route]
impl LazyRoute for EditorRoute {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <EditorPage/> }.into_any()
    }
}

/// `/editor/:slug`
#[derive(Debug)]
pub(crate) struct EditArticleRoute;

#[lazy_route]
impl LazyRoute for EditArticleRoute {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <EditArticlePage/> }.into_any()
    }
}

/// `/search`
#[derive(Debug)]
pub(crate) struct SearchRoute;

#[lazy_route]
impl LazyRoute for SearchRoute {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        view! { <SearchPage/> }.into_any()
    }
}
