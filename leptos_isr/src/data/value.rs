//! A value that was read, and what a source answered.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::{
    address::tag::Tag,
    entry::{Seen, Version},
};

/// One value, as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) bytes: Bytes,
    /// When the read began.
    pub(crate) read_at: SystemTime,
    pub(crate) seen: Seen,
    pub(crate) version: Version,
    /// When the first of it was read: it may have been made of values that were
    /// kept from before.
    pub(crate) oldest: Seen,
    /// Tags and period of what was read meanwhile.
    pub(crate) inner_tags: Arc<[Tag]>,
    pub(crate) inner_period: Option<Duration>,
    /// Whether it may be kept: nothing that was read meanwhile refused.
    pub(crate) is_stored: bool,
    pub(crate) validators: Validators,
}

/// What a source may be asked with, whether a value is still the same: RFC 9110
/// section 8.8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) etag: Option<http::HeaderValue>,
    pub(crate) last_modified: Option<http::HeaderValue>,
}

/// What a source answered.
pub(crate) enum SourceAnswer {
    New {
        bytes: Bytes,
        /// Those that follow from the answer.
        tags: Vec<Tag>,
        validators: Validators,
    },
    /// The value that has these validators is still the same.
    NotModified,
}
