//! The site's files, which the pages' router serves.

use std::path::Path;

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{HeaderName, StatusCode, header};
use http_body_util::BodyExt;
use leptos::prelude::*;
use leptos_isr::{Builder, Engine, Isr, LeptosPages};
use leptos_router::{
    components::{Route, Router as LeptosRouter, Routes},
    path,
};
use tower::ServiceExt;

#[component]
fn App() -> impl IntoView {
    view! {
        <LeptosRouter>
            <Routes fallback=leptos_isr::fallback(|| "No such page")>
                <Route path=path!("/") view=|| "Home" ssr=Isr::forever().into()/>
            </Routes>
        </LeptosRouter>
    }
}

/// A site with `files` in `root`, in the place of those that were there.
fn site(
    root: &Path,
    files: &[(&str, &str)],
    configure: impl FnOnce(Builder) -> Builder,
) -> (Engine, Router) {
    let _ = std::fs::remove_dir_all(root);
    for (file, text) in files {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let options = LeptosOptions::builder().output_name("app").site_root(root.to_str().unwrap());
    let options = options.hash_files(true).build();
    let pages = LeptosPages::discover(App, || ()).unwrap();
    let engine = configure(Engine::builder(pages.routes().clone())).build().unwrap();
    // Without scripts: their names would be read from a file beside this program.
    let app = engine.wrap(pages.router(&engine, options, |_| view! { <App/> }));
    (engine, app)
}

async fn get(app: &Router, path: &str, headers: &[(HeaderName, &str)]) -> Response {
    let request =
        headers.iter().fold(Request::get(path), |it, (name, value)| it.header(name, *value));
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn browser_keeps_a_file_that_has_not_changed() {
    let root = tempfile::tempdir().unwrap();
    let (_engine, app) = site(root.path(), &[("pkg/app.css", "p {}")], |builder| builder);
    let file = get(&app, "/pkg/app.css", &[]).await;
    assert_eq!(file.headers()["cache-control"], "public, max-age=0, must-revalidate");
    let time = file.headers()["last-modified"].to_str().unwrap();
    let again = get(&app, "/pkg/app.css", &[(header::IF_MODIFIED_SINCE, time)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers().get("cache-control"), None);
}

/// Its name without the ending is that of a folder, or of another file.
#[tokio::test]
async fn file_that_is_missing_is_404_whatever_encodings_are_accepted() {
    let root = tempfile::tempdir().unwrap();
    let files =
        [("pkg/snippets/a.js", "a script"), ("pkg/app", "another"), ("pkg/app.css", "p {}")];
    let (_engine, app) = site(root.path(), &files, |builder| builder);
    for accepted in
        ["", "gzip", "identity", "br, gzip;q=0.8, identity;q=0.1", "Identity;q=1, *;q=0"]
    {
        let accepted = [(header::ACCEPT_ENCODING, accepted)];
        for path in ["/pkg/%2e.js", "/pkg/snippets.js", "/pkg/app.js"] {
            let missing = get(&app, path, &accepted).await;
            assert_eq!(missing.status(), StatusCode::NOT_FOUND, "{path} {accepted:?}");
            missing.into_body().collect().await.unwrap();
        }
        let file = get(&app, "/pkg/app.css", &accepted).await;
        assert_eq!(file.status(), StatusCode::OK, "{accepted:?}");
        assert_eq!(file.into_body().collect().await.unwrap().to_bytes(), "p {}");
    }
}

/// A page of the build before is still at a shared cache, and names that build's files.
#[tokio::test]
async fn files_of_the_build_before_are_answered_for_as_long_as_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (root, store) = (folder.path().join("site"), folder.path().join("isr"));
    let deploy = |build: &str, file: &str| {
        site(&root, &[(&format!("pkg/{file}"), file)], |builder| builder.disk(&store, build))
    };
    let (engine, _app) = deploy("b1", "app.1.js");
    engine.begin_service().await;
    let (engine, app) = deploy("b2", "app.2.js");
    engine.begin_service().await;
    let old = get(&app, "/pkg/app.1.js", &[]).await;
    assert_eq!(old.status(), StatusCode::OK);
    assert_eq!(old.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(old.headers()["content-type"], "text/javascript");
    let body = old.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "app.1.js");
    assert_eq!(get(&app, "/pkg/app.2.js", &[]).await.status(), StatusCode::OK);
    assert_eq!(get(&app, "/pkg/app.3.js", &[]).await.status(), StatusCode::NOT_FOUND);
    std::fs::remove_dir_all(store.join("pages/b1")).unwrap();
    assert_eq!(get(&app, "/pkg/app.1.js", &[]).await.status(), StatusCode::NOT_FOUND);
}
