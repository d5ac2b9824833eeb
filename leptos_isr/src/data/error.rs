//! Why data could not be read.

use std::{error::Error, fmt, iter, sync::Arc, time::Duration};

use crate::{
    error::not_again_for,
    scope::{FailedRead, RenderNotes},
};

/// Why data could not be read. Cheap to clone: everyone who waited for one read gets it.
#[derive(Clone, Debug)]
pub struct DataError {
    cause: Arc<dyn Error + Send + Sync>,
    /// Whether this is the answer of the source, which would be the same the next time.
    is_definite: bool,
    /// What was noted while it was read, if it is definite: its period and tags hold as those of
    /// any answer.
    notes: Arc<RenderNotes>,
    /// How long the source wants to be left alone.
    retry_after: Duration,
    /// How long the read is not tried again, for a caller who asks too soon.
    retry_in: Option<Duration>,
}

impl DataError {
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: cause.into().into(),
            is_definite: false,
            notes: Arc::default(),
            retry_after: Duration::ZERO,
            retry_in: None,
        }
    }

    /// The error of a function that reads. It is definite if that of a read of its own is, which it
    /// passes on.
    pub(crate) fn of_load(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let mut inner = iter::successors(Some(&*cause as &dyn Error), |&error| error.source());
        let is_definite =
            inner.any(|error| error.downcast_ref::<Self>().is_some_and(Self::is_definite));
        Self { is_definite, ..Self::new(cause) }
    }

    /// Makes this a failure that is the source's answer, for example that there is no such thing.
    pub(crate) fn definite(self) -> Self {
        Self { is_definite: true, ..self }
    }

    /// Adds what was noted while this was read.
    pub(crate) fn noted(self, notes: RenderNotes) -> Self {
        Self { notes: Arc::new(notes), ..self }
    }

    pub(crate) fn notes(&self) -> &RenderNotes {
        &self.notes
    }

    /// Makes this a failure after which the source wants to be left alone for `retry_after`.
    pub(crate) fn after(self, retry_after: Duration) -> Self {
        Self { retry_after, ..self }
    }

    pub(crate) fn is_definite(&self) -> bool {
        self.is_definite
    }

    pub(crate) fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// The same failure, for a caller who asks again too soon.
    pub(crate) fn not_again_for(mut self, wait: Duration) -> Self {
        self.retry_in = Some(wait);
        self
    }

    /// What the render that it is part of is told: the error and its causes in one line.
    pub(crate) fn failed_read(&self) -> FailedRead {
        let causes = iter::successors(self.source(), |&error| error.source());
        let cause = causes.fold(self.cause.to_string(), |text, cause| format!("{text}: {cause}"));
        FailedRead { cause, retry_in: self.retry_in }
    }

    /// The error that the read returned, for example a [`FetchError`](crate::data::FetchError).
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.cause, not_again_for(self.retry_in))
    }
}

impl Error for DataError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
