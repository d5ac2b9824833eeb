//! The id of the build that a page belongs to.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use leptos::config::LeptosOptions;
use xxhash_rust::xxh3::Xxh3Default;

use crate::error::Error;

/// Derives an id that changes with the program or with the browser's files.
///
/// Pages name scripts and styles by hash, and are rendered by this program, so a page of one build
/// must not be served by another.
///
/// Returns a hash of the running program and, with `hash-files = true`, of the file that lists the
/// hashes.
///
/// # Errors
///
/// Returns [`Error::BuildId`] if either cannot be read. With `hash-files = true`, that happens if
/// the server runs without `hash.txt` beside it.
pub fn build_id(options: &LeptosOptions) -> Result<String, Error> {
    let program = env::current_exe()
        .map_err(|source| Error::BuildId { path: "this program".into(), source })?;
    let mut hash = Xxh3Default::new();
    hash.update(&read(&program)?);
    if options.hash_files {
        let folder = program.parent().unwrap_or(Path::new("."));
        hash.update(&read(&folder.join(&*options.hash_file))?);
    }
    Ok(format!("{:016x}", hash.digest()))
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::BuildId { path: path.clone(), source })
}
