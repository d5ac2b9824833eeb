//! The server functions that stored pages read with.

use std::time::Duration;

use leptos::server_fn::ServerFn;
use leptos_isr::minutes;

use super::{article::ReadArticle, front::ReadFront, section::ReadSection};

/// The server functions whose answers are stored as pages are: path, arguments,
/// and how long an answer may live.
///
/// They answer `GET`, and read no cookie or header of their visitor.
#[must_use]
pub fn reads() -> [(&'static str, &'static [&'static str], Duration); 3] {
    [
        (ReadFront::PATH, &[], minutes(1)),
        (ReadArticle::PATH, &["slug"], minutes(5)),
        (ReadSection::PATH, &["slug", "page"], minutes(1)),
    ]
}
