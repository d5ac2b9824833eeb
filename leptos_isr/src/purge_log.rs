//! The purges on disk: each is there before it is answered, and all are read
//! at start.
//!
//! One JSON object a line, appended and flushed to the disk. A line that was
//! cut short by a crash was never answered and is dropped. The file is written
//! anew only by a process that has it to itself, so that no purge of another
//! one is lost: each holds a shared lock on a file beside it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Stamp,
    freshness::PurgeKind,
    purge::{PurgeTimes, Scope},
};

/// Lines that are no longer needed before the file is written anew at start.
const SUPERSEDED: usize = 1000;

#[derive(Serialize, Deserialize)]
struct Record {
    stamp: Stamp,
    hard: bool,
    #[serde(flatten)]
    scope: Scope,
}

/// The file that purges are appended to.
#[derive(Debug)]
pub(crate) struct PurgeLog {
    file: File,
    path: PathBuf,
    /// Whether the file ends inside a line.
    is_cut_short: bool,
    _in_use: File,
}

impl PurgeLog {
    /// Opens or creates the log at `path`; returns it with all purges in it and
    /// the last stamp.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, written or created.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, PurgeTimes, Stamp)> {
        let in_use = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path.with_extension("lock"))?;
        let is_alone = in_use.try_lock().is_ok();
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut times = PurgeTimes::default();
        let mut last = 0;
        let mut lines = 0;
        let mut is_damaged = false;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice::<Record>(line) {
                Ok(record) if line.ends_with(b"\n") => {
                    let kind = if record.hard { PurgeKind::Hard } else { PurgeKind::Soft };
                    times.note(record.scope, kind, record.stamp);
                    last = last.max(record.stamp);
                    lines += 1;
                }
                _ => is_damaged = true,
            }
        }
        let mut is_cut_short = text.last().is_some_and(|byte| *byte != b'\n');
        if is_alone {
            if is_damaged || lines > times.len() + SUPERSEDED {
                rewrite(path, &times)?;
                is_cut_short = false;
            }
            in_use.unlock()?;
        }
        in_use.lock_shared()?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let log = Self { file, path: path.to_owned(), is_cut_short, _in_use: in_use };
        Ok((log, times, last))
    }

    /// Appends one purge and waits until it is on the disk. If that fails the
    /// file is as it was before.
    pub(crate) fn append(
        &mut self,
        scopes: &[Scope],
        kind: PurgeKind,
        stamp: Stamp,
    ) -> io::Result<()> {
        let mut text = Vec::new();
        if self.is_cut_short {
            text.push(b'\n');
        }
        for scope in scopes {
            write_record(&mut text, scope, kind, stamp)?;
        }
        let before = self.file.metadata()?.len();
        let appended = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        self.is_cut_short = match &appended {
            Ok(()) => false,
            Err(_) => self.file.set_len(before).is_err(),
        };
        appended
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn write_record(to: &mut Vec<u8>, scope: &Scope, kind: PurgeKind, stamp: Stamp) -> io::Result<()> {
    let record = Record { stamp, hard: kind == PurgeKind::Hard, scope: scope.clone() };
    serde_json::to_writer(&mut *to, &record)?;
    to.push(b'\n');
    Ok(())
}

/// Writes the purges that still count to a new file in the place of the old.
fn rewrite(path: &Path, times: &PurgeTimes) -> io::Result<()> {
    let mut text = Vec::new();
    for (scope, kind, stamp) in times.records() {
        write_record(&mut text, scope, kind, stamp)?;
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&text)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tag;

    fn tag(text: &str) -> Scope {
        Scope::Tag(Tag::new(text))
    }

    #[test]
    fn purges_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purges.log");
        let (mut log, times, last) = PurgeLog::open(&path).unwrap();
        assert_eq!((times.len(), last), (0, 0));
        log.append(&[tag("a"), Scope::Path("/x".into())], PurgeKind::Soft, 7).unwrap();
        log.append(&[tag("a")], PurgeKind::Hard, 9).unwrap();
        let (_, times, last) = PurgeLog::open(&path).unwrap();
        assert_eq!((times.len(), last), (2, 9));
        let mut records: Vec<_> = times.records().map(|(_, kind, stamp)| (stamp, kind)).collect();
        records.sort_by_key(|(stamp, _)| *stamp);
        assert_eq!(records, [(7, PurgeKind::Soft), (7, PurgeKind::Soft), (9, PurgeKind::Hard)]);
    }

    #[test]
    fn line_cut_short_is_dropped_and_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purges.log");
        let (mut log, ..) = PurgeLog::open(&path).unwrap();
        log.append(&[tag("a")], PurgeKind::Soft, 7).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"stamp\":8").unwrap();
        let (mut log, times, _) = PurgeLog::open(&path).unwrap();
        assert_eq!(times.len(), 1);
        log.append(&[tag("b")], PurgeKind::Soft, 9).unwrap();
        let (_, times, last) = PurgeLog::open(&path).unwrap();
        assert_eq!((times.len(), last), (2, 9));
    }

    #[test]
    fn log_in_use_is_not_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purges.log");
        let (mut serving, ..) = PurgeLog::open(&path).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"stamp\":8").unwrap();
        let (mut build, ..) = PurgeLog::open(&path).unwrap();
        build.append(&[tag("a")], PurgeKind::Soft, 9).unwrap();
        serving.append(&[tag("b")], PurgeKind::Soft, 10).unwrap();
        let (_, times, last) = PurgeLog::open(&path).unwrap();
        assert_eq!((times.len(), last), (2, 10));
    }

    #[test]
    fn superseded_lines_are_dropped_at_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purges.log");
        let mut text = String::new();
        for stamp in 1..=2000 {
            text.push_str(&format!("{{\"stamp\":{stamp},\"hard\":false,\"tag\":\"a\"}}\n"));
        }
        fs::write(&path, text).unwrap();
        let (_, times, last) = PurgeLog::open(&path).unwrap();
        assert_eq!((times.len(), last), (1, 2000));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    }
}
