//! Servers that are started here and stopped again.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Result, load};

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);

/// A running server; it is stopped when this is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) addr: String,
    child: Child,
}

impl Server {
    /// Starts `command`, whose output goes to a file in `scratch`, and waits
    /// until `path` answers with 200.
    pub(crate) async fn start(
        name: &'static str,
        mut command: Command,
        addr: &str,
        path: &str,
        scratch: &Path,
    ) -> Result<Self> {
        let log = scratch.join(format!("{}.log", name.replace(' ', "-")));
        let file = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let mut server = Self { name, addr: addr.to_owned(), child };
        let began = Instant::now();
        loop {
            let found = load::get(addr, path, &[]).await;
            if found.is_ok_and(|answer| answer.status == 200) {
                return Ok(server);
            }
            if began.elapsed() > START || server.child.try_wait()?.is_some() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(
                    format!("{name} does not answer 200 at {path}; it said:\n{said}").into()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that ends by itself ends its workers too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of the loopback that nobody listens on just now.
pub(crate) fn free_addr() -> Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
