//! Where pages are kept: memory in front, a [`Store`] behind it; and where purges are, a [`Ledger`].

mod backend;
#[cfg(feature = "object-store")]
mod bucket;
pub(crate) mod disk;
mod format;
mod gate;
pub(crate) mod guarded;
mod ledger;
pub(crate) mod line;
pub(crate) mod memory;
pub(crate) mod near;
mod pending;
pub(crate) mod purge_log;
#[cfg(feature = "redis")]
mod redis;
mod set_periods;
pub(crate) mod tiers;

#[cfg(feature = "object-store")]
pub use self::bucket::BucketStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use self::{
    backend::{InUse, OtherBuild, PageStream, Store},
    disk::DiskStore,
    ledger::{Lease, Ledger, LedgerRecord},
};
pub use crate::{address::key::Key, error::StoreError};
