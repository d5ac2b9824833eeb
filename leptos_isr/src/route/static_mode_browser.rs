//! In the browser nothing is rendered for others.

pub(super) fn report() {}
