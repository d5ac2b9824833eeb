//! A redis-server as a process that can be killed, with a log of its own that it starts again from.

use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long it may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// The program, if it is installed.
#[must_use]
pub fn redis_server() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian has it where not everybody's path leads to.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("redis-server")).find(|path| path.is_file())
}

/// A Redis; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Redis {
    pub(super) addr: SocketAddr,
    program: PathBuf,
    folder: PathBuf,
    child: Child,
}

impl Redis {
    pub(super) async fn start(program: &Path, folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = run(program, addr, &folder)?;
        let mut redis = Self { addr, program: program.to_owned(), folder, child };
        redis.answers().await?;
        Ok(redis)
    }

    /// SIGKILL: it has no say in it.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts it on what it left.
    pub(super) async fn start_again(&mut self) -> io::Result<()> {
        self.child = run(&self.program, self.addr, &self.folder)?;
        self.answers().await
    }

    /// Sends a command, and returns the first line of its answer.
    pub(super) fn say(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.addr)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Sends a command that must be done.
    pub(super) fn order(&self, command: &str) -> io::Result<()> {
        match self.say(command)?.as_str() {
            "+OK" => Ok(()),
            other => Err(io::Error::other(format!("`{command}` was answered `{other}`"))),
        }
    }

    /// Waits until it has read what it left.
    async fn answers(&mut self) -> io::Result<()> {
        let began = Instant::now();
        while !self.say("PING").is_ok_and(|line| line == "+PONG") {
            if self.child.try_wait()?.is_some() || began.elapsed() > LIMIT {
                let log = std::fs::read_to_string(self.folder.join("log"))?;
                return Err(io::Error::other(format!("the Redis did not start: {log}")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn run(program: &Path, addr: SocketAddr, folder: &Path) -> io::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
    command.arg("--port").arg(addr.port().to_string()).arg("--dir").arg(folder);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()
}
