//! What the disk store asks of the file system. Tests replace it by one with faults.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tempfile::NamedTempFile;

use super::platform;

/// The file operations that can fail in service.
pub(super) trait Files: fmt::Debug + Send + Sync {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    /// Writes a file so that, whatever happens, `path` holds the old content or the new one.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = match new_in(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                new_in(folder)?
            }
            file => file?,
        };
        self.fill(file.as_file_mut(), bytes)?;
        file.persist(path)?;
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes `bytes` and waits until they are on the disk.
    fn fill(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)?;
        file.sync_data()
    }

    /// Notes that a file was used. A failure only costs the file its place in the order of
    /// eviction.
    fn touch(&self, path: &Path) {
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
}

/// A file that gets its name later, with the mode that `File::create` gives: another user may build
/// than serves.
fn new_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    platform::set_mode(&mut builder);
    builder.tempfile_in(folder)
}

/// The machine's own file system.
#[derive(Debug)]
pub(super) struct RealFiles;

impl Files for RealFiles {}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
