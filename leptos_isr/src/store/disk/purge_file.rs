//! The ledger of a disk store: a file of purge records, one line each, that all processes append to.
//!
//! A line is sealed, and holds the record's position and the record. Whoever appends holds a lock on
//! a file beside it meanwhile, and gives the record a position after the last one. So positions grow
//! from line to line. Readers take no lock: a line counts once its line break is there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, Once},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use tracing::warn;

use super::{
    files::{Files, lock},
    platform,
};
use crate::store::{
    ledger::LedgerRecord,
    line::{seal, unseal},
};

/// How long whoever appends waits for the others. Each has the lock for as long as a flush takes.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct PurgeFile {
    path: PathBuf,
    /// The last line that was appended or looked at before.
    end: Mutex<Mark>,
    /// The last line that was read.
    heard: Mutex<Heard>,
    lock_warning: Once,
}

/// A line: where it begins, and its position. The default is before the first line.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    offset: u64,
    position: u64,
}

/// What was read, and what the file looked like then.
#[derive(Debug, Default)]
struct Heard {
    last: Mark,
    /// Its length, and when it was written.
    file: Option<(u64, SystemTime)>,
}

/// What follows a mark.
struct Tail {
    lines: Vec<(Mark, Bytes)>,
    /// The last line, or the mark if there is none.
    last: Mark,
    /// Where the last whole line ends. What is behind it was cut short, or is being written.
    end: u64,
}

impl PurgeFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, end: Mutex::default(), heard: Mutex::default(), lock_warning: Once::new() }
    }

    /// Every record.
    pub(super) fn records(&self) -> io::Result<Vec<LedgerRecord>> {
        Ok(self.since(0)?.unwrap_or_default())
    }

    /// The records after `position`; `None` if the last one is before it.
    pub(super) fn since(&self, position: u64) -> io::Result<Option<Vec<LedgerRecord>>> {
        let mut heard = lock(&self.heard);
        let file = match fs::metadata(&self.path) {
            Ok(file) => Some((file.len(), file.modified()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((position == 0).then(Vec::new));
            }
            Err(error) => return Err(error),
        };
        if file == heard.file && heard.last.position <= position {
            return Ok((heard.last.position == position).then(Vec::new));
        }
        let mark = if heard.last.position <= position { heard.last } else { Mark::default() };
        let tail = tail(&mut File::open(&self.path)?, mark)?;
        // What is written from now on makes the file another one.
        *heard = Heard { last: tail.last, file };
        if tail.last.position < position {
            return Ok(None);
        }
        let later = tail.lines.into_iter().filter(|(mark, _)| mark.position > position);
        let record = |(Mark { position, .. }, record)| LedgerRecord { position, record };
        Ok(Some(later.map(record).collect()))
    }

    /// Appends a record, waits until it is on the disk, and returns its position: `position`, or one
    /// more than the last. If that fails, the file is as it was before.
    pub(super) fn append(
        &self,
        files: &dyn Files,
        record: &[u8],
        position: u64,
    ) -> io::Result<u64> {
        let mut at = position;
        self.append_after(files, |last| {
            at = position.max(last.saturating_add(1));
            frame(at, record)
        })?;
        Ok(at)
    }

    /// Appends records at their positions, but for those that the file is past.
    pub(super) fn copy(&self, files: &dyn Files, records: &[LedgerRecord]) -> io::Result<()> {
        self.append_after(files, |last| {
            let new = records.iter().filter(|record| record.position > last);
            let lines: io::Result<Vec<_>> =
                new.map(|LedgerRecord { position, record }| frame(*position, record)).collect();
            Ok(lines?.concat())
        })
    }

    /// Appends lines, which are told the last position.
    fn append_after(
        &self,
        files: &dyn Files,
        lines: impl FnOnce(u64) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let mut end = lock(&self.end);
        let turn = self.turn()?;
        let mut file = self.open()?;
        let tail = tail(&mut file, *end)?;
        *end = tail.last;
        let mut text = Vec::new();
        // A crash may have cut a line short. Without a lock somebody may still be writing it.
        if file.metadata()?.len() > tail.end {
            match turn {
                Some(_) => file.set_len(tail.end)?,
                None => text.push(b'\n'),
            }
        }
        text.extend_from_slice(&lines(end.position)?);
        if text.is_empty() {
            return Ok(());
        }
        let offset = file.metadata()?.len();
        files.fill(&mut file, &text).inspect_err(|_| {
            let _ = file.set_len(offset);
        })
    }

    /// Writes the file anew and returns `true`, unless its last record has another position than
    /// that of `records`, or the file system has no locks.
    pub(super) fn replace(&self, files: &dyn Files, records: &[LedgerRecord]) -> io::Result<bool> {
        let mut end = lock(&self.end);
        let Some(_turn) = self.turn()? else { return Ok(false) };
        *end = tail(&mut self.open()?, *end)?.last;
        if records.last().map_or(0, |record| record.position) != end.position {
            return Ok(false);
        }
        let mut text = Vec::new();
        for LedgerRecord { position, record } in records {
            text.extend_from_slice(&frame(*position, record)?);
        }
        files.write(&self.path, &text)?;
        self.flush_folder()?;
        *end = Mark::default();
        Ok(true)
    }

    /// Locks the file against others who append; `None` where the file system has no locks.
    fn turn(&self) -> io::Result<Option<File>> {
        let path = self.path.with_extension("turn");
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() < until => {
                    sleep(Duration::from_millis(1));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    let problem = format!("another process does not release `{}`", path.display());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
                }
                Err(std::fs::TryLockError::Error(error)) => {
                    self.lock_warning.call_once(|| {
                        warn!(path = %path.display(), %error,
                            "the file system has no locks, so the purge log is never written anew \
                             and grows, and this folder is for one process only");
                    });
                    return Ok(None);
                }
            }
        }
    }

    /// Opens the file, or creates it so that no power cut loses its name with what is appended.
    fn open(&self) -> io::Result<File> {
        let is_new = !self.path.exists();
        let file = OpenOptions::new().create(true).read(true).append(true).open(&self.path)?;
        if is_new {
            self.flush_folder()?;
        }
        Ok(file)
    }

    fn flush_folder(&self) -> io::Result<()> {
        platform::flush_folder(self.path.parent().unwrap_or(Path::new(".")))
    }
}

/// The whole lines after the one at `mark`; all of them if that line is no longer there, since the
/// file was written anew.
fn tail(file: &mut File, mark: Mark) -> io::Result<Tail> {
    let text = read_from(file, mark.offset)?;
    let tail = lines(&text, mark.offset, 0);
    let Some(((first, _), rest)) = tail.lines.split_first() else {
        return if mark.offset == 0 { Ok(tail) } else { self::tail(file, Mark::default()) };
    };
    if mark.position == 0 {
        Ok(tail)
    } else if first.position == mark.position {
        Ok(Tail { lines: rest.to_vec(), ..tail })
    } else {
        self::tail(file, Mark::default())
    }
}

fn read_from(file: &mut File, offset: u64) -> io::Result<Bytes> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut text)?;
    Ok(text.into())
}

/// The whole lines of a text that begins at `offset`, behind a line at `position`.
fn lines(text: &Bytes, offset: u64, position: u64) -> Tail {
    let mut tail = Tail { lines: Vec::new(), last: Mark { offset, position }, end: offset };
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let offset = tail.end;
        tail.end += line.len() as u64 + 1;
        if line.is_empty() {
            continue;
        }
        // What is not a line of ours has come after the one before it. The engine sees that it is
        // damaged.
        let damaged = || (tail.last.position.saturating_add(1), line);
        let (position, record) = unframe(line).unwrap_or_else(damaged);
        // Without locks two may have appended in another order than that of their positions.
        let position = match position < tail.last.position {
            true => tail.last.position + 1,
            false => position,
        };
        tail.last = Mark { offset, position };
        tail.lines.push((tail.last, text.slice_ref(record)));
    }
    tail
}

fn frame(position: u64, record: &[u8]) -> io::Result<Vec<u8>> {
    let record = std::str::from_utf8(record)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut line = seal(&format!("{position} {record}")).to_vec();
    line.push(b'\n');
    Ok(line)
}

fn unframe(line: &[u8]) -> Option<(u64, &[u8])> {
    let text = unseal(line)?;
    let space = text.iter().position(|byte| *byte == b' ')?;
    let position = std::str::from_utf8(&text[..space]).ok()?.parse().ok()?;
    Some((position, &text[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As two processes append without locks.
    #[test]
    fn line_with_a_position_before_the_last_one_is_heard_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purges.log");
        let file = PurgeFile::new(path.clone());
        fs::write(&path, frame(20, b"late").unwrap()).unwrap();
        assert_eq!(file.records().unwrap().len(), 1);
        let both = [frame(20, b"late").unwrap(), frame(10, b"early").unwrap()].concat();
        fs::write(&path, both).unwrap();
        let early = LedgerRecord { position: 21, record: "early".into() };
        assert_eq!(file.since(20).unwrap(), Some(vec![early]));
        assert_eq!(file.since(22).unwrap(), None);
    }
}
