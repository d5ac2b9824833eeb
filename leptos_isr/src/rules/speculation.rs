//! The speculation rules: which links browsers may prefetch.

use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    route::routes::{DeclaredRoute, RouteTable},
    wire,
};

/// The rules, as they are sent.
#[derive(Debug)]
pub(crate) struct SpeculationRules {
    /// The value of `Speculation-Rules`, which names where they are.
    pub(crate) header: HeaderValue,
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
}

impl SpeculationRules {
    /// Rules by which links to stored pages of the Leptos app are prefetched; `None` if it has none.
    pub(crate) fn new(routes: &RouteTable) -> Option<Self> {
        let links = links(routes);
        if links.is_empty() {
            return None;
        }
        let rule = json!({
            "source": "document",
            "eagerness": "moderate",
            "where": { "or": links },
        });
        let body = json!({ "prefetch": [rule] }).to_string();
        let etag = format!("\"{:016x}\"", xxh3_64(body.as_bytes()));
        let header = format!("\"{}\"", wire::SPECULATION_RULES);
        let ascii = |text| HeaderValue::try_from(text).expect("it is ASCII without control bytes");
        Some(Self { header: ascii(header), body: body.into(), etag: ascii(etag) })
    }
}

/// One condition for each route. The first route that matches a path counts, so those before it are
/// left out where they are none of stored pages.
fn links(routes: &RouteTable) -> Vec<Value> {
    let (mut links, mut others) = (Vec::new(), Vec::<&DeclaredRoute>::new());
    for route in routes.iter() {
        if !route.has_stored_pages() {
            others.push(route);
            continue;
        }
        let except = others.iter().filter(|other| other.pattern.overlaps(&route.pattern));
        let except: Vec<_> = except.map(|other| link(other)).collect();
        links.push(match except.is_empty() {
            true => link(route),
            false => json!({ "and": [link(route), { "not": { "or": except } }] }),
        });
    }
    links
}

fn link(route: &DeclaredRoute) -> Value {
    let path = route.pattern.to_url_pattern();
    json!({ "href_matches": { "pathname": path, "search": "*", "hash": "*" } })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::route::{isr::Isr, pattern::RoutePattern};

    /// Routes of an app; those of `dynamic` are not stored, those of `added` none of Leptos.
    fn table(stored: &[&str], dynamic: &[&str], added: &[&str]) -> RouteTable {
        let mut routes = RouteTable::new();
        for (paths, isr) in [(stored, Isr::forever as fn() -> Isr), (dynamic, Isr::dynamic)] {
            for path in paths {
                let pattern = RoutePattern::parse(path).unwrap();
                routes.insert_of_leptos(&pattern, &[Arc::new(isr())]).unwrap();
            }
        }
        added.iter().try_fold(routes, |routes, path| routes.add(path, Isr::forever())).unwrap()
    }

    /// The conditions, the exceptions of each after a bar.
    fn conditions(routes: &RouteTable) -> Vec<String> {
        let path = |link: &Value| link["href_matches"]["pathname"].as_str().unwrap().to_owned();
        let condition = |link: &Value| match link["and"].as_array() {
            None => path(link),
            Some(both) => {
                let except = both[1]["not"]["or"].as_array().unwrap().iter().map(path);
                format!("{} | {}", path(&both[0]), except.collect::<Vec<_>>().join(" "))
            }
        };
        links(routes).iter().map(condition).collect()
    }

    #[test]
    fn patterns_are_those_of_the_url_pattern_standard() {
        for (route, pattern) in [
            ("/", "/"),
            ("/a/:article-slug/b/:2", "/a/:p1/b/:p3"),
            ("/docs/*rest", "/docs/:p1+"),
            ("/*any", "/:p0+"),
            ("/a/:id/", "/a/:p1/"),
            ("/caf\u{e9}/x y", "/caf%C3%A9/x%20y"),
            ("/a:b(c)+*d", r"/a\:b\(c\)\+\*d"),
            ("/{x}?", "/%7Bx%7D%3F"),
        ] {
            assert_eq!(conditions(&table(&[route], &[], &[])), [pattern], "{route}");
        }
    }

    #[test]
    fn links_to_stored_pages_alone_are_prefetched() {
        for (name, stored, dynamic, added, expected) in [
            ("dynamic within", &["/a/:id"][..], &["/a/new"][..], &[][..], &["/a/:p1 | /a/new"][..]),
            ("dynamic elsewhere", &["/a/:id"], &["/b", "/a"], &[], &["/a/:p1"]),
            ("less specific", &["/about"], &["/:any"], &[], &["/about"]),
            ("feed", &["/:any"], &[], &["/feed.xml", "/rss"], &["/:p0 | /feed.xml /rss"]),
            ("cross", &["/:any/b"], &["/a/:id"], &[], &["/:p0/b | /a/:p1"]),
            ("none", &[], &["/a"], &["/feed.xml"], &[]),
        ] {
            assert_eq!(conditions(&table(stored, dynamic, added)), expected, "{name}");
        }
        assert!(SpeculationRules::new(&table(&[], &["/a"], &["/feed.xml"])).is_none());
    }
}
