//! Building, serving and purging share one normaliser.

use futures::FutureExt;
use http::Uri;
use proptest::{collection::vec, prelude::*, sample::select};
use std::sync::Arc;

use super::{
    purges::entry,
    spelling::{segment, spelling},
};
use crate::{
    address::{key::Key, path::CanonicalPath},
    order::{purge::Purge, times::PurgeTimes},
    route::{
        isr::{Isr, PathParams},
        pattern::RoutePattern,
        policy::Policy,
    },
    rules::freshness::PurgeKind,
};

/// A route, with the values of its parameters for one page.
#[derive(Clone, Debug)]
struct Page {
    pattern: RoutePattern,
    params: Vec<(String, String)>,
    segments: Vec<String>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(&'static str),
    Param(String),
}

fn page() -> impl Strategy<Value = Page> {
    let part = prop_oneof![
        select(vec!["articles", "caf\u{e9}", "a b", "100%", "a.b", "%2F"]).prop_map(Part::Text),
        segment().prop_map(Part::Param),
    ];
    // The rest of a path is given with slashes, so its segments must not contain any.
    let plain = segment().prop_filter("no slash", |text| !text.contains('/'));
    (vec(part, 0..4), vec(plain, 0..3)).prop_map(|(parts, rest)| {
        let mut pattern = String::new();
        let mut params = Vec::new();
        let mut segments = Vec::new();
        for (i, part) in parts.into_iter().enumerate() {
            match part {
                Part::Text(text) => {
                    pattern.push_str(&format!("/{text}"));
                    segments.push(text.to_owned());
                }
                Part::Param(value) => {
                    pattern.push_str(&format!("/:p{i}"));
                    params.push((format!("p{i}"), value.clone()));
                    segments.push(value);
                }
            }
        }
        if !rest.is_empty() {
            pattern.push_str("/*rest");
            params.push(("rest".to_owned(), rest.join("/")));
            segments.extend(rest);
        }
        let pattern = if pattern.is_empty() { "/" } else { &pattern };
        Page { pattern: RoutePattern::parse(pattern).unwrap(), params, segments }
    })
}

/// The paths that the build renders for a route that lists `params`.
fn listed(pattern: &RoutePattern, params: &[(String, String)]) -> Vec<String> {
    let params = PathParams::Named(params.to_vec());
    let isr = Isr::forever().prerender(move || {
        let params = params.clone();
        async move { Ok::<_, String>(vec![params]) }
    });
    let policy = Policy::combine(pattern, &[Arc::new(isr)]).unwrap();
    policy.paths(pattern).now_or_never().unwrap().unwrap()
}

proptest! {
    #[test]
    fn filled_path_is_canonical_and_gives_its_parameters_back(page in page()) {
        let path = page.pattern.fill(&PathParams::Named(page.params.clone())).unwrap();
        let parsed = CanonicalPath::parse(&path).unwrap();
        prop_assert_eq!(&parsed.text, &path);
        prop_assert_eq!(&parsed.segments, &page.segments);
        prop_assert!(page.pattern.matches(&parsed.segments));
        let values = page.pattern.values(&parsed.segments);
        let given = page.params.iter().map(|(name, value)| (name.as_str(), value.clone()));
        prop_assert_eq!(values, given.collect::<Vec<_>>());
    }

    #[test]
    fn any_parameters_fill_a_path_that_exists_or_are_refused(
        value in prop_oneof![any::<String>(), "[a/.]{0,8}", Just("a".repeat(2000))],
        route in select(vec!["/:p", "/a/:p", "/*p", "/:p/b"]),
    ) {
        let pattern = RoutePattern::parse(route).unwrap();
        if let Ok(path) = pattern.fill(&value.clone().into()) {
            let parsed = CanonicalPath::parse(&path).unwrap();
            prop_assert_eq!(&parsed.text, &path);
            prop_assert_eq!(pattern.values(&parsed.segments), [("p", value)]);
        }
    }

    #[test]
    fn page_built_requested_and_purged_in_any_spelling_is_one(
        page in page(), asked in spelling(), purged in spelling(), above in any::<usize>(),
    ) {
        let paths = listed(&page.pattern, &page.params);
        let [path] = &paths[..] else { panic!("one page is listed: {paths:?}") };
        let built = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        prop_assert_eq!(built.as_str(), path);

        // A server sees what the URL parser lets through.
        let raw = asked.path(&page.segments);
        let uri = raw.parse::<Uri>();
        let request = CanonicalPath::parse(uri.as_ref().map_or(&*raw, |uri| uri.path())).unwrap();
        // This is what a route compares that admits only the paths it lists.
        prop_assert_eq!(&request.text, path);
        prop_assert!(page.pattern.matches(&request.segments));
        prop_assert_eq!(Key::new(&request, Some("utm=x"), &[]).unwrap(), built.clone());

        let folder = &page.segments[..above % (page.segments.len() + 1)];
        for purge in [
            Purge { paths: vec![purged.path(&page.segments)], ..Purge::default() },
            Purge { prefixes: vec![purged.path(folder)], ..Purge::default() },
        ] {
            let mut times = PurgeTimes::default();
            for scope in purge.scopes().unwrap() {
                times.note(scope, PurgeKind::Soft, 2);
            }
            let reached = times.since(&entry(built.clone(), Vec::new(), 1));
            prop_assert_eq!(reached, Some(PurgeKind::Soft), "{:?}", purge);
        }
    }
}
