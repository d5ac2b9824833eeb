//! The outcome of a render.

use std::sync::Arc;

use crate::{
    entry::{Entry, ServedEntry},
    error::RenderError,
};

/// The outcome of one render, for everyone who waits for it.
pub(crate) type RenderResult = Result<NewEntry, RenderFailure>;

/// A page that was just rendered.
#[derive(Clone, Debug)]
pub(crate) struct NewEntry {
    pub(crate) entry: Arc<ServedEntry>,
    pub(crate) stored: bool,
}

/// A render without a page, and what the visitor who waited for it may see.
#[derive(Clone, Debug)]
pub(crate) struct RenderFailure {
    pub(crate) error: RenderError,
    /// The error page that the app rendered, if it did.
    pub(crate) page: Option<Box<Entry>>,
}

impl From<RenderError> for RenderFailure {
    fn from(error: RenderError) -> Self {
        Self { error, page: None }
    }
}
