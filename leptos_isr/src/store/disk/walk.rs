//! Reads every page of a build, one after the other.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::{
    folder::{BuildFolder, is_of_pages, read_if_any},
    index::FileId,
};
use crate::{error::StoreError, store::backend::PageStream};

/// Where the walk is. There are 256 folders, and it knows the files of one at a time.
struct Walk {
    inner: Arc<BuildFolder>,
    folders: Vec<PathBuf>,
    files: Vec<FileId>,
    has_begun: bool,
}

/// The pages of the build. Each is read when it is asked for, on a thread that may block.
pub(super) fn pages(inner: Arc<BuildFolder>) -> PageStream {
    let walk = Walk { inner, folders: Vec::new(), files: Vec::new(), has_begun: false };
    let steps = stream::unfold(Some(walk), async |walk| {
        let mut walk = walk?;
        let step = spawn_blocking(move || walk.next().map(|page| (page, Some(walk))));
        let stopped = |error| Some((Err(io::Error::other(error)), None));
        step.await.unwrap_or_else(stopped)
    });
    steps.map(|page| page.map_err(StoreError::from)).boxed()
}

impl Walk {
    fn next(&mut self) -> Option<io::Result<Bytes>> {
        if !std::mem::replace(&mut self.has_begun, true) {
            match folders_of(&self.inner.folder) {
                Ok(folders) => self.folders = folders,
                Err(error) => return Some(Err(error)),
            }
        }
        loop {
            while let Some(id) = self.files.pop() {
                // It may have been evicted in the meantime.
                if let Some(page) = self.read(id).transpose() {
                    return Some(page);
                }
            }
            match files_of(&self.folders.pop()?) {
                Ok(files) => self.files = files,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn read(&self, id: FileId) -> io::Result<Option<Bytes>> {
        read_if_any(&*self.inner.files, &self.inner.path_of(id))
    }
}

fn folders_of(build: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(build)? {
        let entry = entry?;
        if is_of_pages(&entry.path()) && entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// The pages in a folder, each once: its listing may name a file twice that is replaced in the
/// meantime.
fn files_of(folder: &Path) -> io::Result<Vec<FileId>> {
    let first = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let rest = entry?.file_name();
        let id = rest.to_str().map(|rest| FileId::from_str_radix(&format!("{first}{rest}"), 16));
        if let Some(Ok(id)) = id {
            files.push(id);
        }
    }
    files.sort_unstable();
    files.dedup();
    Ok(files)
}
