//! One file per route.

pub(crate) mod about;
pub(crate) mod article;
pub(crate) mod editor;
pub(crate) mod editor_article;
pub(crate) mod front;
pub(crate) mod lazy;
pub(crate) mod live;
pub(crate) mod not_found;
pub(crate) mod search;
pub(crate) mod section;
pub(crate) mod unknown;
