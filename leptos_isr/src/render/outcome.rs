//! The outcome of a render.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use crate::{
    entry::{Entry, ServedEntry, Version},
    error::RenderError,
    scope::{FailedRead, RenderNotes},
};

/// The only statuses that are ever stored: pages, redirects, and the definite answer that there is
/// no page.
const STORED: [StatusCode; 8] = [
    StatusCode::OK,
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::FOUND,
    StatusCode::SEE_OTHER,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
    StatusCode::NOT_FOUND,
    StatusCode::GONE,
];

/// The outcome of one render, for everyone who waits for it.
pub(crate) type RenderResult = Result<NewEntry, RenderFailure>;

/// A page that was just rendered.
#[derive(Clone, Debug)]
pub(crate) struct NewEntry {
    pub(crate) entry: Arc<ServedEntry>,
    pub(crate) stored: bool,
    /// It is made of no data that was read before this, for a caller who asked for that.
    pub(crate) after: Version,
}

/// A render without a page, and what the visitor who waited for it may see.
#[derive(Clone, Debug)]
pub(crate) struct RenderFailure {
    pub(crate) error: RenderError,
    /// The error page that the app rendered, if it did.
    pub(crate) page: Option<Box<Entry>>,
    /// When it is worth asking again.
    pub(crate) retry_after: Duration,
}

impl From<RenderError> for RenderFailure {
    fn from(error: RenderError) -> Self {
        let retry_after = match error {
            RenderError::Busy { retry_after } => retry_after,
            _ => Duration::ZERO,
        };
        Self { error, page: None, retry_after }
    }
}

/// What becomes of an answer. The first row that fits decides:
///
/// | its code | its reads | thrown into a boundary | status | |
/// |---|---|---|---|---|
/// | says `failed` | | | | it failed |
/// | | one failed | | | it failed |
/// | | | an error | 200 | it failed |
/// | | | | a stored one | it is a page |
/// | | | | another | it failed |
///
/// Errors of a client that is not the library's, and that page code handles itself, are not seen:
/// such code says `failed`.
///
/// # Errors
///
/// Returns why it must not take the place of a page.
pub(crate) fn outcome(
    notes: &RenderNotes,
    thrown: Option<String>,
    status: StatusCode,
) -> Result<(), RenderError> {
    match (&notes.failure, &notes.failed_read, thrown) {
        (Some(cause), _, _) => Err(RenderError::Failed(cause.clone())),
        (None, Some(FailedRead { cause, retry_in }), _) => {
            Err(RenderError::Read { cause: cause.clone(), retry_in: *retry_in })
        }
        (None, None, Some(error)) if status == StatusCode::OK => Err(RenderError::Boundary(error)),
        _ if STORED.contains(&status) => Ok(()),
        _ => Err(RenderError::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_then_boundaries_then_the_status_decide() {
        let text = |text: &str| Some(text.to_owned());
        let said = text("said");
        let read = Some(FailedRead { cause: "read".to_owned(), retry_in: None });
        let failed = || Err(RenderError::Failed("said".to_owned()));
        let unread = || Err(RenderError::Read { cause: "read".to_owned(), retry_in: None });
        let status = |status| Err(RenderError::Status(status));
        let (ok, found) = (StatusCode::OK, StatusCode::FOUND);
        let (absent, gone) = (StatusCode::NOT_FOUND, StatusCode::GONE);
        let (broken, denied) = (StatusCode::BAD_GATEWAY, StatusCode::FORBIDDEN);
        for (failure, failed_read, thrown, answered, becomes) in [
            (&said, &None, None, ok, failed()),
            (&said, &read, text("thrown"), broken, failed()),
            (&None, &read, None, ok, unread()),
            (&None, &read, text("thrown"), ok, unread()),
            (&None, &read, None, absent, unread()),
            (&None, &read, None, found, unread()),
            (&None, &read, None, broken, unread()),
            (&None, &None, text("thrown"), ok, Err(RenderError::Boundary("thrown".to_owned()))),
            (&None, &None, text("thrown"), absent, Ok(())),
            (&None, &None, text("thrown"), gone, Ok(())),
            (&None, &None, text("thrown"), found, Ok(())),
            (&None, &None, text("thrown"), broken, status(broken)),
            (&None, &None, None, ok, Ok(())),
            (&None, &None, None, absent, Ok(())),
            (&None, &None, None, denied, status(denied)),
        ] {
            let mut notes = RenderNotes::default();
            (notes.failure, notes.failed_read) = (failure.clone(), failed_read.clone());
            let case = format!("{notes:?} {thrown:?} {answered}");
            assert_eq!(outcome(&notes, thrown, answered), becomes, "{case}");
        }
    }
}
