//! The pages of a Leptos app: their routes, and the router that renders them.

mod apart;
mod page_routes;
mod static_files;

use std::{sync::Arc, time::SystemTime};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{from_fn, map_response},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use hydration_context::SsrSharedContext;
use leptos::{
    config::LeptosOptions,
    nonce::Nonce,
    prelude::{IntoView, Owner, ScopedFuture, provide_context, with_context},
    reactive::owner::take_context,
};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, file_and_error_handler_with_context,
    generate_route_list_with_exclusions_and_ssg_and_context, render_app_async_with_context,
    site_pkg_dir_service, site_pkg_dir_service_route_path,
};
use leptos_meta::ServerMetaContext;
use leptos_router::{ExpandOptionals, RouteList, RouteListing, SsrMode, location::RequestUrl};
use tokio::task::spawn_blocking;
use tower::ServiceExt;

use crate::{
    engine::Engine,
    error::Error,
    page::{hydration::Files, new_build::Build},
    render::spawned,
    route::{
        isr::{Collector, Isr, ListFuture, WithoutDeclarations},
        pattern::RoutePattern,
        routes::{RouteTable, are_stored},
    },
    rules::{cache_control::is_file, headers},
    scope,
    store::disk::KeptFiles,
};

type Context = Arc<dyn Fn() + Send + Sync>;

/// The pages of a Leptos app, as its route definitions declare them.
///
/// # Examples
///
/// ```no_run
/// use axum::Router;
/// use leptos::prelude::*;
/// use leptos_isr::{Engine, LeptosPages, build_id};
///
/// # #[component] fn App() -> impl IntoView {}
/// # fn shell(options: LeptosOptions) -> impl IntoView { App() }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = get_configuration(None)?.leptos_options;
/// let pages = LeptosPages::discover(App, || ())?;
/// let isr = Engine::builder(pages.routes().clone())
///     .disk("target/isr", build_id(&options)?)
///     .build()?;
/// let app: Router = isr.wrap(pages.router(&isr, options, shell));
/// # let _ = app; Ok(()) }
/// ```
#[derive(Clone)]
pub struct LeptosPages {
    routes: RouteTable,
    /// The dynamic pages, which are not stored.
    dynamic: Vec<AxumRouteListing>,
    context: Context,
}

impl LeptosPages {
    /// Lists the routes of `app`.
    ///
    /// `context` provides what pages, server functions and path lists find in Leptos's context.
    /// Call this before serving: while Leptos 0.8 lists routes, no resource in the whole process
    /// loads.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NoRoutes`] if the app has no router, and [`Error::Declaration`] if a
    /// route's declaration is wrong, or if a route has [`SsrMode::Static`] without one.
    pub fn discover<IV: IntoView + 'static>(
        app: impl Fn() -> IV + Clone + Send + 'static,
        context: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        // Before leptos_axum sets an executor of its own.
        spawned::init();
        let context: Context = Arc::new(context);
        let listings = list_routes(app.clone(), || context()).ok_or(Error::NoRoutes)?;
        let listings = listings.into_inner();
        let declared: Vec<_> = listings.iter().map(declarations).collect();
        let without = || {
            provide_context(WithoutDeclarations);
            context();
        };
        let others = list_routes(app.clone(), without).ok_or(Error::NoRoutes)?;
        check_modes(&declared, &others.into_inner())?;
        let mut routes = RouteTable::new();
        let mut before = Vec::new();
        for (listing, declarations) in listings.iter().zip(declared) {
            let in_context = |isr| with_list_in_context(isr, &context);
            let declarations: Vec<_> = declarations.into_iter().map(in_context).collect();
            if declarations.is_empty() && matches!(listing.mode(), SsrMode::Static(_)) {
                return Err(undeclared(listing));
            }
            let is_stored = are_stored(&declarations);
            let mut patterns = Vec::new();
            for path in listing.path().to_vec().expand_optionals() {
                let pattern = RoutePattern::from_leptos(&path).map_err(|problem| {
                    Error::Declaration { route: format!("{path:?}"), problem }
                })?;
                check_is_shown(&pattern, is_stored, &before)?;
                // As of `/:a?/:b?`: Leptos takes a segment for the first.
                if patterns.iter().any(|first: &RoutePattern| first.is_alike(&pattern)) {
                    continue;
                }
                routes.insert_of_leptos(&pattern, &declarations)?;
                patterns.push(pattern);
            }
            before.extend(patterns.into_iter().map(|pattern| (pattern, is_stored)));
        }
        let for_axum = Arc::clone(&context);
        let (dynamic, _) =
            generate_route_list_with_exclusions_and_ssg_and_context(app, None, move || for_axum());
        let dynamic = dynamic
            .into_iter()
            .filter(|listing| !matches!(listing.mode(), SsrMode::Static(_)))
            .collect();
        Ok(Self { routes, dynamic, context })
    }

    /// The routes, for [`Engine::builder`].
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The router that renders the pages, answers the server functions and serves the site's files,
    /// for [`Engine::wrap`].
    ///
    /// Set no fallback on it: the files and the app's 404 page would be gone, which
    /// [`Engine::check`] finds.
    ///
    /// With hashed names it also answers with the files of other builds that the engine has
    /// [kept](Engine::begin_service), where the site's root has no such file.
    ///
    /// Pages and server functions find the [`Engine`] in Leptos's context. A page that is rendered
    /// to be stored also finds its [`RenderScope`](crate::page::RenderScope).
    pub fn router<IV: IntoView + 'static>(
        &self,
        engine: &Engine,
        options: LeptosOptions,
        shell: impl Fn(LeptosOptions) -> IV + Clone + Send + Sync + 'static,
    ) -> Router {
        static_files::report(&options.site_root, &options.site_pkg_dir, &self.routes);
        let kept_files = engine.0.kept_files.clone().filter(|_| options.hash_files);
        let kept_files = kept_files.map(|kept| (kept, engine.clone()));
        if let Some((kept, _)) = &kept_files {
            kept.set_site(&options.site_root, &options.site_pkg_dir);
        }
        let (user_context, engine) = (Arc::clone(&self.context), engine.clone());
        // `cargo leptos watch` may build the files again while this server runs.
        let files = std::env::var_os("LEPTOS_WATCH").is_none().then(|| Files::find(&options));
        let context = move || {
            provide_context(engine.clone());
            provide_context(Arc::clone(&engine.0.reads));
            if let Some(build) = &engine.0.build {
                provide_context(Build(build.clone()));
            }
            if let Some(files) = &files {
                provide_context(files.clone());
            }
            user_context();
        };
        let app = {
            let (options, shell) = (options.clone(), shell.clone());
            move || shell(options.clone())
        };
        let outer_context = {
            let context = context.clone();
            move || {
                provide_nonce();
                context();
            }
        };
        let page_context = {
            let options = options.clone();
            move || {
                provide_nonce();
                provide_context(leptos_router::Method::Get);
                provide_context(options.clone());
                if let Some(scope) = scope::current() {
                    provide_context(scope);
                }
                context();
            }
        };
        let pages = |patterns: &[&RoutePattern]| {
            let paths: Vec<_> = patterns.iter().map(|pattern| pattern.to_axum()).collect();
            let is_dynamic = |path: &str| self.dynamic.iter().any(|listing| listing.path() == path);
            let dynamic =
                self.dynamic.iter().filter(|it| paths.iter().any(|path| path == it.path()));
            let router = Router::<LeptosOptions>::new().leptos_routes_with_context(
                &options,
                dynamic.cloned().collect(),
                outer_context.clone(),
                app.clone(),
            );
            paths.iter().filter(|path| !is_dynamic(path)).fold(router, |router, path| {
                let render = render_app_async_with_context(page_context.clone(), app.clone());
                router.route(path, get(move |request: Request<Body>| render(request)))
            })
        };
        let patterns = self.routes.iter().map(|route| &route.pattern);
        let router = page_routes::router(patterns, &options, pages);
        let file_or_error =
            file_and_error_handler_with_context::<LeptosOptions, _>(outer_context, shell);
        let files = move |uri: Uri, State(options): State<LeptosOptions>, request: Request| {
            let request = without_identity(request);
            let kept = kept_files
                .as_ref()
                .and_then(|(kept, engine)| kept_file(kept, engine, &options, &request));
            let file_or_error = file_or_error.clone();
            async move {
                if let Some(kept) = kept
                    && let Some(response) = kept.await
                {
                    return response;
                }
                let known = known_time(request.headers());
                unless_modified(known, file_or_error(uri, State(options), request).await)
            }
        };
        let pkg = site_pkg_dir_service_route_path(&options);
        let pattern = RoutePattern::from_axum(&pkg);
        // As `/:section/:page` does: the fallback would not get them.
        let is_taken = self.routes.iter().any(|route| route.pattern.overlaps(&pattern));
        let router = match is_taken {
            true => router.route(&pkg, get(files.clone()).layer(map_response(public_file))),
            false => router,
        };
        router.fallback(files).layer(from_fn(apart::apart)).with_state(options)
    }
}

impl std::fmt::Debug for LeptosPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeptosPages").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// A request for a file that pages name: the answer from those kept of other builds, here or on another
/// machine, if there is one and the site has no such file.
fn kept_file(
    kept: &Arc<KeptFiles>,
    engine: &Engine,
    options: &LeptosOptions,
    request: &Request,
) -> Option<impl Future<Output = Option<Response>> + Send + use<>> {
    let pkg = request.uri().path().strip_prefix('/')?.strip_prefix(&*options.site_pkg_dir)?;
    if !pkg.starts_with('/') || ![Method::GET, Method::HEAD].contains(request.method()) {
        return None;
    }
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = request.uri().clone();
    *asked.headers_mut() = request.headers().clone();
    let (kept, engine, mut options) = (Arc::clone(kept), engine.clone(), options.clone());
    Some(async move {
        let path = asked.uri().path().to_owned();
        let find = async || {
            let (kept, path) = (Arc::clone(&kept), path.clone());
            spawn_blocking(move || kept.find(&path)).await.ok()?
        };
        let root = match find().await {
            Some(root) => root,
            None => {
                engine.fetch_file(&path).await?;
                find().await?
            }
        };
        options.site_root = root.to_str()?.into();
        let mut response = match site_pkg_dir_service(&options).oneshot(asked).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        };
        if !response.status().is_success() && response.status() != StatusCode::NOT_MODIFIED {
            return None;
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, headers::IMMUTABLE);
        headers.insert(header::VARY, headers::VARY);
        Some(response)
    })
}

/// Takes `identity` away from the encodings that are accepted. It is accepted without being named, and
/// tower-http before 0.7 answers with the file `/a`, or a folder of that name, where it is named and
/// `/a.js` is missing.
fn without_identity(mut request: Request) -> Request {
    let headers = request.headers_mut();
    // Leptos hands on the first of several.
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    let accepted = accepted.unwrap_or_default().to_ascii_lowercase();
    if accepted.contains("identity") {
        let others = accepted.split(',').filter(|one| !one.contains("identity"));
        let others = HeaderValue::from_str(&others.collect::<Vec<_>>().join(","));
        headers.insert(header::ACCEPT_ENCODING, others.expect("it is made of parts of one"));
    }
    request
}

/// Caches may keep a file, also where a dynamic route matches it.
async fn public_file(mut response: Response) -> Response {
    if is_file(response.headers()) {
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(headers::PUBLIC);
    }
    response
}

/// The time of the file that the browser has.
fn known_time(request: &HeaderMap) -> Option<SystemTime> {
    let known = request.get(header::IF_MODIFIED_SINCE);
    let known = known.filter(|_| !request.contains_key(header::IF_NONE_MATCH));
    httpdate::parse_http_date(known?.to_str().ok()?).ok()
}

/// 304 in the place of a file that is not newer than the one that the browser has. leptos_axum does
/// not ask its files with the request's conditions.
fn unless_modified(known: Option<SystemTime>, file: Response) -> Response {
    let written = file.headers().get(header::LAST_MODIFIED).filter(|_| file.status().is_success());
    let time = written.and_then(|time| httpdate::parse_http_date(time.to_str().ok()?).ok());
    let (Some(written), true) = (written, time.is_some() && time <= known) else { return file };
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    response.headers_mut().insert(header::LAST_MODIFIED, written.clone());
    response
}

/// Replaces leptos_axum's nonce with the one of the page's policy. A page that is rendered to be
/// stored without a policy gets none: every visitor would get the same one.
fn provide_nonce() {
    let nonce = with_context::<Parts, _>(|parts| parts.extensions.get::<Nonce>().cloned());
    match nonce.flatten() {
        Some(nonce) => provide_context(nonce),
        None if scope::current().is_some() => {
            take_context::<Nonce>();
        }
        None => {}
    }
}

/// Refuses a route where an earlier one, each with whether it is stored, is shown in its place. Leptos
/// shows the first route that matches, in the order of definition, and the engine goes by the most
/// specific one, so the declaration of the later route would hold for the other one's pages.
fn check_is_shown(
    pattern: &RoutePattern,
    is_stored: bool,
    before: &[(RoutePattern, bool)],
) -> Result<(), Error> {
    for (earlier, earlier_is_stored) in before {
        let never = earlier != pattern && earlier.covers(pattern);
        // For Leptos, not for the engine, the rest of a path may be empty.
        let crossing = (is_stored || *earlier_is_stored)
            && ((earlier.overlaps(pattern) && pattern.by_specificity(earlier).is_lt())
                || earlier.without_rest().is_some_and(|earlier| earlier.overlaps(pattern)));
        let what = match (never, crossing) {
            (true, _) => "it is never shown",
            (_, true) => "it counts for paths that show another route",
            _ => continue,
        };
        let earlier = earlier.as_str();
        let problem = format!("{what}: `{earlier}` matches first; define this route before it");
        return Err(Error::Declaration { route: pattern.as_str().to_owned(), problem });
    }
    Ok(())
}

/// Runs the app once to learn its routes; the HTML is thrown away.
fn list_routes<IV: IntoView + 'static>(
    app: impl Fn() -> IV,
    context: impl Fn(),
) -> Option<RouteList> {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new())));
    let listings = owner.with(|| {
        let (meta, _) = ServerMetaContext::new();
        provide_context(RequestUrl::new(""));
        provide_context(meta);
        provide_context::<Parts>(Request::new(Body::empty()).into_parts().0);
        provide_context(ResponseOptions::default());
        context();
        RouteList::generate(|| app().into_view())
    });
    owner.unset_with_forced_cleanup();
    listings
}

/// Refuses a route of Leptos's own static mode: its pages would be dynamic.
fn undeclared(listing: &RouteListing) -> Error {
    let problem = "it has Leptos's static mode without an `Isr`, so its pages would be neither \
                   written by Leptos nor stored by the engine; write `ssr=Isr::forever().into()`";
    Error::Declaration { route: format!("{:?}", listing.path()), problem: problem.to_owned() }
}

/// The declarations of a route and its parents, parents first.
fn declarations(listing: &RouteListing) -> Vec<Arc<Isr>> {
    let owner = Owner::new();
    let collector = Collector::default();
    owner.with(|| {
        provide_context(collector.clone());
        for regenerate in listing.regenerate() {
            drop(regenerate(&leptos_router::params::ParamsMap::new()));
        }
    });
    let collected = collector.0.lock().map(|declarations| declarations.clone());
    collected.unwrap_or_default()
}

/// Refuses a mode of Leptos's below a stored parent: of a route's modes and those of its parents Leptos
/// takes the largest, which is the declaration's, so the page would be stored all the same.
///
/// `others` are the same routes without declarations. A mode that is left may be that of a parent
/// above the declaration, where it does no harm. It is not, if another route below that declaration
/// has none. Leptos's default mode cannot be told from no mode.
fn check_modes(declared: &[Vec<Arc<Isr>>], others: &[RouteListing]) -> Result<(), Error> {
    let has_none = |listing: &RouteListing| *listing.mode() == SsrMode::default();
    let name = |listing: &RouteListing| {
        let pattern = RoutePattern::from_leptos(listing.path());
        pattern.map_or_else(|_| format!("{:?}", listing.path()), |it| it.as_str().to_owned())
    };
    for (declarations, listing) in declared.iter().zip(others) {
        let Some(nearest) = declarations.last().filter(|isr| !isr.is_dynamic) else { continue };
        if has_none(listing) {
            continue;
        }
        let is_below = |other: &[Arc<Isr>]| other.iter().any(|isr| Arc::ptr_eq(isr, nearest));
        let sibling =
            declared.iter().zip(others).find(|(other, it)| has_none(it) && is_below(other));
        if let Some((_, sibling)) = sibling {
            let problem = format!(
                "`ssr=SsrMode::{:?}` does not count, since the `Isr` of a parent holds for it as for \
                 `{}`: give it `Isr::dynamic()` if its pages must not be stored, or no mode",
                listing.mode(),
                name(sibling)
            );
            return Err(Error::Declaration { route: name(listing), problem });
        }
    }
    Ok(())
}

/// Makes the list of paths run in the pages' context.
fn with_list_in_context(isr: Arc<Isr>, context: &Context) -> Arc<Isr> {
    let Some(list) = isr.list.clone() else {
        return isr;
    };
    let context = Arc::clone(context);
    let in_context = move || -> ListFuture {
        let owner = Owner::new();
        let listed = owner.with(|| {
            context();
            ScopedFuture::new(list())
        });
        Box::pin(async move {
            let listed = listed.await;
            owner.unset_with_forced_cleanup();
            listed
        })
    };
    Arc::new(Isr { list: Some(Arc::new(in_context)), ..Isr::clone(&isr) })
}
