//! What a bad disk does while no server runs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use fastrand::Rng;

use super::model::Model;

/// Cuts about one page in twenty short or flips one of its bits; returns how many.
pub(super) fn pages(folder: &Path, model: &Model, rng: &mut Rng) -> io::Result<usize> {
    let mut damaged = 0;
    let pages = folder.join("pages/build");
    for entry in fs::read_dir(pages)?.flatten().filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(entry.path())?.flatten() {
            let is_left_over = file.file_name().to_string_lossy().starts_with('.');
            if is_left_over || rng.u8(..100) >= 5 {
                continue;
            }
            let mut bytes = fs::read(file.path())?;
            let Some(page) = page_in(&bytes) else { continue };
            if rng.bool() {
                bytes.truncate(rng.usize(..bytes.len()));
            } else {
                let bit = rng.usize(..bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            fs::write(file.path(), bytes)?;
            model.damaged(page);
            damaged += 1;
        }
    }
    Ok(damaged)
}

/// Which page a file is of: its body says so.
fn page_in(bytes: &[u8]) -> Option<usize> {
    let mark = b"page=";
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    let digits = bytes[at + mark.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    String::from_utf8(digits.copied().collect()).ok()?.parse().ok()
}

/// Leaves part of a record at the end of the purge log, as a crash while it is
/// written does: a purge that was never acknowledged.
pub(super) fn purge_log(folder: &Path, model: &Model, rng: &mut Rng) -> io::Result<()> {
    let path = folder.join("purges.log");
    let log = fs::read(&path).unwrap_or_default();
    let line = log.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
    if rng.u8(..100) < 30 && line.ends_with(b"\n") && line.len() > 2 {
        let cut = &line[..rng.usize(1..line.len() - 1)];
        OpenOptions::new().append(true).open(path)?.write_all(cut)?;
        model.log_damaged();
    }
    Ok(())
}
