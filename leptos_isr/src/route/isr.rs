//! How a route declares that its pages are stored, and for how long they are fresh.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use leptos::prelude::use_context;
use leptos_router::{SsrMode, static_routes::StaticRoute};

use crate::route::static_mode;

/// What a route does with a path that has no stored page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMissing {
    /// The first visitor waits for a render, which is stored.
    #[default]
    Render,
    /// Only the paths that the route lists exist. Any other path gets the app's own 404 page, and
    /// nothing is looked up, rendered or stored for it.
    NotFound,
}

/// The values of one path's parameters.
///
/// It is made from a text or a number if the route has one parameter, from a tuple of them if it has
/// more, in the order of the path, or from pairs of name and value. Values are plain text, not
/// percent-encoded.
///
/// # Examples
///
/// ```
/// use leptos_isr::route::PathParams;
///
/// let one: PathParams = "zürich".into();
/// let number: PathParams = 7.into();
/// let in_order: PathParams = ("2026", "zürich").into();
/// let named: PathParams = [("year", "2026"), ("slug", "zürich")].into();
/// # let _ = (one, number, in_order, named);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathParams {
    /// A value for each parameter, in the order of the path.
    InOrder(Vec<String>),
    /// Parameters by name.
    Named(Vec<(String, String)>),
}

macro_rules! from_one_value {
    ($($value:ty),*) => {$(
        impl From<$value> for PathParams {
            fn from(value: $value) -> Self {
                Self::InOrder(vec![value.to_string()])
            }
        }
    )*};
}

from_one_value!(&str, &String, Cow<'_, str>, i32, i64, u32, u64, usize);

impl From<String> for PathParams {
    fn from(value: String) -> Self {
        Self::InOrder(vec![value])
    }
}

impl<A: ToString, B: ToString> From<(A, B)> for PathParams {
    fn from((a, b): (A, B)) -> Self {
        Self::InOrder(vec![a.to_string(), b.to_string()])
    }
}

impl<A: ToString, B: ToString, C: ToString> From<(A, B, C)> for PathParams {
    fn from((a, b, c): (A, B, C)) -> Self {
        Self::InOrder(vec![a.to_string(), b.to_string(), c.to_string()])
    }
}

impl<K: Into<String>, V: Into<String>> From<Vec<(K, V)>> for PathParams {
    fn from(pairs: Vec<(K, V)>) -> Self {
        Self::Named(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for PathParams {
    fn from(pairs: [(K, V); N]) -> Self {
        Vec::from(pairs).into()
    }
}

/// What the function given to [`Isr::prerender`] may answer: paths, or why it has none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of paths",
    note = "answer a `Vec` or an array of what is `Into<PathParams>`, or a `Result` with one"
)]
pub trait PathList {
    /// The values of each path's parameters.
    ///
    /// # Errors
    ///
    /// Says why there are none.
    fn into_paths(self) -> Result<Vec<PathParams>, String>;
}

impl<P: Into<PathParams>> PathList for Vec<P> {
    fn into_paths(self) -> Result<Vec<PathParams>, String> {
        Ok(self.into_iter().map(Into::into).collect())
    }
}

impl<P: Into<PathParams>, const N: usize> PathList for [P; N] {
    fn into_paths(self) -> Result<Vec<PathParams>, String> {
        Vec::from(self).into_paths()
    }
}

impl<L: PathList, E: Display> PathList for Result<L, E> {
    fn into_paths(self) -> Result<Vec<PathParams>, String> {
        self.map_err(|error| error.to_string())?.into_paths()
    }
}

pub(crate) type ListFuture = Pin<Box<dyn Future<Output = Result<Vec<PathParams>, String>> + Send>>;
pub(crate) type ListFn = Arc<dyn Fn() -> ListFuture + Send + Sync>;

/// A route's declaration: whether its pages are stored, their period, their tags.
///
/// It converts into the [`SsrMode`] that Leptos's `Route` and `ParentRoute` take. If a parent and a
/// child both declare, the page gets the shortest period and the shortest `expire`, and all tags
/// and all query parameters of both. A wrong declaration (a period of zero, an `expire` that is not
/// above `revalidate`, a tag that names a parameter which the path lacks) is an error at start that
/// names the route.
///
/// # Examples
///
/// ```
/// use leptos_isr::{Isr, OnMissing, days, minutes};
///
/// let articles = Isr::revalidate(minutes(5))
///     .expire(days(7))
///     .prerender(async || ["hello-world"])
///     .on_missing(OnMissing::NotFound)
///     .tag("articles")
///     .tag("article:{slug}");
/// let mode: leptos_router::SsrMode = articles.into();
/// ```
#[derive(Clone, Default)]
pub struct Isr {
    pub(crate) revalidate: Option<Duration>,
    pub(crate) expire: Option<Duration>,
    pub(crate) is_dynamic: bool,
    pub(crate) query: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) on_missing: Option<OnMissing>,
    pub(crate) is_optional_at_build: bool,
    pub(crate) max_renders: Option<usize>,
    pub(crate) list: Option<ListFn>,
}

impl Isr {
    /// Declares pages that are fresh for `period`, counted from when their render began.
    ///
    /// Only whole seconds and milliseconds matter. A period of zero is an error at start.
    #[must_use]
    pub fn revalidate(period: Duration) -> Self {
        Self { revalidate: Some(period), ..Self::default() }
    }

    /// Declares pages without a period: only a purge or a new build regenerates them.
    #[must_use]
    pub fn forever() -> Self {
        Self::default()
    }

    /// Declares a page that is rendered for each request, although its parent route's pages are
    /// stored.
    #[must_use]
    pub fn dynamic() -> Self {
        Self { is_dynamic: true, ..Self::default() }
    }

    /// Sets how old a stale page may be and still be served. Defaults to no limit.
    ///
    /// An older page is expired: the visitor waits for a new one, and gets the old one only if the
    /// render fails.
    #[must_use]
    pub fn expire(mut self, age: Duration) -> Self {
        self.expire = Some(age);
        self
    }

    /// Adds query parameters that are part of the page. Defaults to none.
    ///
    /// All others are ignored: they neither make another page nor reach the render.
    #[must_use]
    pub fn query<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.query.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds a tag that every page of the route carries. Purging it makes the pages stale.
    ///
    /// `{name}` stands for the value of the path's parameter `name`.
    #[must_use]
    pub fn tag(mut self, template: impl Into<String>) -> Self {
        self.tags.push(template.into());
        self
    }

    /// Sets what to do with a path that has no stored page. Defaults to [`OnMissing::Render`].
    #[must_use]
    pub fn on_missing(mut self, action: OnMissing) -> Self {
        self.on_missing = Some(action);
        self
    }

    /// Lets a build pass when one of the route's listed pages cannot be rendered: that page is
    /// rendered when it is first asked for. Defaults to a build that fails.
    #[must_use]
    pub fn optional_at_build(mut self) -> Self {
        self.is_optional_at_build = true;
        self
    }

    /// Sets how many of the route's pages are rendered at once. Defaults to no limit but the
    /// server's.
    ///
    /// It is meant for pages whose data source bears few requests at a time.
    #[must_use]
    pub fn max_renders(mut self, renders: usize) -> Self {
        self.max_renders = Some(renders);
        self
    }

    /// Sets the function that lists the paths to render at build.
    ///
    /// `list` runs in the same context as the pages. It answers with a `Vec` or an array of
    /// [`PathParams`], or of what they are made from, or with a `Result` of that, whose error fails the
    /// build. A route without parameters needs no list.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::Isr;
    ///
    /// async fn slugs() -> std::io::Result<Vec<String>> {
    ///     Ok(std::fs::read_to_string("slugs.txt")?.lines().map(str::to_owned).collect())
    /// }
    ///
    /// let articles = Isr::forever().prerender(slugs);
    /// let authors = Isr::forever().prerender(async || ["ada", "grace"]);
    /// let archive = Isr::forever().prerender(async || vec![(2026, "a"), (2026, "b")]);
    /// ```
    #[must_use]
    pub fn prerender<F, Fut>(mut self, list: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: PathList> + Send + 'static,
    {
        self.list = Some(Arc::new(move || {
            let paths = list();
            Box::pin(async move { paths.await.into_paths() })
        }));
        self
    }
}

impl fmt::Debug for Isr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isr")
            .field("revalidate", &self.revalidate)
            .field("expire", &self.expire)
            .field("is_dynamic", &self.is_dynamic)
            .field("query", &self.query)
            .field("tags", &self.tags)
            .field("on_missing", &self.on_missing)
            .field("is_optional_at_build", &self.is_optional_at_build)
            .field("max_renders", &self.max_renders)
            .finish_non_exhaustive()
    }
}

/// Receives the declarations of a route and of its parents while routes are listed.
#[derive(Clone, Default)]
pub(crate) struct Collector(pub(crate) Arc<Mutex<Vec<Arc<Isr>>>>);

/// In context while routes are listed as if they had no declarations: what is left are the modes that
/// routes have beside them.
#[derive(Clone)]
pub(crate) struct WithoutDeclarations;

impl From<Isr> for SsrMode {
    /// Carries the declaration through Leptos's own static mode. Its regeneration function hands
    /// the declaration to whoever calls it with a collector in context. Anyone else is Leptos, which
    /// has written the page into a file: that is an error in the log.
    fn from(isr: Isr) -> Self {
        if use_context::<WithoutDeclarations>().is_some() {
            return Self::default();
        }
        let isr = Arc::new(isr);
        Self::Static(StaticRoute::new().regenerate(move |_| {
            match use_context::<Collector>() {
                Some(collector) => {
                    if let Ok(mut declarations) = collector.0.lock() {
                        declarations.push(Arc::clone(&isr));
                    }
                }
                None => static_mode::report(),
            }
            futures::stream::pending()
        }))
    }
}
