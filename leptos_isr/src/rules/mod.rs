//! Decisions without side effects: values and the time go in, a decision comes out.

pub(crate) mod advice;
pub(crate) mod cache_control;
pub(crate) mod cache_status;
pub(crate) mod decide;
pub(crate) mod encoding;
pub(crate) mod freshness;
pub(crate) mod headers;
pub(crate) mod shared_cache;
pub(crate) mod speculation;
pub(crate) mod tag_list;
