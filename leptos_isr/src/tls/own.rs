//! TLS by rustls and ring, with the system's certificates.

use std::sync::LazyLock;

use reqwest::{Client, ClientBuilder};
use tracing::warn;

/// Whether clients trust the authorities that the system does. Where it has none, no client could be
/// built, not even one for `http`.
static TRUSTS_SYSTEM: LazyLock<bool> = LazyLock::new(|| {
    // An error means that the process has chosen its provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = Client::builder().build();
    if let Err(error) = &built {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        warn!(
            cause,
            "no address of https can be asked: install the system's certificates \
             (`ca-certificates`), or let SSL_CERT_FILE name a file of them"
        );
    }
    built.is_ok()
});

pub(super) fn is_there() -> bool {
    true
}

/// Returns a builder of HTTP clients that ask `https` addresses as the engine does, for
/// [`FetchSettings::client`](crate::data::FetchSettings) and requests of your own.
///
/// With the feature `tls`, which is a default, this is rustls with the system's certificates. The
/// first call chooses ring as the process's crypto provider, unless one is chosen. If the system has
/// no certificates, a warning is logged, and only `http` addresses can be asked. Without the feature
/// it is what features of `reqwest` your app has switched on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use leptos_isr::data::{FetchSettings, client_builder};
///
/// # fn settings() -> Result<FetchSettings, Box<dyn std::error::Error>> {
/// let client = client_builder().timeout(Duration::from_secs(3)).build()?;
/// Ok(FetchSettings { client: Some(client), ..FetchSettings::default() })
/// # }
/// # assert!(settings().is_ok());
/// ```
pub fn client_builder() -> ClientBuilder {
    match *TRUSTS_SYSTEM {
        true => Client::builder(),
        false => Client::builder().tls_certs_only([]),
    }
}
