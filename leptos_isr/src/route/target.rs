//! One page that is asked for, with what its route says about it.

use std::sync::Arc;

use crate::{
    address::{key::Key, tag::Tag},
    route::{
        policy::{Lifetime, Policy},
        routes::DeclaredRoute,
    },
};

/// One page of one route.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) key: Key,
    pub(crate) route: Arc<str>,
    /// Whether its path is asked for with a slash at the end.
    pub(crate) ends_in_slash: bool,
    /// Whether the answer is data for pages, not a page.
    pub(crate) is_data: bool,
    /// How many pages of the route are rendered at once; `None` for no limit.
    pub(crate) max_renders: Option<usize>,
    /// When it was asked for.
    pub(crate) lifetime: Lifetime,
    pub(crate) tags: Vec<Tag>,
}

impl Target {
    pub(crate) fn new(
        key: Key,
        route: &DeclaredRoute,
        policy: &Policy,
        lifetime: Lifetime,
        segments: &[String],
    ) -> Self {
        Self {
            key,
            route: Arc::clone(&route.name),
            ends_in_slash: route.pattern.ends_in_slash,
            is_data: policy.is_data,
            max_renders: policy.max_renders,
            lifetime,
            tags: policy.tags_of(&route.pattern, segments),
        }
    }
}
