//! The app as a process on a folder of its own.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use blackbox::wire::{self, Request};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Cms, Page};

/// When every test begins; the clock moves only when the test moves it.
const BEGIN: u64 = 1_800_000_000_000;

/// A running server; it ends with this value, also when the test panics.
pub(crate) struct Server {
    addr: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) async fn request(&self, request: Request<'_>) -> Page {
        Page(wire::exchange(self.addr, request).await.unwrap())
    }

    pub(crate) async fn get(&self, target: &str) -> Page {
        self.request(Request::get(target)).await
    }

    pub(crate) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Page {
        self.request(Request { headers, ..Request::get(target) }).await
    }

    /// A request that goes on by itself.
    pub(crate) fn visit(&self, target: &str) -> JoinHandle<io::Result<Page>> {
        let (addr, target) = (self.addr, target.to_owned());
        tokio::spawn(async move { Ok(Page(wire::exchange(addr, Request::get(&target)).await?)) })
    }

    /// Stops the process until it gets `CONT`. One thread takes the signal, and the others run on until
    /// it has told them, so this waits until all stand still.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.child.id());
        let stands_still = |thread: io::Result<fs::DirEntry>| {
            let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        while !fs::read_dir(&threads).unwrap().all(stands_still) {
            std::thread::yield_now();
        }
    }

    /// Sends the process a signal, as `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Several requests at once.
    pub(crate) async fn get_all(&self, target: &str, count: usize) -> Vec<Page> {
        let mut pages = Vec::new();
        let (addr, target) = (self.addr, target.to_owned());
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let target = target.clone();
                tokio::spawn(async move {
                    Page(wire::exchange(addr, Request::get(&target)).await.unwrap())
                })
            })
            .collect();
        for task in tasks {
            pages.push(task.await.unwrap());
        }
        pages
    }

    /// Several requests at once for a page whose source waits until they are there.
    pub(crate) async fn get_all_of(&self, cms: &Cms, key: &str, target: &str) -> Vec<Page> {
        let (before, gate) = (cms.loads(key), cms.hold(key));
        let release = async {
            while cms.loads(key) == before {
                tokio::task::yield_now().await;
            }
            // Time for renders that there should not be.
            for _ in 0..10 {
                self.get("/").await;
            }
            gate.add_permits(100);
        };
        tokio::join!(self.get_all(target, 10), release).0
    }

    /// The stale page, then the one that was regenerated behind it.
    pub(crate) async fn get_twice(&self, target: &str) -> (Page, Page) {
        let old = self.get(target).await;
        self.idle().await;
        (old, self.get(target).await)
    }

    /// Waits until no regeneration is under way.
    pub(crate) async fn idle(&self) {
        assert_eq!(self.get("/_blackbox/idle").await.text(), "true");
    }

    pub(crate) async fn call(&self, target: &str, body: &Value) -> Page {
        let headers = &[("Authorization", "Bearer the token for purges")];
        self.request(Request { method: "POST", target, headers, body: &body.to_string() }).await
    }

    /// A soft purge of these paths.
    pub(crate) async fn purge(&self, paths: &[&str]) {
        self.purge_by(&json!({ "paths": paths })).await;
    }

    pub(crate) async fn purge_by(&self, body: &Value) {
        self.call("/_isr/purge", body).await.assert_status(204);
    }

    /// Regenerates one page; returns the status and what is said of the page.
    pub(crate) async fn regenerate(&self, path: &str) -> (u16, Value) {
        let answer = self.call("/_isr/regenerate", &json!({ "paths": [path] })).await;
        let said = serde_json::from_str(&answer.text()).unwrap_or_else(|_| answer.text().into());
        (answer.status, said)
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// The app, its source, its folder and its clock.
pub(crate) struct Site {
    pub(crate) cms: Cms,
    server: Option<Server>,
    folder: TempDir,
    now: AtomicU64,
    build: String,
    env: Vec<(&'static str, String)>,
}

impl std::ops::Deref for Site {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.server.as_ref().unwrap()
    }
}

impl Site {
    /// Nothing listed, nothing rendered; not running yet.
    pub(crate) async fn new() -> Self {
        let site = Self {
            cms: Cms::start().await,
            server: None,
            folder: tempfile::tempdir().unwrap(),
            now: AtomicU64::new(BEGIN),
            build: "one".to_owned(),
            env: Vec::new(),
        };
        site.advance(0);
        site
    }

    /// Built and running, with these lists: `("blog", &["a", "b"])`.
    pub(crate) async fn with(lists: &[(&str, &[&str])]) -> Self {
        let mut site = Self::new().await;
        for (name, values) in lists {
            site.cms.set_list(name, values);
        }
        site.build().await;
        site.start();
        site
    }

    /// Running without a build before it, and without a store on the disk.
    pub(crate) async fn in_memory(env: &[(&'static str, &'static str)]) -> Self {
        let mut site = Self::new().await;
        site.env = env.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        site.start();
        site
    }

    /// No store on the disk, and no room in memory.
    pub(crate) fn keep_nothing(&mut self) {
        self.env = vec![("BLACKBOX_MEMORY", "0".to_owned())];
    }

    /// Moves the clock of all servers.
    pub(crate) fn advance(&self, seconds: u64) {
        let now = self.now.fetch_add(seconds * 1000, Ordering::SeqCst) + seconds * 1000;
        let next = self.folder.path().join("clock.new");
        fs::write(&next, now.to_string()).unwrap();
        fs::rename(next, self.folder.path().join("clock")).unwrap();
    }

    /// The build, which must succeed; returns its report.
    pub(crate) async fn build(&self) -> String {
        let output = self.try_build().await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let report = text(&output.stdout);
        assert!(output.status.success(), "{report}{}", text(&output.stderr));
        report
    }

    pub(crate) async fn try_build(&self) -> Output {
        let mut command = self.command("prerender");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    pub(crate) fn start(&mut self) {
        self.server = Some(self.another_server("server.log"));
    }

    /// One more server on the same folder.
    pub(crate) fn another_server(&self, log: &str) -> Server {
        self.serve(self.command("serve"), log)
    }

    /// A server on a machine of its own, which shares a Redis with the others. Its disk is `disk`, if
    /// it has one.
    pub(crate) fn on_redis(&self, url: &str, disk: Option<&str>, log: &str) -> Server {
        self.on_redis_with(url, disk, log, &[])
    }

    /// The same, with these variables.
    pub(crate) fn on_redis_with(
        &self,
        url: &str,
        disk: Option<&str>,
        log: &str,
        env: &[(&str, &Path)],
    ) -> Server {
        let mut command = self.command("serve");
        command.envs(env.iter().copied());
        command.env("BLACKBOX_REDIS", url).env_remove("BLACKBOX_STORE");
        if let Some(disk) = disk {
            command.env("BLACKBOX_STORE", self.folder.path().join(disk));
        }
        self.serve(command, log)
    }

    fn serve(&self, mut command: Command, log: &str) -> Server {
        let log = self.folder.path().join(log);
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
        let addr = read.ok().and_then(|_| line.trim().parse().ok());
        let addr = addr.unwrap_or_else(|| panic!("{}", fs::read_to_string(&log).unwrap()));
        Server { addr, child, log }
    }

    /// Kills the server.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// Kills the server and starts it again on what it left.
    pub(crate) fn restart(&mut self) {
        self.server = None;
        self.start();
    }

    /// Servers that start from now on are of another build.
    pub(crate) fn name_build(&mut self, build: &str) {
        self.build = build.to_owned();
    }

    /// A build with another id takes the server's place.
    pub(crate) async fn deploy(&mut self, build: &str) {
        self.name_build(build);
        self.build().await;
        self.restart();
    }

    /// How many pages are on the disk, of all builds.
    pub(crate) fn pages_on_disk(&self) -> usize {
        count_pages(&self.folder.path().join("store/pages"))
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blackbox"));
        command.arg(what).env("BLACKBOX_SOURCE", self.cms.addr.to_string());
        command.env("BLACKBOX_CLOCK", self.folder.path().join("clock"));
        command.env("BLACKBOX_BUILD", &self.build);
        if self.env.is_empty() {
            command.env("BLACKBOX_STORE", self.folder.path().join("store"));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A page's file is named by a hash: two digits for its folder, thirty for itself.
fn count_pages(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| match entry.path().is_dir() {
            true => count_pages(&entry.path()),
            false => usize::from(entry.file_name().len() == 30),
        })
        .sum()
}
