//! What the process and a folder take of the machine.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

/// Resident memory of this process in bytes.
pub(crate) fn resident() -> u64 {
    resident_of(std::process::id())
}

/// Resident memory of another process in bytes.
pub(crate) fn resident_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes =
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.map_or(0, |kilobytes| kilobytes * 1024)
}

/// What is in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) files: u64,
    /// The lengths of the files.
    pub(crate) bytes: u64,
    /// What the file system gave them, in whole blocks.
    pub(crate) allocated: u64,
}

impl Usage {
    /// Of everything below `folder`; a file that goes away meanwhile does not count.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut usage = Self::default();
        for entry in fs::read_dir(folder)?.flatten() {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                let inner = Self::of(&entry.path()).unwrap_or_default();
                usage.files += inner.files;
                usage.bytes += inner.bytes;
                usage.allocated += inner.allocated;
            } else {
                usage.files += 1;
                usage.bytes += about.len();
                usage.allocated += about.blocks() * 512;
            }
        }
        Ok(usage)
    }

    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            files: self.files.max(other.files),
            bytes: self.bytes.max(other.bytes),
            allocated: self.allocated.max(other.allocated),
        }
    }
}

/// Bytes as `12.3 MiB`.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
