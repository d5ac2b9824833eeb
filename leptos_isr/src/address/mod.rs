//! Which page: its path in canonical form, its key in the store, its tags, and its build.

pub(crate) mod build;
pub(crate) mod key;
pub(crate) mod path;
pub(crate) mod tag;
