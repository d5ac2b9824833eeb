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

/// Locks one byte of a file until [`unlock_byte`], or until the file is closed. Returns `false` if
/// another open file has it locked, of this process or of another one.
#[cfg(target_os = "linux")]
pub(super) fn lock_byte(file: &File, byte: u64) -> io::Result<bool> {
    use nix::{errno::Errno, libc::F_WRLCK};

    match set_lock(file, byte, F_WRLCK) {
        Ok(()) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Unlocks a byte that was locked.
#[cfg(target_os = "linux")]
pub(super) fn unlock_byte(file: &File, byte: u64) {
    // A byte that was locked can be unlocked.
    let _ = set_lock(file, byte, nix::libc::F_UNLCK);
}

#[cfg(target_os = "linux")]
fn set_lock(file: &File, byte: u64, kind: nix::libc::c_int) -> nix::Result<()> {
    use nix::{
        fcntl::{FcntlArg, fcntl},
        libc,
    };

    let range = libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: byte as i64,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&range)).map(drop)
}

/// Only Linux has locks of a part of a file that belong to the open file.
#[cfg(not(target_os = "linux"))]
pub(super) fn lock_byte(_: &File, _: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing was locked.
#[cfg(not(target_os = "linux"))]
pub(super) fn unlock_byte(_: &File, _: u64) {}
