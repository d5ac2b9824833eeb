//! Where pages are kept: memory in front, a [`Store`] behind it.

mod backend;
pub(crate) mod disk;
mod format;
pub(crate) mod guarded;
pub(crate) mod line;
pub(crate) mod memory;
pub(crate) mod purge_log;
pub(crate) mod tiers;

pub use self::{
    backend::{InUse, OtherBuild, PageStream, Store},
    disk::DiskStore,
};
pub use crate::{address::key::Key, error::StoreError};
