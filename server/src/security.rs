//! The headers that tell browsers what this site does not do.

use axum::http::{HeaderName, HeaderValue, header};

use crate::config::Config;

/// What a page may load and do; its own inline scripts are added to each page's policy.
///
/// Articles may show images of other sites. WebAssembly is the browser's half of the app.
const PAGES: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' https:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Everything else is data: feeds, files, what server functions answer.
const DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The policy of pages. While `cargo leptos watch` runs, a page also listens
/// for changes, on a port of its own.
pub(crate) fn policy(config: &Config) -> String {
    if !config.watch {
        return PAGES.to_owned();
    }
    let port = config.reload_port;
    let connect = "connect-src 'self'";
    PAGES.replace(connect, &format!("{connect} ws://*:{port} wss://*:{port}"))
}

/// The headers that do not depend on the page. What says nothing of its own policy is data.
pub(crate) fn default_headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
        (header::CONTENT_SECURITY_POLICY, DATA),
    ]
}
