//! Why data could not be read.

use std::{error::Error, fmt, sync::Arc, time::Duration};

/// Why data could not be read. Cheap to clone: everyone who waited for one read gets it.
#[derive(Clone, Debug)]
pub struct DataError {
    cause: Arc<dyn Error + Send + Sync>,
    /// Whether this is the answer of the source, which would be the same the next time.
    is_definite: bool,
    /// How long the source wants to be left alone.
    retry_after: Duration,
    /// How long the read is not tried again, for a caller who asks too soon.
    retry_in: Option<Duration>,
}

impl DataError {
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into().into();
        Self { cause, is_definite: false, retry_after: Duration::ZERO, retry_in: None }
    }

    /// Makes this a failure that is the source's answer, for example that there is no such thing.
    pub(crate) fn definite(self) -> Self {
        Self { is_definite: true, ..self }
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

    /// The error that the read returned, for example a [`FetchError`](crate::data::FetchError).
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_in {
            None => self.cause.fmt(f),
            Some(wait) => write!(
                f,
                "{}; it is not tried again for {}",
                self.cause,
                humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)))
            ),
        }
    }
}

impl Error for DataError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
