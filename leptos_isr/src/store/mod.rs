//! Where pages are kept: memory in front, a [`Store`] behind it.

mod backend;
pub(crate) mod disk;
mod format;
mod gate;
pub(crate) mod guarded;
pub(crate) mod line;
pub(crate) mod memory;
mod pending;
pub(crate) mod purge_log;
pub(crate) mod tiers;

pub use self::{
    backend::{InUse, OtherBuild, PageStream, Store},
    disk::DiskStore,
};
pub use crate::{address::key::Key, error::StoreError};
