//! The headers that tell browsers what this site does not do.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use crate::config::Config;

/// What a page may load and do; its own inline scripts are added to each page's policy.
///
/// Articles may show images of other sites. WebAssembly is the browser's half of the app.
const PAGES: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' https:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Everything else is data: feeds, files, what server functions answer.
const DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Sent with every answer.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
];

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

/// Adds the headers that do not depend on the page.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    // A 304 has no type: to it a browser applies the policy of the page that it has.
    if headers.contains_key(header::CONTENT_TYPE) {
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(DATA);
    }
    response
}
