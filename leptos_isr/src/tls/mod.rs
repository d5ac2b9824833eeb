//! Whether addresses of `https` can be asked, and by which client.

#[cfg(not(feature = "tls"))]
#[path = "of_app.rs"]
mod provider;
#[cfg(feature = "tls")]
#[path = "own.rs"]
mod provider;

use reqwest::Url;

pub use self::provider::client_builder;

/// Sees to it that the process has a crypto provider, if there is TLS.
#[cfg(feature = "redis")]
pub(crate) fn choose_provider() {
    drop(client_builder());
}

/// Checks that there is TLS if the address needs it.
///
/// # Errors
///
/// Says what to do.
pub(crate) fn check(url: &Url) -> Result<(), &'static str> {
    if url.scheme() != "https" || provider::is_there() {
        return Ok(());
    }
    Err(
        "this program is built without TLS: switch on the feature `tls` of `leptos_isr`, which is a \
         default, or a TLS feature of `reqwest` in your app",
    )
}
