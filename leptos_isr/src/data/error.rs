//! Why data could not be read.

use std::{error::Error, fmt, sync::Arc, time::Duration};

/// Why data could not be read. Cheap to clone: all who waited for one read get it.
#[derive(Clone, Debug)]
pub struct DataError {
    cause: Arc<dyn Error + Send + Sync>,
    /// Whether the source answered, and will answer so again.
    is_definite: bool,
    /// When the source says that it may be asked again.
    retry_after: Duration,
    /// For how long it is not asked again, to one who asks too soon.
    retry_in: Option<Duration>,
}

impl DataError {
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into().into();
        Self { cause, is_definite: false, retry_after: Duration::ZERO, retry_in: None }
    }

    /// A failure that is the source's answer, for example that there is no such thing.
    pub(crate) fn definite(self) -> Self {
        Self { is_definite: true, ..self }
    }

    /// A failure after which the source wants to be left alone.
    pub(crate) fn after(self, retry_after: Duration) -> Self {
        Self { retry_after, ..self }
    }

    pub(crate) fn is_definite(&self) -> bool {
        self.is_definite
    }

    pub(crate) fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// The same failure, to one who asked again too soon.
    pub(crate) fn not_again_for(mut self, wait: Duration) -> Self {
        self.retry_in = Some(wait);
        self
    }

    /// What the read itself said, for example a [`FetchError`](crate::data::FetchError).
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
