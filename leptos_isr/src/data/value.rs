//! A value that was read, and what a source answered.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::{address::tag::Tag, entry::Began};

/// One value, as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) bytes: Bytes,
    /// When the read began.
    pub(crate) read_at: SystemTime,
    pub(crate) began: Began,
    /// When the earliest read began of what it was made of, which may include values that were kept
    /// from before.
    pub(crate) oldest: Began,
    /// The tags that follow from the answer, and those of inner reads.
    pub(crate) inner_tags: Arc<[Tag]>,
    /// The shortest period of the inner reads.
    pub(crate) inner_period: Option<Duration>,
    /// Whether it may be kept: no inner read forbids it.
    pub(crate) is_stored: bool,
    /// Whether what read it said that there is no such page.
    pub(crate) is_absent: bool,
    pub(crate) validators: Validators,
}

/// What a conditional request sends, so that the source can say that the value is still the same;
/// RFC 9110, section 8.8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) etag: Option<http::HeaderValue>,
    pub(crate) last_modified: Option<http::HeaderValue>,
}

/// What a source answered.
pub(crate) enum SourceAnswer {
    New {
        bytes: Bytes,
        /// The tags that follow from the answer.
        tags: Vec<Tag>,
        validators: Validators,
    },
    /// The value that has these validators is still the same.
    NotModified,
}
