//! In the browser no call is answered.

pub(super) fn refuse() {}
