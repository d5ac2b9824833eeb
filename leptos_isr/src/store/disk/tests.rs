use super::{
    folder::{files_of, folders_of, room},
    *,
};
use crate::address::path::CanonicalPath;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use std::{
    fs::{self, File},
    io::Write,
    ops::Range,
    path::Path,
    sync::{
        Condvar,
        atomic::{AtomicU8, Ordering},
    },
};

fn key(path: &str) -> Key {
    Key::new(&CanonicalPath::parse(path).unwrap(), None, &[]).unwrap()
}

fn open(folder: &Path, limit: u64) -> DiskStore {
    let settings = Settings { limit, ..Settings::new(folder.to_owned(), "b1".to_owned()) };
    DiskStore::open_with(settings, Arc::new(SystemClock), Box::new(RealFiles)).unwrap()
}

fn texts(ledger: &DiskStore) -> Vec<Bytes> {
    ledger.records().unwrap().into_iter().map(|record| record.record).collect()
}

fn size_on_disk(folder: &Path) -> u64 {
    let build = folder.join("pages/b1");
    folders_of(&build)
        .flat_map(|folder| files_of(&folder).collect::<Vec<_>>())
        .map(|f| room(f.len))
        .sum()
}

/// Which operation fails, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Fault {
    None,
    NoSpace,
    Io,
    Denied,
    /// Half of it is written, then the disk is full.
    ShortWrite,
    ReadIo,
}

#[derive(Clone, Debug)]
struct FaultyFiles(Arc<AtomicU8>);

impl FaultyFiles {
    fn is(&self, fault: Fault) -> bool {
        self.0.load(Ordering::SeqCst) == fault as u8
    }
}

impl Files for FaultyFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.is(Fault::ReadIo) {
            // EIO
            return Err(io::Error::from_raw_os_error(5));
        }
        fs::read(path)
    }

    fn fill(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if self.is(Fault::NoSpace) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.is(Fault::Io) {
            return Err(io::Error::from_raw_os_error(5));
        }
        if self.is(Fault::Denied) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if self.is(Fault::ShortWrite) {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)
    }
}

#[tokio::test]
async fn failed_write_leaves_the_old_page_and_the_purges_before_it() {
    for fault in [Fault::NoSpace, Fault::Io, Fault::Denied, Fault::ShortWrite] {
        let folder = tempfile::tempdir().unwrap();
        let switch = Arc::new(AtomicU8::new(Fault::None as u8));
        let settings = Settings::new(folder.path().to_owned(), "b1".to_owned());
        let files = Box::new(FaultyFiles(Arc::clone(&switch)));
        let store = DiskStore::open_with(settings, Arc::new(SystemClock), files).unwrap();
        store.put(&key("/a"), "old".into()).await.unwrap();
        store.append("one".into(), 0).await.unwrap();

        switch.store(fault as u8, Ordering::SeqCst);
        assert!(store.put(&key("/a"), "new and longer".into()).await.is_err(), "{fault:?}");
        assert!(store.append("two".into(), 0).await.is_err(), "{fault:?}");
        let records = store.records().unwrap();
        assert!(store.replace(records).await.is_err(), "{fault:?}");
        assert_eq!(store.get(&key("/a")).await.unwrap().unwrap(), "old", "{fault:?}");
        assert_eq!(texts(&open(folder.path(), 1 << 20)), ["one"], "{fault:?}");
        let left = folders_of(&folder.path().join("pages/b1"))
            .flat_map(|folder| fs::read_dir(folder).unwrap())
            .count();
        assert_eq!(left, 1, "{fault:?} leaves no half-written file");

        switch.store(Fault::None as u8, Ordering::SeqCst);
        store.put(&key("/a"), "new".into()).await.unwrap();
        store.append("three".into(), 0).await.unwrap();
        assert_eq!(store.get(&key("/a")).await.unwrap().unwrap(), "new");
        assert_eq!(texts(&open(folder.path(), 1 << 20)), ["one", "three"]);

        switch.store(Fault::ReadIo as u8, Ordering::SeqCst);
        assert!(store.get(&key("/a")).await.is_err());
    }
}

#[tokio::test]
async fn purge_that_was_cut_short_is_dropped_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("purges.log");
    let cut_short = || {
        fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(b"half a rec").unwrap();
    };
    let (store, other) = (open(folder.path(), 1 << 20), open(folder.path(), 1 << 20));
    store.append("one".into(), 0).await.unwrap();
    cut_short();
    assert_eq!(texts(&other), ["one"]);
    store.append("two".into(), 0).await.unwrap();
    assert_eq!(texts(&other), ["one", "two"]);
    cut_short();
    other.append("three".into(), 0).await.unwrap();
    assert_eq!(texts(&store), ["one", "two", "three"]);
}

#[tokio::test]
async fn purge_takes_a_position_after_the_last_one_and_not_before_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let at = |seconds| {
        let settings = Settings::new(folder.path().to_owned(), "b1".to_owned());
        let clock = move || std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        DiskStore::open_with(settings, Arc::new(clock), Box::new(RealFiles)).unwrap()
    };
    assert_eq!(at(5).append("one".into(), 0).await.unwrap(), 5_000_000);
    assert_eq!(at(7).append("two".into(), 0).await.unwrap(), 7_000_000);
    assert_eq!(at(6).append("three".into(), 0).await.unwrap(), 7_000_001, "a clock set back");
}

#[tokio::test]
async fn flipped_bits_of_a_line_are_seen_and_no_position_is_misread() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 1 << 20);
    for text in ["one", "two"] {
        store.append(text.into(), 0).await.unwrap();
    }
    let (log, records) = (folder.path().join("purges.log"), store.records().unwrap());
    let whole = fs::read(&log).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for bit in 0..first * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&log, flipped).unwrap();
        let found = open(folder.path(), 1 << 20).records().unwrap();
        assert_eq!(found.last(), records.last(), "bit {bit}");
        assert!(found[..found.len() - 1].iter().all(|record| record.record != "one"), "bit {bit}");
    }
}

#[tokio::test]
async fn pages_stay_below_the_limit_and_those_in_use_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 40_960);
    store.set_in_use(Arc::new(|key| key.path() == "/used"));
    store.put(&key("/used"), vec![b'x'; 1000].into()).await.unwrap();
    for page in 0..50 {
        store.put(&key(&format!("/{page}")), vec![b'x'; 1000].into()).await.unwrap();
        store.get(&key("/0")).await.unwrap().expect("it is read again and again");
        assert!(size_on_disk(folder.path()) <= 40_960);
    }
    assert!(store.contains(&key("/used")).await.unwrap());
    assert!(store.contains(&key("/49")).await.unwrap());
    assert!(!store.contains(&key("/1")).await.unwrap());
}

/// Writes the page again right after it was found absent.
#[derive(Debug, Default)]
struct WrittenMeanwhile(Arc<OnceLock<Arc<BuildFolder>>>);

impl Files for WrittenMeanwhile {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let read = fs::read(path);
        if let (Err(_), Some(store)) = (&read, self.0.get()) {
            store.put(key("/a"), b"new page", &CancellationToken::new()).unwrap();
        }
        read
    }
}

#[tokio::test]
async fn page_that_is_written_while_it_is_found_absent_counts() {
    let folder = tempfile::tempdir().unwrap();
    let meanwhile = Arc::default();
    let files = Box::new(WrittenMeanwhile(Arc::clone(&meanwhile)));
    let settings = Settings::new(folder.path().to_owned(), "b1".to_owned());
    let store = DiskStore::open_with(settings, Arc::new(SystemClock), files).unwrap();
    meanwhile.set(Arc::clone(&store.0)).unwrap();
    assert_eq!(store.get(&key("/a")).await.unwrap(), None);
    assert_eq!(lock(&store.0.index).bytes(), size_on_disk(folder.path()));
    assert_eq!(size_on_disk(folder.path()), 4096);
}

/// A disk that hangs while a page is written, until all is told to go on.
#[derive(Clone, Debug, Default)]
struct HangingFiles(Arc<(Mutex<Written>, Condvar)>);

#[derive(Debug, Default)]
struct Written {
    pages: Vec<Vec<u8>>,
    may_go_on: bool,
}

impl Files for HangingFiles {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (written, may_go_on) = &*self.0;
        let mut written = lock(written);
        written.pages.push(bytes.to_owned());
        while !written.may_go_on {
            written = may_go_on.wait(written).unwrap();
        }
        drop(written);
        RealFiles.write(path, bytes)
    }
}

fn open_hanging(folder: &Path, files: &HangingFiles) -> DiskStore {
    let settings = Settings::new(folder.to_owned(), "b1".to_owned());
    DiskStore::open_with(settings, Arc::new(SystemClock), Box::new(files.clone())).unwrap()
}

/// Begins to write a page. Dropping it is giving up.
fn begin_put<'a>(store: &'a DiskStore, key: &'a Key, page: &'static [u8]) -> BoxFuture<'a, ()> {
    let mut put = async move { store.put(key, page.into()).await.unwrap() }.boxed();
    assert!((&mut put).now_or_never().is_none());
    put
}

#[tokio::test]
async fn write_that_was_given_up_does_not_come_after_a_later_one() {
    let (folder, files) = (tempfile::tempdir().unwrap(), HangingFiles::default());
    let (store, key) = (open_hanging(folder.path(), &files), key("/a"));
    let first = begin_put(&store, &key, b"first");
    while lock(&files.0.0).pages.is_empty() {
        tokio::task::yield_now().await;
    }
    drop(first);
    drop(begin_put(&store, &key, b"second"));
    let third = begin_put(&store, &key, b"third");
    lock(&files.0.0).may_go_on = true;
    files.0.1.notify_all();
    third.await;
    assert_eq!(store.get(&key).await.unwrap().unwrap(), "third");
    while store.0.threads.available_permits() < THREADS {
        tokio::task::yield_now().await;
    }
    assert_eq!(lock(&files.0.0).pages, [&b"first"[..], b"third"]);
}

#[test]
fn disk_that_hangs_takes_only_so_many_threads() {
    let (folder, files) = (tempfile::tempdir().unwrap(), HangingFiles::default());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.max_blocking_threads(THREADS + 1).build().unwrap();
    runtime.block_on(async {
        let store = open_hanging(folder.path(), &files);
        let keys: Vec<_> = (0..3 * THREADS).map(|page| key(&format!("/{page}"))).collect();
        let puts: Vec<_> = keys.iter().map(|key| begin_put(&store, key, b"page")).collect();
        assert_eq!(store.0.threads.available_permits(), 0);
        drop(puts);
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        lock(&files.0.0).may_go_on = true;
        files.0.1.notify_all();
    });
}

#[tokio::test]
async fn what_was_there_at_start_counts_and_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 1 << 20);
    for page in 0..20 {
        store.put(&key(&format!("/{page}")), vec![b'x'; 1000].into()).await.unwrap();
        let time = std::time::SystemTime::now() - Duration::from_secs(1000 - page);
        let path = store.0.path_of(id(&key(&format!("/{page}"))));
        File::open(path).unwrap().set_modified(time).unwrap();
    }
    drop(store);
    let store = open(folder.path(), 20_480);
    store.0.scan();
    assert_eq!(size_on_disk(folder.path()), 20_480);
    for page in 0..20 {
        let is_there = store.contains(&key(&format!("/{page}"))).await.unwrap();
        assert_eq!(is_there, page >= 15, "{page}");
    }
}

/// A store of another build, which came into service at this hour.
async fn served(folder: &Path, build: &str, hour: u32, pages: usize) -> DiskStore {
    let settings = Settings::new(folder.to_owned(), build.to_owned());
    let clock = move || std::time::UNIX_EPOCH + period::hours(hour.into());
    let store = DiskStore::open_with(settings, Arc::new(clock), Box::new(RealFiles)).unwrap();
    store.begin_service().await.unwrap();
    put_pages(&store, 0..pages).await;
    store
}

async fn put_pages(store: &DiskStore, pages: Range<usize>) {
    for page in pages {
        store.put(&key(&format!("/{page}")), vec![b'x'; 1000].into()).await.unwrap();
    }
}

/// How many pages there are of each build; `None` if its folder is gone.
fn pages_of<const N: usize>(folder: &Path, builds: [&str; N]) -> [Option<usize>; N] {
    builds.map(|build| {
        let build = folder.join("pages").join(build);
        build.exists().then(|| folders_of(&build).map(|folder| files_of(&folder).count()).sum())
    })
}

#[tokio::test]
async fn pages_of_other_builds_go_before_those_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    for (build, hour) in [("older", 1), ("previous", 2)] {
        served(folder.path(), build, hour, 1).await;
    }
    let store = open(folder.path(), 1 << 20);
    store.begin_service().await.unwrap();
    put_pages(&store, 0..20).await;
    drop(store);
    for (limit, left) in [
        (22, [Some(1), Some(1), Some(20)]),
        // Its grace period is not over, but that of the other one is.
        (21, [None, Some(1), Some(20)]),
        (20, [None, Some(0), Some(20)]),
        (5, [None, Some(0), Some(5)]),
    ] {
        open(folder.path(), limit * 4096).0.scan();
        assert_eq!(pages_of(folder.path(), ["older", "previous", "b1"]), left, "{limit}");
    }
}

#[tokio::test]
async fn limit_that_builds_that_stay_exceed_is_one_warning_that_names_folder_sizes_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(Mutex::new(File::create(&log).unwrap()))
        .finish();
    let _collecting = tracing::subscriber::set_default(subscriber);
    let log = || fs::read_to_string(&log).unwrap();
    let running = served(folder.path(), "running", 1, 4).await;
    let store = open(folder.path(), 8 * 4096);
    store.begin_service().await.unwrap();
    let put = |pages: Range<usize>| {
        for page in pages {
            store.0.put(key(&format!("/{page}")), b"page", &CancellationToken::new()).unwrap();
        }
    };
    store.0.tend_other_builds().unwrap();
    put(0..9);
    assert_eq!((pages_of(folder.path(), ["running", "b1"]), log()), ([Some(4); 2], String::new()));
    put_pages(&running, 4..5).await;
    for _ in 0..2 {
        store.0.tend_other_builds().unwrap();
        put(0..9);
        assert_eq!(pages_of(folder.path(), ["running", "b1"]), [Some(5), Some(4)]);
    }
    let pages = folder.path().join("pages");
    let place = format!("folder={} limit=32768 own=16384 others=20480", pages.display());
    assert!(log().contains("raise the limit") && log().contains(&place), "{}", log());
    assert_eq!(log().lines().count(), 1, "{}", log());
}

#[tokio::test]
async fn builds_of_before_make_room_while_this_one_grows_the_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hour = u32::try_from(now.as_secs() / 3600).unwrap();
    // Both have pages: the first was open when the other came into service.
    let first = served(folder.path(), "first", hour - 2, 4).await;
    let second = served(folder.path(), "second", hour - 1, 4).await;
    let store = open(folder.path(), 12 * 4096);
    store.begin_service().await.unwrap();
    store.remove_old_builds().await.unwrap();
    drop(first);
    drop(second);
    store.0.scan();
    let left =
        || pages_of(folder.path(), ["first", "second", "b1"]).map(|pages| pages.unwrap_or(0));
    let mut steps = Vec::new();
    for page in 0..14 {
        put_pages(&store, page..page + 1).await;
        steps.push(left());
    }
    let expected = (1..=14).map(|own: usize| {
        let second = 4.min(12_usize.saturating_sub(own));
        [4.min(12_usize.saturating_sub(own + second)), second, own.min(12)]
    });
    assert_eq!(steps, expected.collect::<Vec<_>>());
    assert!(folder.path().join("pages/second/served").exists(), "its files stay for longer");
}

#[tokio::test]
async fn old_build_that_is_opened_again_keeps_its_pages_and_they_count() {
    let folder = tempfile::tempdir().unwrap();
    drop(served(folder.path(), "old", 1, 4).await);
    let settings = Settings {
        limit: 12 * 4096,
        grace: Duration::MAX,
        ..Settings::new(folder.path().to_owned(), "b1".to_owned())
    };
    let store = DiskStore::open_with(settings, Arc::new(SystemClock), Box::new(RealFiles)).unwrap();
    store.begin_service().await.unwrap();
    store.remove_old_builds().await.unwrap();
    put_pages(&store, 0..9).await;
    assert_eq!(pages_of(folder.path(), ["old", "b1"]), [Some(3), Some(9)]);
    let settings = Settings::new(folder.path().to_owned(), "old".to_owned());
    let _back = DiskStore::open_with(settings, Arc::new(SystemClock), Box::new(RealFiles)).unwrap();
    put_pages(&store, 9..20).await;
    assert_eq!(pages_of(folder.path(), ["old", "b1"]), [Some(3), Some(9)]);
}

#[test]
fn half_written_files_of_a_crash_are_removed_once_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages/b1/ab");
    fs::create_dir_all(&pages).unwrap();
    for (name, age) in [(".tmpOld", 7200), (".tmpNew", 60)] {
        let file = File::create(pages.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let kept = folder.path().join("pages/b1/files/app.js");
    fs::create_dir(kept.parent().unwrap()).unwrap();
    let script = File::create(&kept).unwrap();
    script.set_modified(std::time::SystemTime::now() - Duration::from_secs(7200)).unwrap();
    open(folder.path(), 1 << 20).0.scan();
    assert!(!pages.join(".tmpOld").exists() && pages.join(".tmpNew").exists());
    assert!(kept.exists(), "the site's files are no pages");
}

#[test]
fn place_that_cannot_be_a_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = DiskStore::open(&file, "b1").unwrap_err();
    assert!(error.to_string().contains("directory"), "{error}");
}

#[tokio::test]
async fn listing_gives_what_can_be_read_and_uses_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Arc::new(AtomicU8::new(Fault::None as u8));
    let settings = Settings::new(folder.path().to_owned(), "b1".to_owned());
    let files = Box::new(FaultyFiles(Arc::clone(&switch)));
    let store = DiskStore::open_with(settings, Arc::new(SystemClock), files).unwrap();
    let list = async || store.pages().unwrap().collect::<Vec<_>>().await;
    for path in ["/a", "/b", "/c"] {
        store.put(&key(path), path.to_owned().into()).await.unwrap();
    }
    let place = store.0.path_of(id(&key("/a")));
    let past = std::time::UNIX_EPOCH + Duration::from_secs(1000);
    File::options().write(true).open(&place).unwrap().set_modified(past).unwrap();
    fs::write(place.with_file_name(".tmpAbC"), "half of a page").unwrap();
    let mut pages: Vec<_> = list().await.into_iter().map(Result::unwrap).collect();
    pages.sort_unstable();
    assert_eq!(pages, ["/a", "/b", "/c"]);
    assert_eq!(fs::metadata(&place).unwrap().modified().unwrap(), past);

    switch.store(Fault::ReadIo as u8, Ordering::SeqCst);
    let failed = list().await;
    assert_eq!((failed.len(), failed.iter().filter(|page| page.is_err()).count()), (3, 3));
    fs::remove_dir_all(folder.path()).unwrap();
    let gone = list().await;
    assert!(matches!(gone[..], [Err(_)]), "{gone:?}");
}

#[cfg(unix)]
#[test]
fn files_have_the_mode_that_the_umask_leaves() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let (plain, page) = (folder.path().join("plain"), folder.path().join("page"));
    File::create(&plain).unwrap();
    RealFiles.write(&page, b"x").unwrap();
    assert_eq!(mode(&page), mode(&plain));
}
