//! The file system of Windows.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Files take their rights from the folder.
pub(super) fn set_mode(_: &mut tempfile::Builder<'_, '_>) {}

/// Names are the file system's own matter: a folder cannot be opened as a file.
pub(super) fn flush_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A file that is open is not replaced here: whoever wants to cannot lock it alone, since an
/// exclusive lock does not take the place of its own shared one.
pub(super) fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Renames a folder whose lock is a file in it. With that file open it could not be renamed; for the
/// same reason it cannot be if another process has opened the build since.
pub(super) fn rename_locked(from: &Path, to: &Path, lock: File) -> io::Result<()> {
    drop(lock);
    fs::rename(from, to)
}

/// Not done here: each process renders for itself.
pub(super) fn lock_byte(_: &File, _: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing was locked.
pub(super) fn unlock_byte(_: &File, _: u64) {}
