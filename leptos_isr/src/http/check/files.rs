//! The files that pages have a browser load.

use std::collections::BTreeMap;

use http::{Uri, header};
use reqwest::Url;

use super::{answer::Answer, report::Problem};
use crate::render::{csp::is_html, links::files};

/// The addresses of files, each with the route and the page that first named it.
#[derive(Default)]
pub(super) struct Files(pub(super) BTreeMap<String, (String, String)>);

impl Files {
    pub(super) fn extend(&mut self, route: &str, page: &str, files: Vec<String>) {
        for file in files {
            self.0.entry(file).or_insert_with(|| (route.to_owned(), page.to_owned()));
        }
    }
}

/// The addresses of the site's files that `page` has a browser load.
pub(super) fn files_of(page: &str, answer: &Answer) -> Vec<String> {
    let site = Url::parse("http://site").expect("it is an address");
    let Ok(page) = site.join(page) else { return Vec::new() };
    let address = |file: String| {
        let file = page.join(&file).ok().filter(|file| file.origin() == page.origin())?;
        let query = file.query().map(|query| format!("?{query}")).unwrap_or_default();
        let address = format!("{}{query}", file.path());
        address.parse::<Uri>().is_ok().then_some(address)
    };
    match is_html(&answer.headers) {
        true => files(&answer.body).filter_map(address).collect(),
        false => Vec::new(),
    }
}

/// What is wrong with the answer to a file that the page `by` names.
pub(super) fn not_served(answer: &Answer, by: String) -> Option<Problem> {
    let is_served = answer.status.is_success() && !is_html(&answer.headers);
    (!is_served && !answer.status.is_redirection()).then(|| Problem::FileNotServed {
        by,
        status: answer.status.as_u16(),
        content_type: answer.header(header::CONTENT_TYPE),
    })
}
