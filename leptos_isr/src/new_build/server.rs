//! On the server the build is the engine's, and no page is left.

use leptos::prelude::use_context;

use crate::engine::Engine;

pub(super) fn build() -> Option<String> {
    use_context::<Engine>()?.0.build.clone()
}

pub(super) struct Page;

impl Page {
    pub(super) fn asking(_: &str) -> Self {
        Self
    }

    pub(super) fn is_left_for(&self, _: &str) -> bool {
        false
    }
}
