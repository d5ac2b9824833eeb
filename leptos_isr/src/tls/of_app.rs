//! TLS is left to the app, which may switch on a feature of `reqwest`.

use std::any::Any;

use reqwest::{Client, ClientBuilder};

/// What the builder's own method takes the place of where `reqwest` has TLS.
struct NoTls;

trait WithoutTls: Sized {
    fn tls_info(self, _: bool) -> NoTls {
        NoTls
    }
}

impl WithoutTls for ClientBuilder {}

/// Whether `reqwest` has TLS: only then the builder has a method of this name, which goes before
/// the trait's.
pub(super) fn is_there() -> bool {
    let answer: &dyn Any = &Client::builder().tls_info(false);
    answer.is::<ClientBuilder>()
}

/// Returns a builder of HTTP clients as the engine's own, for
/// [`FetchSettings::client`](crate::data::FetchSettings) and requests of your own. It speaks TLS by
/// what features of `reqwest` your app has switched on.
pub fn client_builder() -> ClientBuilder {
    Client::builder()
}
