//! Where pages are kept: memory in front, the disk behind it.

mod disk;
mod memory;

pub(crate) use disk::DiskStore;
pub(crate) use memory::MemoryTier;
