//! Where pages are kept: memory in front, a [`Store`] behind it; and where purges are, a [`Ledger`].

mod backend;
pub(crate) mod disk;
mod format;
mod gate;
pub(crate) mod guarded;
mod ledger;
pub(crate) mod line;
pub(crate) mod memory;
mod pending;
pub(crate) mod purge_log;
pub(crate) mod tiers;

pub use self::{
    backend::{InUse, OtherBuild, PageStream, Store},
    disk::DiskStore,
    ledger::{Lease, Ledger, LedgerRecord},
};
pub use crate::{address::key::Key, error::StoreError};
