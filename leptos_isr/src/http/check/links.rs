//! Links to stored pages with query parameters that their routes do not list.

use std::collections::{BTreeMap, BTreeSet};

use http::Uri;
use reqwest::Url;

use super::{
    answer::{Answer, influences},
    report::{CheckReport, Influence, Problem},
};
use crate::{
    address::{
        key::Key,
        path::{CanonicalPath, unlisted_parameter},
    },
    engine::Engine,
    render::{csp::is_html, links::links},
};

/// How many of the links to one route are followed.
const FOLLOWED: usize = 8;

/// A link to a stored page with more than the page is stored for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    /// The path of the route that it leads to.
    route: String,
    address: String,
    /// The address of what is stored.
    page: String,
}

/// By the paths of the routes that they lead to.
#[derive(Default)]
pub(super) struct Links(BTreeMap<String, BTreeSet<Link>>);

impl Links {
    pub(super) fn extend(&mut self, links: Vec<Link>) {
        for link in links {
            let others = self.0.entry(link.route.clone()).or_default();
            if others.len() < FOLLOWED {
                others.insert(link);
            }
        }
    }
}

impl Engine {
    /// The links of `page` to stored pages with parameters that their routes do not list.
    pub(super) fn unlisted_links(&self, page: &str, answer: &Answer) -> Vec<Link> {
        let site = Url::parse("http://site").expect("it is an address");
        match site.join(page) {
            Ok(page) if is_html(&answer.headers) => {
                links(&answer.body).filter_map(|href| self.unlisted_link(&page, &href)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn unlisted_link(&self, page: &Url, href: &str) -> Option<Link> {
        let to = page.join(href).ok().filter(|to| to.origin() == page.origin())?;
        let (path, query) = (CanonicalPath::parse(to.path()).ok()?, to.query()?);
        let route = self.0.routes.find(path.segments.iter())?;
        let policy = route.policy().filter(|policy| !policy.is_data)?;
        unlisted_parameter(query, &policy.query)?;
        let ends_in_slash = route.pattern.ends_in_slash;
        let key = Key::of_canonical(&path.text);
        let declared = key.address(ends_in_slash);
        let address = format!("{declared}?{query}");
        let is_page = self.own_handler_at(route, &declared).is_none();
        let stored = Key::new(&path, Some(query), &policy.query).ok()?;
        (is_page && address.parse::<Uri>().is_ok()).then(|| Link {
            route: route.path().to_owned(),
            address,
            page: stored.address(ends_in_slash).into_owned(),
        })
    }

    /// Follows links, and adds to each route the first whose page is another than the stored one, or
    /// that has no answer.
    pub(super) async fn check_links(&self, Links(mut links): Links, report: &mut CheckReport) {
        for found in &mut report.routes {
            let is_of_query = |problem: &Problem| {
                matches!(problem, Problem::DependsOn { on: Influence::Query, .. })
            };
            if found.findings.iter().any(|finding| is_of_query(&finding.problem)) {
                continue;
            }
            for link in links.remove(&found.route).unwrap_or_default() {
                let problem = self.of_link(&link).await;
                let is_of_link = |problem: &Problem| {
                    is_of_query(problem) || matches!(problem, Problem::NoAnswer { .. })
                };
                if let Some(problem) = problem.filter(is_of_link) {
                    found.add(&link.address, vec![problem]);
                    break;
                }
            }
        }
    }

    async fn of_link(&self, Link { address, page, .. }: &Link) -> Option<Problem> {
        let ask = async |on: Option<Influence>| {
            self.as_dynamic(if on.is_some() { address } else { page }, None).await
        };
        // The page that names it is looked at by itself, if its route lists it.
        let first = ask(None).await.ok()?;
        influences(&first, &[Influence::Query], ask, Problem::depends_on).await.pop()
    }
}
