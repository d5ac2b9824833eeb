//! Which page: its path in canonical form, its key in the store, and its tags.

pub(crate) mod key;
pub(crate) mod path;
pub(crate) mod tag;
