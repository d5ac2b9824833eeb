//! The document's title as the browser sets it: plain text.

use super::site::SITE_NAME;

/// The full title.
pub(crate) fn full(title: String) -> String {
    if title == SITE_NAME { title } else { format!("{title} · {SITE_NAME}") }
}
