//! In the browser no page is stored: what a page says of itself is ignored.

use std::time::Duration;

pub(crate) fn tag(_: String) {}
pub(crate) fn revalidate_within(_: Duration) {}
pub(crate) fn no_store() {}
pub(crate) fn not_found() {}
pub(crate) fn failed(_: String) {}
pub(crate) fn hydrates() -> bool {
    true
}
pub(crate) fn is_draft() -> bool {
    false
}
