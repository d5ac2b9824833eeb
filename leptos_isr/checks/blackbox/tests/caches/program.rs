//! A cache as a process of its own, which ends with the test.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A running cache.
pub(crate) struct Program {
    pub(crate) addr: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Program {
    /// Starts `command` on `addr`. It writes to files in `folder` only.
    pub(crate) fn start(mut command: Command, addr: SocketAddr, folder: TempDir) -> Self {
        let log = folder.path().join("output.log");
        let output = fs::File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap();
        let mut program = Self { addr, child, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect(addr).is_err() {
            let has_ended = program.child.try_wait().unwrap().is_some();
            let is_late = began.elapsed() > LIMIT;
            assert!(!has_ended && !is_late, "{}", fs::read_to_string(&log).unwrap());
            sleep(Duration::from_millis(10));
        }
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Not killed: it has processes of its own, which it ends first.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// A program of a Debian package; `None`, said aloud, where it is missing.
///
/// # Panics
///
/// Panics where it is missing and `CI` is `true`.
pub(crate) fn installed(name: &str, packages: &str) -> Option<PathBuf> {
    // Debian has them where not everybody's path leads to.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        let missing = format!("{name} is missing: install {packages}");
        assert!(env::var("CI").as_deref() != Ok("true"), "{missing}");
        eprintln!("not tested, {missing}");
    }
    found
}

pub(crate) fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The configuration in the guide, in a block of this language.
pub(crate) fn of_guide(language: &str) -> String {
    let chapter = include_str!("../../../../../docs/guide/behind-a-proxy.md");
    let (_, rest) = chapter.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// `text` with something in it put in the place of something else that must be there.
pub(crate) fn with(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the configuration in the guide has no `{old}`");
    text.replace(old, new)
}
