//! Pages that few readers open: a build with `cargo leptos build --split` puts their
//! browser's half in files of their own, which are fetched when one of them is opened.
//!
//! `leptos_router::lazy_route` would do it in fewer lines, but ends the program where
//! a file cannot be had, as after a new build.

use leptos::prelude::*;
use leptos_router::LazyRoute;

use super::{
    about::AboutPage, editor::EditorPage, editor_article::EditArticlePage, live::LivePage,
    search::SearchPage,
};

macro_rules! lazy_page {
    ($path:literal, $route:ident, $part:ident, $page:ident) => {
        #[doc = concat!("`", $path, "`")]
        #[derive(Debug)]
        pub(crate) struct $route;

        impl LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn view(_this: Self) -> AnyView {
                #[cfg(feature = "ssr")]
                return {
                    // The head names its files.
                    leptos::prefetch_lazy_fn_on_server(stringify!($part));
                    view! { <$page/> }.into_any()
                };
                #[cfg(not(feature = "ssr"))]
                in_browser::or_load($part().await).await
            }
        }

        #[cfg(not(feature = "ssr"))]
        #[leptos::wasm_split::wasm_split($part, wasm_split_path = leptos::wasm_split, fallible)]
        fn $part() -> Result<AnyView, leptos::wasm_split::SplitLoaderError> {
            Ok(view! { <$page/> }.into_any())
        }
    };
}

lazy_page!("/about", AboutRoute, about_page, AboutPage);
lazy_page!("/live", LiveRoute, live_page, LivePage);
lazy_page!("/search", SearchRoute, search_page, SearchPage);
lazy_page!("/editor", EditorRoute, editor_page, EditorPage);
lazy_page!("/editor/:slug", EditArticleRoute, edit_article_page, EditArticlePage);

#[cfg(not(feature = "ssr"))]
mod in_browser {
    use std::future::pending;

    use leptos::{prelude::*, wasm_split::SplitLoaderError};
    use leptos_router::location::{BrowserUrl, LocationProvider};

    use crate::browser;

    /// The page, or a full load of it if its part of the program cannot be had.
    pub(super) async fn or_load(page: Result<AnyView, SplitLoaderError>) -> AnyView {
        let error = match page {
            Ok(page) => return page,
            Err(error) => error,
        };
        leptos::logging::error!("the page's part of the program cannot be had: {error}");
        if let Some(router) = use_context::<BrowserUrl>() {
            browser::load(&router.as_url().get_untracked());
        }
        // What is shown stays until the new document takes its place.
        pending().await
    }
}
