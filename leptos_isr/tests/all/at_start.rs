//! What a Leptos app is refused for at start, since its pages would be others than it says.

use axum::{body::Body, extract::Request};
use http_body_util::BodyExt;
use leptos::prelude::*;
use leptos_isr::{Engine, Isr, LeptosPages, minutes};
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route, Router as LeptosRouter, Routes},
    path,
    static_routes::StaticRoute,
};
use tower::ServiceExt;

#[tokio::test]
async fn wrong_declaration_fails_at_start_with_the_routes_path() {
    #[component]
    fn Wrong() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| ()>
                    <Route path=path!("/a/:id") view=|| ()
                        ssr=Isr::revalidate(minutes(5)).tag("a:{slug}").into()/>
                </Routes>
            </LeptosRouter>
        }
    }
    let error = LeptosPages::discover(Wrong, || ()).unwrap_err().to_string();
    assert!(error.contains("/a/:id") && error.contains("`slug`"), "{error}");
    let none = LeptosPages::discover(|| "no router", || ()).unwrap_err().to_string();
    assert!(none.contains("lists no routes"), "{none}");
    let _: SsrMode = Isr::forever().into();
}

#[tokio::test]
async fn route_of_leptos_static_mode_without_a_declaration_fails_at_start() {
    #[component]
    fn Static() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| ()>
                    <Route path=path!("/about") view=|| "About"
                        ssr=SsrMode::Static(StaticRoute::new())/>
                </Routes>
            </LeptosRouter>
        }
    }
    let error = LeptosPages::discover(Static, || ()).unwrap_err().to_string();
    assert!(error.contains("about") && error.contains("ssr=Isr::forever()"), "{error}");
}

#[tokio::test]
async fn mode_below_a_stored_parent_fails_at_start() {
    #[component]
    fn Ignored() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| ()>
                    <ParentRoute path=path!("/a") view=Outlet ssr=Isr::forever().into()>
                        <Route path=path!("") view=|| "All"/>
                        <Route path=path!(":slug") view=|| "One" ssr=SsrMode::InOrder/>
                    </ParentRoute>
                </Routes>
            </LeptosRouter>
        }
    }
    let error = LeptosPages::discover(Ignored, || ()).unwrap_err().to_string();
    let parts = ["`/a/:slug`", "`ssr=SsrMode::InOrder`", "`/a`", "`Isr::dynamic()`"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

/// The mode is that of the dynamic pages beside it.
#[tokio::test]
async fn mode_above_a_stored_page_is_as_it_should_be() {
    #[component]
    fn Above() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| ()>
                    <ParentRoute path=path!("/a") view=Outlet ssr=SsrMode::Async>
                        <Route path=path!("/live") view=|| "Live"/>
                        <Route path=path!("/one") view=|| "One" ssr=Isr::forever().into()/>
                        <Route path=path!("/two") view=|| "Two" ssr=Isr::forever().into()/>
                    </ParentRoute>
                    <ParentRoute path=path!("/b") view=Outlet ssr=Isr::forever().into()>
                        <Route path=path!("") view=|| "All"/>
                        <Route path=path!("/live") view=|| "Live" ssr=Isr::dynamic().into()/>
                    </ParentRoute>
                </Routes>
            </LeptosRouter>
        }
    }
    let pages = LeptosPages::discover(Above, || ()).unwrap();
    let stored = pages.routes().iter().filter(|route| route.policy().is_some());
    let stored: Vec<_> = stored.map(|route| route.path()).collect();
    assert_eq!(stored, ["/a/one", "/a/two", "/b"]);
}

#[tokio::test]
async fn route_that_an_earlier_one_covers_fails_at_start() {
    #[component]
    fn Covered() -> impl IntoView {
        view! {
            <LeptosRouter>
                <Routes fallback=|| ()>
                    <Route path=path!("/a/:id") view=|| "whichever"/>
                    <ParentRoute path=path!("/a") view=|| view! { <Outlet/> }>
                        <Route path=path!("/new") view=|| "new" ssr=Isr::forever().into()/>
                    </ParentRoute>
                </Routes>
            </LeptosRouter>
        }
    }
    let error = LeptosPages::discover(Covered, || ()).unwrap_err().to_string();
    assert!(error.contains("`/a/new`") && error.contains("`/a/:id` matches first"), "{error}");
}

#[tokio::test]
async fn route_that_shares_paths_with_a_stored_one_is_not_defined_before_it_if_that_counts() {
    macro_rules! app {
        ($first:tt $first_mode:expr, $second:tt $second_mode:expr) => {
            || {
                view! {
                    <LeptosRouter>
                        <Routes fallback=|| ()>
                            <Route path=path!($first) view=|| "first" ssr=$first_mode.into()/>
                            <Route path=path!($second) view=|| "second" ssr=$second_mode.into()/>
                        </Routes>
                    </LeptosRouter>
                }
                .into_any()
            }
        };
    }
    type App = fn() -> AnyView;
    let refused: [(App, _, _); 3] = [
        (
            app!("/:user/settings" Isr::dynamic(), "/blog/:slug" Isr::forever()),
            "/:user/settings",
            "/blog/:slug",
        ),
        (app!("/docs/*rest" Isr::dynamic(), "/docs" Isr::forever()), "/docs/*rest", "/docs"),
        (app!("/docs/*rest" Isr::dynamic(), "/:page" Isr::forever()), "/docs/*rest", "/:page"),
    ];
    for (app, first, second) in refused {
        let error = LeptosPages::discover(app, || ()).unwrap_err().to_string();
        let says = format!("`{first}` matches first; define this route before it");
        assert!(error.contains(&format!("`{second}`")) && error.contains(&says), "{error}");
    }
    let taken: [App; 3] = [
        app!("/blog/:slug" Isr::forever(), "/:user/settings" Isr::dynamic()),
        app!("/:user/settings" Isr::dynamic(), "/blog/:slug" Isr::dynamic()),
        app!("/docs/*rest" Isr::dynamic(), "/docs" Isr::dynamic()),
    ];
    for app in taken {
        LeptosPages::discover(app, || ()).unwrap();
    }
    let pages = LeptosPages::discover(taken[2], || ()).unwrap();
    let engine = Engine::builder(pages.routes().clone()).build().unwrap();
    let options = LeptosOptions::builder().output_name("app").site_root("no-such-folder").build();
    let app = engine.wrap(pages.router(&engine, options, move |_| taken[2]()));
    let shown = app.oneshot(Request::get("/docs").body(Body::empty()).unwrap()).await.unwrap();
    let shown = shown.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&shown).contains("first"), "Leptos shows the first");
}
