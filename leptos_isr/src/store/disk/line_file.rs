//! A file of records: one line each, appended and flushed to the disk.
//!
//! Only a process that has the file to itself may rewrite it, so that no record of another process
//! is lost. To tell, each process holds a shared lock on a file beside it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Mutex,
};

use bytes::Bytes;
use tracing::warn;

use super::{
    files::{Files, RealFiles, lock},
    platform,
};

/// A file of lines that all tasks of the process share.
#[derive(Debug)]
pub(crate) struct SharedLineFile(Mutex<LineFile>);

impl SharedLineFile {
    /// Opens or creates the file, or remembers why it cannot be written.
    pub(crate) fn open(path: &Path) -> Self {
        Self(Mutex::new(LineFile::open(path)))
    }

    /// Every line that was not cut short.
    pub(crate) fn read(&self) -> io::Result<Vec<Bytes>> {
        lock(&self.0).read()
    }

    /// Appends a line and waits until it is on the disk.
    pub(crate) fn append(&self, line: &[u8]) -> io::Result<()> {
        lock(&self.0).append(line)
    }

    /// Rewrites the file and returns `true`, unless another process uses it or has appended to it.
    pub(crate) fn replace(&self, lines: &[Bytes]) -> io::Result<bool> {
        lock(&self.0).replace(lines)
    }
}

#[derive(Debug)]
struct LineFile {
    path: PathBuf,
    /// The open file, or why it cannot be written.
    writer: io::Result<Writer>,
    /// The length after what this process has read and appended. If the file has another length,
    /// other processes append too.
    known_len: u64,
}

#[derive(Debug)]
struct Writer {
    file: File,
    /// Locked as long as this process uses the file; `None` where the file system has no locks.
    /// Whether another process uses it is unknown then.
    in_use: Option<File>,
}

impl LineFile {
    /// Opens or creates the file, or remembers why it cannot be written.
    fn open(path: &Path) -> Self {
        Self { path: path.to_owned(), writer: Writer::open(path, File::lock_shared), known_len: 0 }
    }

    /// Every line. The last one is left out if it was cut short: nobody was told that it is kept.
    fn read(&mut self) -> io::Result<Vec<Bytes>> {
        let text = match fs::read(&self.path) {
            Ok(text) => Bytes::from(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.known_len = text.len() as u64;
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
        Ok(whole.filter(|line| !line.is_empty()).map(|line| text.slice_ref(line)).collect())
    }

    /// Appends a line and waits until it is on the disk. If that fails, the file is as it was
    /// before.
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        let writer = match &mut self.writer {
            Ok(writer) => writer,
            Err(error) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        writer.reopen_if_replaced(&self.path)?;
        let before = writer.file.metadata()?.len();
        let mut line = Vec::with_capacity(record.len() + 2);
        // A crash of this or another process may have cut a line short.
        if before > 0 && !ends_with_newline(&self.path)? && !writer.cut_back(&self.path)? {
            line.push(b'\n');
        }
        line.extend_from_slice(record);
        line.push(b'\n');
        RealFiles.fill(&mut writer.file, &line).inspect_err(|_| {
            let _ = writer.file.set_len(before);
        })?;
        if self.known_len == before {
            self.known_len += line.len() as u64;
        }
        Ok(())
    }

    /// Rewrites the file and returns `true`, unless another process uses it or has appended to it.
    fn replace(&mut self, records: &[Bytes]) -> io::Result<bool> {
        let Ok(writer) = &mut self.writer else { return Ok(false) };
        let Some(in_use) = &writer.in_use else { return Ok(false) };
        let is_alone = in_use.try_lock().is_ok();
        let replaced = if is_alone && writer.file.metadata()?.len() == self.known_len {
            let mut text = Vec::new();
            for record in records {
                text.extend_from_slice(record);
                text.push(b'\n');
            }
            RealFiles.write(&self.path, &text).and_then(|()| {
                flush_folder_of(&self.path)?;
                writer.file = open_to_append(&self.path)?;
                self.known_len = text.len() as u64;
                Ok(true)
            })
        } else {
            Ok(false)
        };
        // Even if `try_lock` failed: it may have released the shared lock.
        in_use.lock_shared()?;
        replaced
    }
}

impl Writer {
    fn open(path: &Path, lock: impl Fn(&File) -> io::Result<()>) -> io::Result<Self> {
        let in_use = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path.with_extension("lock"))?;
        let in_use = match lock(&in_use) {
            Ok(()) => Some(in_use),
            Err(error) => {
                warn!(path = %path.display(), %error,
                    "the file system has no locks, so this file is never written anew and grows");
                None
            }
        };
        Ok(Self { file: open_to_append(path)?, in_use })
    }

    /// Removes a line that was cut short; `false` if another process may still be writing it.
    fn cut_back(&mut self, path: &Path) -> io::Result<bool> {
        let Some(in_use) = &self.in_use else { return Ok(false) };
        let is_alone = in_use.try_lock().is_ok();
        let cut = if is_alone {
            let text = fs::read(path)?;
            let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            self.file.set_len(whole as u64)
        } else {
            Ok(())
        };
        // Even if `try_lock` failed: it may have released the shared lock.
        in_use.lock_shared()?;
        cut.map(|()| is_alone)
    }

    fn reopen_if_replaced(&mut self, path: &Path) -> io::Result<()> {
        if !platform::is_at(&self.file, path).unwrap_or(false) {
            self.file = open_to_append(path)?;
        }
        Ok(())
    }
}

/// Opens the file, or creates it so that no power cut loses its name with what is appended.
fn open_to_append(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if is_new {
        flush_folder_of(path)?;
    }
    Ok(file)
}

fn flush_folder_of(path: &Path) -> io::Result<()> {
    platform::flush_folder(path.parent().unwrap_or(Path::new(".")))
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_system_without_locks_keeps_lines_and_never_rewrites_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.log");
        let no_locks = |_: &File| Err(io::ErrorKind::Unsupported.into());
        let writer = Writer::open(&path, no_locks);
        let mut file = LineFile { path: path.clone(), writer, known_len: 0 };
        file.append(b"one").unwrap();
        // As a crash leaves it.
        fs::write(&path, "one\ncut sho").unwrap();
        file.append(b"two").unwrap();
        assert!(!file.replace(&[]).unwrap());
        assert_eq!(file.read().unwrap(), ["one", "cut sho", "two"]);
    }
}
