//! In the browser no page is stored, so what a page says about itself is ignored.

use std::time::Duration;

pub(super) fn tag(_: String) {}
pub(super) fn revalidate_within(_: Duration) {}
pub(super) fn no_store() {}
pub(super) fn not_found() {}
pub(super) fn failed(_: String) {}
pub(super) fn hydrates() -> bool {
    true
}
pub(super) fn is_draft() -> bool {
    false
}
