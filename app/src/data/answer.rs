//! How reads that fail are answered: with a failure that is logged once.

use leptos::prelude::use_context;
use leptos_isr::page::RenderScope;
use std::{error::Error, iter};

use super::{failure::Failure, source_error::ContentError};

/// Marks the render in progress as failed and gives what the visitor is told.
///
/// A page's render that fails is logged by the engine; outside of one it is logged here.
pub(crate) fn unavailable(error: &ContentError) -> Failure {
    if use_context::<RenderScope>().is_none() {
        tracing::error!(error = error as &dyn Error, "answered that content is unavailable");
    }
    leptos_isr::failed(with_causes(error));
    Failure::new("The content could not be loaded just now. Try again in a moment.")
}

/// `error` and its causes in one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
