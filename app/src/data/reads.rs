//! The server functions that stored pages read with.

use leptos::server_fn::ServerFn;

use super::{article::ReadArticle, front::ReadFront, section::ReadSection};

/// The server functions whose answers are stored as pages are: path, arguments,
/// and the route whose pages read it, for as long as which an answer lives.
///
/// They answer `GET`, and read no cookie or header of their visitor.
#[must_use]
pub fn reads() -> [(&'static str, &'static [&'static str], &'static str); 3] {
    [
        (ReadFront::PATH, &[], "/"),
        (ReadArticle::PATH, &["slug"], "/articles/:slug"),
        (ReadSection::PATH, &["slug", "page"], "/sections/:section"),
    ]
}
