//! The file system of Linux, macOS and other Unix systems.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// Sets the mode that `File::create` gives, less the umask.
pub(super) fn set_mode(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(PermissionsExt::from_mode(0o666));
}

/// Waits until the names in a folder are on the disk.
pub(super) fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether `file` is what stands at `path`.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.ino() == file.metadata()?.ino())
}

/// Renames a folder whose lock, a file in it, is held until then.
pub(super) fn rename_locked(from: &Path, to: &Path, lock: File) -> io::Result<()> {
    let renamed = fs::rename(from, to);
    drop(lock);
    renamed
}
