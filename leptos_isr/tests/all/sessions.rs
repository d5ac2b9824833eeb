//! Sessions beside stored pages: layers that read a visitor's cookie and set one.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{
    Extension, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use http::{HeaderValue, Method, header};
use leptos_isr::{
    Builder, Engine, Isr, cookie_guard,
    purge::SharedCache,
    route::RouteTable,
    testing::{Answer, TestClock, TestSite},
};

use crate::support::log::Warnings;

pub(crate) const SIGNED_IN: [(&str, &str); 1] = [("cookie", "id=ada")];

/// Whose request it is.
#[derive(Clone)]
pub(crate) struct Session(pub(crate) String);

/// Begins a session for each visitor who has none, as session layers do.
pub(crate) async fn sessions(mut request: Request, next: Next) -> Response {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    let cookie = request.headers().get(header::COOKIE).cloned();
    let visitor = cookie.as_ref().and_then(|cookie| cookie.to_str().ok()?.strip_prefix("id="));
    let id = visitor
        .map_or_else(|| format!("new-{}", LAST.fetch_add(1, Ordering::SeqCst)), ToOwned::to_owned);
    request.extensions_mut().insert(Session(id.clone()));
    let mut response = next.run(request).await;
    if cookie.is_none() {
        let cookie = HeaderValue::try_from(format!("id={id}; HttpOnly")).unwrap();
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn engine(configure: impl FnOnce(Builder) -> Builder) -> (Engine, TestClock, Router) {
    let clock = TestClock::new();
    let routes = RouteTable::new()
        .add("/page", Isr::forever().tag("all"))
        .and_then(|routes| routes.add("/me", Isr::dynamic()))
        .unwrap();
    let builder = configure(Engine::builder(routes).clock(clock.clone()).cache_tag(true));
    let whose = async |session: Option<Extension<Session>>| {
        session.map_or_else(|| "nobody's".to_owned(), |Extension(session)| session.0)
    };
    let router = Router::new().route("/page", get(whose)).route("/me", get(whose));
    (builder.build().unwrap(), clock, router)
}

fn cookie(answer: &Answer) -> Option<&str> {
    answer.headers.get(header::SET_COOKIE).map(|value| value.to_str().unwrap())
}

/// The router for visitors has the layer, the one for renders does not.
#[tokio::test]
async fn sessions_of_visitors_reach_dynamic_pages_and_no_stored_one() {
    let (engine, clock, router) = engine(|builder| builder);
    let visitors = router.clone().layer(from_fn(sessions));
    let site = TestSite::new(&engine, engine.wrap_with(visitors, router), clock);
    for _ in 0..2 {
        let page = site.get("/page").await;
        page.assert_body("nobody's").assert_public();
        assert_eq!(cookie(&page), None);
    }
    site.get("/page").await.assert_fresh();
    let me = site.get("/me").await;
    me.assert_body_contains("new-").assert_bypass("dynamic");
    assert!(cookie(&me).unwrap().starts_with("id=new-"));
    site.request(Method::GET, "/me", &SIGNED_IN).await.assert_body("ada");
    assert_eq!((site.renders(), site.dynamic_requests()), (1, 2));
}

#[tokio::test]
async fn stored_page_with_a_cookie_of_an_outer_layer_is_made_private_with_one_warning() {
    let caches = [SharedCache::CdnCacheControl, SharedCache::Fastly, SharedCache::Varnish];
    let (log, _guard) = Warnings::collect();
    for cache in caches {
        let (engine, clock, router) = engine(|builder| builder.shared_cache(cache));
        let app = engine.wrap(router).layer(from_fn(sessions)).layer(cookie_guard());
        let site = TestSite::new(&engine, app, clock);
        for _ in 0..2 {
            let page = site.get("/page").await;
            assert!(cookie(&page).is_some(), "{page:?}");
            assert_eq!(page.header("cache-control"), "private, no-store");
            let shared =
                ["cdn-cache-control", "surrogate-control", "cache-tag", "surrogate-key", "xkey"];
            assert_eq!(shared.map(|name| page.header(name)), [""; 5], "{cache:?}");
        }
        // Who brings a cookie is set none, so the page is everybody's.
        let page = site.request(Method::GET, "/page", &SIGNED_IN).await;
        page.assert_fresh().assert_public().assert_body("nobody's");
        let me = site.get("/me").await;
        assert_eq!(me.header("cache-control"), "private, no-store");
    }
    let text = log.text();
    assert_eq!(text.matches("sets the cookie `id`").count(), 1, "{text}");
}

#[tokio::test]
async fn cookie_that_an_outer_layer_sets_on_stored_pages_is_named() {
    let (engine, clock, router) = engine(|builder| builder);
    let app = engine.wrap(router).layer(from_fn(sessions));
    let site = TestSite::new(&engine, app, clock);
    let page = site.get("/page").await;
    let asserted = std::panic::catch_unwind(|| page.assert_public().asked.len());
    let message = asserted.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("`id`") && message.contains("layer around"), "{message}");
}
