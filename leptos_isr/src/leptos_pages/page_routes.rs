//! The pages' routes, in a form that axum takes.
//!
//! Axum refuses a route with the rest of a path beside one with a parameter in that place: `/*any` beside
//! `/:page`. So the one with the rest of a path takes the requests of both, and the other is looked for
//! inside of it.

use axum::{
    Router,
    extract::{MatchedPath, Request},
    routing::any,
};
use leptos::config::LeptosOptions;
use tower::ServiceExt;

use crate::route::pattern::RoutePattern;

/// A route, and the router inside of it, if it has others inside.
type PageRoute<'a> = (&'a RoutePattern, Option<Router>);

/// The router of all `patterns`, which come most specific first. `pages` makes one of routes that may
/// stand side by side.
pub(super) fn router<'a>(
    patterns: impl Iterator<Item = &'a RoutePattern>,
    options: &LeptosOptions,
    pages: impl Fn(&[&RoutePattern]) -> Router<LeptosOptions>,
) -> Router<LeptosOptions> {
    let mut routes: Vec<PageRoute<'_>> = Vec::new();
    for pattern in patterns {
        let inside: Vec<_> =
            routes.extract_if(.., |(other, _)| pattern.rest_meets_parameter(other)).collect();
        let inside = (!inside.is_empty()).then(|| {
            let own: Router = pages(&[pattern]).with_state(options.clone());
            side_by_side(inside, &pages).fallback_service(own).with_state(options.clone())
        });
        routes.push((pattern, inside));
    }
    side_by_side(routes, &pages)
}

fn side_by_side(
    routes: Vec<PageRoute<'_>>,
    pages: impl Fn(&[&RoutePattern]) -> Router<LeptosOptions>,
) -> Router<LeptosOptions> {
    let plain = routes.iter().filter(|(_, inside)| inside.is_none());
    let plain: Vec<_> = plain.map(|(pattern, _)| *pattern).collect();
    let with_inside = routes.into_iter().filter_map(|(pattern, inside)| Some((pattern, inside?)));
    with_inside.fold(pages(&plain), |router, (pattern, inside)| {
        let ask_inside = move |mut request: Request| {
            // Axum would put the pattern inside behind this one.
            request.extensions_mut().remove::<MatchedPath>();
            inside.clone().oneshot(request)
        };
        router.route(&pattern.to_axum(), any(ask_inside))
    })
}
