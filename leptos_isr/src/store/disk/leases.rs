//! Who renders which page: a name stands for one byte of a file, far behind its end, which is locked
//! meanwhile. So leases take no room, and all end with their process at the latest.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use xxhash_rust::xxh3::xxh3_64;

use super::{files::lock, platform};
use crate::store::ledger::Lease;

#[derive(Clone, Debug)]
pub(super) struct Leases(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    path: PathBuf,
    /// Open from the first lease on. Its locks belong to this open file, whatever their number.
    file: Option<File>,
    /// Whether the system or the file system has no such locks.
    has_no_locks: bool,
    /// How many here have the lease of a byte. They share its lock: a process renders each page once
    /// at a time anyway.
    held: HashMap<u64, usize>,
}

impl Leases {
    pub(super) fn new(path: PathBuf) -> Self {
        let state = State { path, file: None, has_no_locks: false, held: HashMap::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn take(&self, name: &str) -> io::Result<Lease> {
        // Offsets are signed.
        let byte = xxh3_64(name.as_bytes()) >> 1;
        let mut state = lock(&self.0);
        if state.has_no_locks {
            return Ok(Lease::Unknown);
        }
        if !state.held.contains_key(&byte) {
            match platform::lock_byte(state.file()?, byte) {
                Ok(true) => {}
                Ok(false) => return Ok(Lease::Held),
                Err(_) => {
                    state.has_no_locks = true;
                    return Ok(Lease::Unknown);
                }
            }
        }
        *state.held.entry(byte).or_default() += 1;
        let right = Box::new(Right { leases: self.clone(), byte });
        Ok(Lease::Granted { right, version: None })
    }
}

impl State {
    fn file(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().create(true).write(true).truncate(false).open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

/// A lease of one byte.
struct Right {
    leases: Leases,
    byte: u64,
}

impl Drop for Right {
    fn drop(&mut self) {
        let mut state = lock(&self.leases.0);
        let Some(holders) = state.held.get_mut(&self.byte) else { return };
        *holders -= 1;
        if *holders == 0 {
            state.held.remove(&self.byte);
            if let Some(file) = &state.file {
                platform::unlock_byte(file, self.byte);
            }
        }
    }
}
