//! A redis-server that a test can kill, empty and replace.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::program::{LIMIT, free_addr, installed};

/// A running Redis, which keeps an append-only file unless told otherwise.
pub(crate) struct Redis {
    pub(crate) addr: SocketAddr,
    program: PathBuf,
    args: Vec<String>,
    folder: TempDir,
    child: Child,
}

impl Redis {
    /// `None`, said aloud, where there is no `redis-server`.
    pub(crate) fn start(args: &[&str]) -> Option<Self> {
        let program = installed("redis-server", "redis-server")?;
        let (addr, folder) = (free_addr(), tempfile::tempdir().unwrap());
        let common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"];
        let args: Vec<_> = common.iter().chain(args).map(|arg| (*arg).to_owned()).collect();
        let child = run(&program, addr, &args, &folder);
        Some(Self { addr, program, args, folder, child })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.addr)
    }

    /// Kills it, without a chance to write anything.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on what it left.
    pub(crate) fn start_again(&mut self) {
        self.child = run(&self.program, self.addr, &self.args, &self.folder);
    }

    /// Sends a command as another user, who needs no password.
    pub(crate) fn as_user(&self, user: &str, command: &str) {
        say(self.addr, &format!("AUTH {user} x\r\n{command}")).unwrap();
    }

    /// Sends a command, and returns the first line of its answer.
    pub(crate) fn say(&self, command: &str) -> String {
        say(self.addr, command).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &PathBuf, addr: SocketAddr, args: &[String], folder: &TempDir) -> Child {
    let log = folder.path().join("redis.log");
    let output = File::options().create(true).append(true).open(&log).unwrap();
    let mut command = Command::new(program);
    command.arg("--port").arg(addr.port().to_string()).arg("--dir").arg(folder.path());
    command.args(args).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    // While it reads what it left, it answers with an error.
    while !say(addr, "PING").is_ok_and(|line| line == "+PONG" || line.starts_with("-NOAUTH")) {
        let has_ended = child.try_wait().unwrap().is_some();
        let is_late = began.elapsed() > LIMIT;
        assert!(!has_ended && !is_late, "{}", fs::read_to_string(&log).unwrap());
        sleep(Duration::from_millis(10));
    }
    child
}

fn say(addr: SocketAddr, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
