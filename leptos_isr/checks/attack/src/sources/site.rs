//! The site's own server as a process that reads from the source.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{HOOK_SECRET, TOKEN};
use crate::machine::resident_of;

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);

/// The running server; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Site {
    child: Child,
    pub(super) port: u16,
}

/// Where the server's files are.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) source_port: u16,
}

impl Places<'_> {
    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("isr")
    }

    /// Starts the server, and waits until it listens. Each start has a log of its own.
    pub(super) async fn start(&self, log: &Path) -> io::Result<Site> {
        let hooks = self.folder.join("hooks.toml");
        fs::write(&hooks, HOOKS)?;
        let root = self.folder.join("root");
        fs::create_dir_all(&root)?;
        let mut command = Command::new(self.program);
        command
            .env_clear()
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .env("LEPTOS_SITE_ROOT", &root)
            .env("LEPTOS_HASH_FILES", "false")
            .env("SITE_URL", "http://attack.example")
            .env("ISR_DIR", self.store())
            .env("ISR_BUILD_ID", "attack")
            .env("ISR_TOKEN", TOKEN)
            .env("ISR_HOOKS", &hooks)
            .env("HOOK_SECRET", HOOK_SECRET)
            .env(
                "ISR_REVALIDATE",
                "/=1s; /articles/:slug=2s; /sections/:section=1s; /feed.xml=1s; /sitemap.xml=2s",
            )
            .env("ISR_RENDER_TIMEOUT", "700ms")
            .env("ISR_MEMORY_MIB", "4")
            .env("CONTENT_API_URL", format!("http://127.0.0.1:{}", self.source_port))
            .env("LOG_FORMAT", "json");
        let output = File::create(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let mut site = Site { child: command.spawn()?, port: 0 };
        let began = Instant::now();
        while began.elapsed() < START {
            if let Some(port) = port(&fs::read_to_string(log)?) {
                site.port = port;
                return Ok(site);
            }
            if site.child.try_wait()?.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = fs::read_to_string(log)?;
        Err(io::Error::other(format!("`{}` did not start: {log}", self.program.display())))
    }
}

impl Site {
    pub(super) fn resident(&self) -> u64 {
        resident_of(self.child.id())
    }

    /// SIGKILL: it has no say in it. An end of its own is an error.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(io::Error::other(format!("it ended by itself: {status}")));
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a delivery of the webhook purges.
const HOOKS: &str = r#"
[cms]
preset = "generic"
secret_env = "HOOK_SECRET"
tags = ["article:{slug}", "section:{section}", "{list}"]
"#;

/// From the line that says where it serves.
fn port(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("\"serving\""))?;
    let digits = line.split_once("http://127.0.0.1:")?.1;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
