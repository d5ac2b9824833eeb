//! Pages on the disk: one file a page, complete or absent.
//!
//! A file is written aside, flushed, and renamed into place, so a crash leaves
//! the old page or the new one. Its name is a 128-bit hash of the key: no part
//! of a URL reaches the file system. The file carries its key and a checksum;
//! one that is damaged, or of another key, counts as absent.
//!
//! Format: the magic `ISR1`, the header's length (u32, little-endian), the
//! header as JSON, the body, and the XXH3 (128 bits, little-endian) of all
//! before it.

use std::{
    collections::HashSet,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_128;

use crate::{clock::Stamp, entry::Entry, error::Error, key::Key, tag::Tag};

const MAGIC: &[u8; 4] = b"ISR1";
const CHECKSUM_LEN: usize = 16;

/// The pages of one build in a folder.
#[derive(Debug)]
pub(crate) struct DiskStore {
    folder: PathBuf,
    is_failing: AtomicBool,
}

/// Everything of an entry but its body.
#[derive(Serialize, Deserialize)]
struct Header {
    key: Key,
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    tags: Vec<Tag>,
    rendered_at_nanos: u128,
    stamp: Stamp,
    asked_millis: Option<u64>,
}

impl DiskStore {
    /// Opens the store of `build` below `root`, and makes its folder.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Store`] if the folder can neither be made nor is there.
    pub(crate) fn open(root: &Path, build: &str) -> Result<Self, Error> {
        let folder = root.join("pages").join(build);
        match fs::create_dir_all(&folder) {
            Err(source) if !folder.is_dir() => Err(Error::Store { path: folder, source }),
            _ => Ok(Self { folder, is_failing: AtomicBool::new(false) }),
        }
    }

    /// The page of `key`; `None` if there is none that is whole.
    pub(crate) async fn get(&self, key: &Key) -> Option<Entry> {
        let path = self.path_of(key);
        let bytes = match tokio::fs::read(&path).await {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(isr.key = %key, %error, "cannot read the stored page, it counts as absent");
                return None;
            }
        };
        match decode(&bytes) {
            Ok(entry) if entry.key == *key => Some(entry),
            Ok(_) => None,
            Err(problem) => {
                warn!(isr.key = %key, file = %path.display(), problem,
                    "the stored page is damaged, it counts as absent");
                None
            }
        }
    }

    /// Writes `entry` in the place of the page that was there.
    ///
    /// # Errors
    ///
    /// Passes on why the file could not be written; the old page is still there.
    pub(crate) async fn put(&self, entry: &Entry) -> io::Result<()> {
        let path = self.path_of(&entry.key);
        let bytes = encode(entry)?;
        let written = tokio::task::spawn_blocking(move || write_aside(&path, &bytes)).await;
        written.map_err(io::Error::other)?
    }

    /// Writes `entry` if that is possible within `limit`; otherwise the page
    /// stays in memory only, with one warning until writing works again.
    pub(crate) async fn put_or_warn(&self, entry: &Entry, limit: Duration) {
        let put = timeout(limit, self.put(entry)).await;
        match put.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(()) => self.is_failing.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    warn!(isr.key = %entry.key, folder = %self.folder.display(), %error,
                        "cannot write to the store, new pages are kept in memory only");
                }
            }
        }
    }

    /// Whether a page of `key` is on the disk, whole or not.
    pub(crate) async fn contains(&self, key: &Key) -> bool {
        tokio::fs::try_exists(self.path_of(key)).await.unwrap_or(false)
    }

    /// Writes the paths that the build found for a route.
    ///
    /// # Errors
    ///
    /// Passes on why the file could not be written.
    pub(crate) fn put_listed(&self, route: &str, paths: &[String]) -> io::Result<()> {
        write_aside(&self.path_of_list(route), &serde_json::to_vec(paths)?)
    }

    /// The paths that the build found for a route; `None` without a build.
    pub(crate) async fn listed(&self, route: &str) -> Option<HashSet<String>> {
        let text = tokio::fs::read(self.path_of_list(route)).await.ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Removes the pages of all builds but this one and the latest before it.
    /// What cannot be removed stays, with a warning.
    pub(crate) fn remove_old_builds(&self) {
        let Some(pages) = self.folder.parent() else { return };
        let mut others: Vec<_> = fs::read_dir(pages)
            .into_iter()
            .flatten()
            .filter_map(|folder| folder.ok().map(|folder| folder.path()))
            .filter(|folder| folder.is_dir() && *folder != self.folder)
            .filter_map(|folder| Some((folder.metadata().ok()?.modified().ok()?, folder)))
            .collect();
        others.sort();
        others.pop();
        for (_, folder) in others {
            if let Err(error) = fs::remove_dir_all(&folder) {
                warn!(folder = %folder.display(), %error, "cannot remove the pages of an old build");
            }
        }
    }

    /// The folder of this build's pages.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path_of_list(&self, route: &str) -> PathBuf {
        self.folder.join(format!("paths-{:032x}.json", xxh3_128(route.as_bytes())))
    }

    fn path_of(&self, key: &Key) -> PathBuf {
        let name = format!("{:032x}", xxh3_128(key.as_str().as_bytes()));
        self.folder.join(&name[..2]).join(&name[2..])
    }
}

/// Writes a file so that its place holds the old content or the new one.
pub(crate) fn write_aside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}

fn encode(entry: &Entry) -> io::Result<Vec<u8>> {
    let header = Header {
        key: entry.key.clone(),
        status: entry.status.as_u16(),
        headers: entry
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        tags: entry.tags.clone(),
        rendered_at_nanos: nanos(entry.rendered_at),
        stamp: entry.stamp,
        asked_millis: entry.asked.map(|asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX)),
    };
    let header = serde_json::to_vec(&header)?;
    let header_len = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(8 + header.len() + entry.body.len() + CHECKSUM_LEN);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&header_len.to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&entry.body);
    bytes.extend_from_slice(&xxh3_128(&bytes).to_le_bytes());
    Ok(bytes)
}

fn decode(bytes: &Bytes) -> Result<Entry, &'static str> {
    let content_len = bytes.len().checked_sub(CHECKSUM_LEN).ok_or("too short")?;
    let (content, checksum) = bytes.split_at(content_len);
    if xxh3_128(content).to_le_bytes() != checksum {
        return Err("wrong checksum");
    }
    let rest = content.strip_prefix(MAGIC).ok_or("unknown format")?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or("too short")?;
    let header_len = u32::from_le_bytes(*len) as usize;
    let header = rest.get(..header_len).ok_or("too short")?;
    let header: Header = serde_json::from_slice(header).map_err(|_| "unreadable header")?;
    let mut headers = HeaderMap::new();
    for (name, value) in &header.headers {
        let name = HeaderName::try_from(name).map_err(|_| "wrong header name")?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|_| "wrong header value")?);
    }
    let status = StatusCode::from_u16(header.status).map_err(|_| "wrong status")?;
    let began = crate::entry::Began {
        at: time(header.rendered_at_nanos).ok_or("wrong time")?,
        stamp: header.stamp,
    };
    let body = bytes.slice(MAGIC.len() + 4 + header_len..content_len);
    let mut entry = Entry::new(header.key, status, headers, body, began);
    entry.tags = header.tags;
    entry.asked = header.asked_millis.map(Duration::from_millis);
    Ok(entry)
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

fn time(nanos: u128) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Began, path::CanonicalPath};
    use http::header;

    fn entry(path: &str, body: &str) -> Entry {
        let key = Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap();
        let began = Began { at: UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789), stamp: 42 };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.append(header::LINK, HeaderValue::from_static("</a>"));
        headers.append(header::LINK, HeaderValue::from_bytes(b"</\xe9>").unwrap());
        let mut entry =
            Entry::new(key, StatusCode::OK, headers, Bytes::from(body.to_owned()), began);
        entry.tags = vec![Tag::new("a"), Tag::new("\u{e9}")];
        entry.asked = Some(Duration::from_millis(1500));
        entry
    }

    #[tokio::test]
    async fn page_is_the_same_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let page = entry("/caf\u{e9}", "<p>caf\u{e9}</p>");
        DiskStore::open(folder.path(), "b1").unwrap().put(&page).await.unwrap();
        let store = DiskStore::open(folder.path(), "b1").unwrap();
        assert_eq!(store.get(&page.key).await, Some(page.clone()));
        assert_eq!(store.get(&entry("/other", "x").key).await, None);
        let other_build = DiskStore::open(folder.path(), "b2").unwrap();
        assert_eq!(other_build.get(&page.key).await, None);
    }

    #[tokio::test]
    async fn damaged_file_is_a_miss_and_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path(), "b1").unwrap();
        let page = entry("/a", "hello");
        let whole = encode(&page).unwrap();
        let path = store.path_of(&page.key);
        for cut in 0..whole.len() {
            assert!(decode(&Bytes::copy_from_slice(&whole[..cut])).is_err(), "cut at {cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&Bytes::from(flipped)).is_err(), "bit {bit}");
        }
        write_aside(&path, b"ISR1 nonsense").unwrap();
        assert_eq!(store.get(&page.key).await, None);
        store.put(&page).await.unwrap();
        assert_eq!(store.get(&page.key).await, Some(page));
    }

    #[tokio::test]
    async fn file_of_another_key_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path(), "b1").unwrap();
        let (a, b) = (entry("/a", "a"), entry("/b", "b"));
        write_aside(&store.path_of(&b.key), &encode(&a).unwrap()).unwrap();
        assert_eq!(store.get(&b.key).await, None);
    }

    #[test]
    fn only_this_build_and_the_latest_before_it_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (build, age) in [("oldest", 300), ("older", 200), ("previous", 100)] {
            let store = DiskStore::open(folder.path(), build).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            fs::File::open(store.folder()).unwrap().set_modified(time).unwrap();
        }
        let store = DiskStore::open(folder.path(), "this").unwrap();
        store.remove_old_builds();
        fs::write(folder.path().join("pages/stray"), "").unwrap();
        store.remove_old_builds();
        let mut left: Vec<_> = fs::read_dir(folder.path().join("pages"))
            .unwrap()
            .map(|folder| folder.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["previous", "stray", "this"]);
    }
}
