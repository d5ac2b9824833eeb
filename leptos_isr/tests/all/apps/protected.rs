//! Pages for who is signed in.

use http::{Method, request::Parts};
use leptos::prelude::*;
use leptos_isr::{
    Isr,
    check::{Problem, Unseen},
};
use leptos_router::{
    SsrMode,
    components::{
        Outlet, ParentRoute, ProtectedParentRoute, ProtectedRoute, Route, Router as LeptosRouter,
        Routes,
    },
    path,
};

use super::{Start, assert_in_guide};
use crate::support::report::problems;

/// What a browser sends. Leptos leads elsewhere only who takes HTML.
const ADA: [(&str, &str); 2] = [("accept", "text/html"), ("cookie", "user=ada")];

fn is_signed_in() -> bool {
    let parts = use_context::<Parts>();
    let cookie = parts.as_ref().and_then(|parts| parts.headers.get("cookie"));
    cookie.is_some_and(|cookie| cookie.as_bytes().starts_with(b"user="))
}

/// Whether somebody is signed in is known at once, or after a resource was read.
fn app(mode: fn() -> SsrMode) -> impl IntoView {
    let user = Resource::new(|| (), |()| async { is_signed_in() });
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/login") view=|| "Who are you?" ssr=Isr::forever().into()/>
                <ProtectedRoute path=path!("/account") view=|| "Your account" ssr=mode()
                    condition=|| Some(is_signed_in()) redirect_path=|| "/login"/>
                <ProtectedRoute path=path!("/later") view=|| "Your orders" ssr=mode()
                    condition=move || user.get() redirect_path=|| "/login"/>
                <ProtectedRoute path=path!("/orders/:id") view=|| "Your order" ssr=mode()
                    condition=|| Some(is_signed_in()) redirect_path=|| "/login"/>
                <ProtectedParentRoute path=path!("/team") view=|| view! { <Outlet/> } ssr=mode()
                    condition=|| Some(is_signed_in()) redirect_path=|| "/login">
                    <Route path=path!("/desk") view=|| "Your desk"/>
                </ProtectedParentRoute>
                <ParentRoute path=path!("/help") view=|| view! { <Outlet/> }
                    ssr=Isr::forever().into()>
                    <Route path=path!("") view=|| "Help"/>
                    <ProtectedRoute path=path!("/tickets") view=|| "Your tickets"
                        ssr=Isr::dynamic().into()
                        condition=|| Some(is_signed_in()) redirect_path=|| "/login"/>
                </ParentRoute>
            </Routes>
        </LeptosRouter>
    }
}

const PROTECTED: [(&str, &str); 4] = [
    ("/account", "Your account"),
    ("/later", "Your orders"),
    ("/orders/7", "Your order"),
    ("/team/desk", "Your desk"),
];

#[tokio::test]
async fn protected_pages_are_dynamic_and_lead_strangers_to_the_login() {
    #[component]
    fn App() -> impl IntoView {
        app(SsrMode::default)
    }
    let start = Start::new(App);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    assert!(report.is_clean(), "{report}");
    let site = start.site(&app);
    for (page, shown) in PROTECTED.into_iter().chain([("/help/tickets", "Your tickets")]) {
        if page != "/later" {
            let answer = site.request(Method::GET, page, &ADA[..1]).await;
            answer.assert_status(302).assert_bypass("dynamic").assert_header("location", "/login");
        }
        let answer = site.request(Method::GET, page, &ADA).await;
        answer.assert_status(200).assert_bypass("dynamic").assert_body_contains(shown);
        answer.assert_header("cache-control", "private, no-store");
    }
    for (page, shown) in [("/login", "Who are you?"), ("/help", "Help")] {
        let page = site.request(Method::GET, page, &ADA).await;
        page.assert_fresh().assert_public().assert_body_contains(shown);
    }
}

#[tokio::test]
async fn stored_redirect_of_nobody_is_named() {
    #[component]
    fn App() -> impl IntoView {
        app(|| Isr::forever().into())
    }
    let start = Start::new(App);
    let app = start.wrapped();
    let report = start.engine.check(&app).await;
    let login = Problem::Redirects { status: 302, location: "/login".to_owned() };
    for page in ["/account", "/later", "/team/desk"] {
        assert_eq!(problems(&report, page), [&login], "{report}");
    }
    let orders = report.routes.iter().find(|route| route.route == "/orders/:id").unwrap();
    assert_eq!(orders.unseen, [Unseen::Unlisted]);
    let site = start.site(&app);
    for (page, _) in PROTECTED {
        site.get(page).await.assert_status(302);
        let answer = site.request(Method::GET, page, &ADA).await;
        answer.assert_status(302).assert_hit();
    }
    assert_in_guide("`ProtectedRoute`");
}
