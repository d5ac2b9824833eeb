//! Who asks.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;

use crate::engine::Engine;

impl Engine {
    /// Returns the address of the visitor who sent a request, to count by.
    ///
    /// It is the address of the connection, or what
    /// [trusted proxies](crate::Builder::trusted_proxies) say it is. An IPv6 address stands for its
    /// /64: the rest of it is zero, since one visitor has all of those.
    ///
    /// Returns `None` if the request does not say what connection it came over. Axum's `serve` has
    /// it said with `Router::into_make_service_with_connect_info::<SocketAddr>`. A render that may
    /// be stored has no visitor.
    ///
    /// # Examples
    ///
    /// In a server function of Leptos the request is in the context:
    ///
    /// ```
    /// use axum::http::request::Parts;
    /// use leptos::prelude::*;
    /// use leptos_isr::Engine;
    ///
    /// let engine: Option<Engine> = use_context();
    /// let visitor = engine.zip(use_context::<Parts>())
    ///     .and_then(|(engine, request)| engine.visitor_address(&request));
    /// # assert_eq!(visitor, None);
    /// ```
    #[must_use]
    pub fn visitor_address(&self, request: &Parts) -> Option<IpAddr> {
        let connection = request.extensions.get::<ConnectInfo<SocketAddr>>()?.ip();
        Some(self.0.trusted_proxies.visitor(connection, &request.headers))
    }
}
