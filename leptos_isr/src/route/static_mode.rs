//! Leptos's own static mode, which must not render what the engine stores.

use leptos::prelude::use_context;
use leptos_router::location::RequestUrl;
use tracing::error;

/// What to do about a page that Leptos's static mode has written.
pub(crate) const REMEDY: &str = "give `Engine::wrap` the router of `LeptosPages::router` in place \
                                 of `leptos_routes`, and remove the file from the site's root";

/// Says that Leptos's static mode has rendered a page whose route is declared for the engine.
pub(super) fn report() {
    let url = use_context::<RequestUrl>();
    let url = url.as_ref().map_or("", AsRef::as_ref);
    error!(
        url,
        "Leptos's static mode has written this page into a file, which is never regenerated and \
         which no purge reaches: {REMEDY}"
    );
}
