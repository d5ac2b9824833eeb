//! On the server no page is open.

pub(super) fn refresh(_: &str) {}
