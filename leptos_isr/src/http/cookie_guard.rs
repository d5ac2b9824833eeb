//! A guard outside of everything: what sets a cookie is not for everybody.

use std::sync::Once;

use axum::response::Response;
use tower::util::MapResponseLayer;
use tracing::warn;

use crate::rules::{
    cache_control::{cookies, may_be_shared},
    shared_cache::forbid_storing,
};

/// Returns a layer that makes an answer `private, no-store` if it sets a cookie and is public. Its
/// headers for shared caches are removed. The first such answer is a warning in the log.
///
/// A layer around the router that [`Engine::wrap`](crate::Engine::wrap) returned may set a cookie on a
/// stored page, as session layers do. A shared cache would give one visitor's cookie to all. Use
/// [`Engine::wrap_with`](crate::Engine::wrap_with), so that stored pages have no cookies, and this
/// layer outside of all others to be sure.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use leptos_isr::{Engine, cookie_guard, route::RouteTable};
///
/// # fn main() -> Result<(), leptos_isr::Error> {
/// let isr = Engine::builder(RouteTable::new()).build()?;
/// let app: Router = isr.wrap(Router::new()).layer(cookie_guard());
/// # let _ = app; Ok(()) }
/// ```
#[must_use]
pub fn cookie_guard() -> MapResponseLayer<fn(Response) -> Response> {
    MapResponseLayer::new(guarded)
}

fn guarded(mut response: Response) -> Response {
    static WARNING: Once = Once::new();
    let Some(cookies) = cookies(response.headers()) else { return response };
    if may_be_shared(response.headers()) {
        WARNING.call_once(|| {
            warn!(
                "a layer sets {cookies} on an answer that is everybody's, so that is sent \
                 `private, no-store`, and CDNs keep nothing: give the layer to the router for \
                 visitors, in `Engine::wrap_with`"
            );
        });
        forbid_storing(response.headers_mut());
    }
    response
}
