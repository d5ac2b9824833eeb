//! Who renders which page: a name stands for one byte of a file, far behind its end, which is locked
//! meanwhile. So leases take no room, and one ends with its process at the latest.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
};

use xxhash_rust::xxh3::xxh3_64;

use super::{files::lock, platform};
use crate::store::ledger::Lease;

#[derive(Debug)]
pub(super) struct Leases {
    path: PathBuf,
    /// The bytes that this process has locked. Whoever asks for one of them here shares its lock: a
    /// process renders each page once at a time anyway.
    held: Mutex<HashMap<u64, Weak<File>>>,
}

impl Leases {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, held: Mutex::default() }
    }

    pub(super) fn take(&self, name: &str) -> io::Result<Lease> {
        // Offsets are signed.
        let byte = xxh3_64(name.as_bytes()) >> 1;
        let mut held = lock(&self.held);
        if let Some(file) = held.get(&byte).and_then(Weak::upgrade) {
            return Ok(Lease::Granted(Box::new(file)));
        }
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&self.path)?;
        match platform::lock_byte(&file, byte) {
            Ok(true) => {
                let file = Arc::new(file);
                held.retain(|_, file| file.strong_count() > 0);
                held.insert(byte, Arc::downgrade(&file));
                Ok(Lease::Granted(Box::new(file)))
            }
            Ok(false) => Ok(Lease::Held),
            // The file system has no such locks.
            Err(_) => Ok(Lease::Unknown),
        }
    }
}
