//! A server's process.

use std::{
    io::{self, BufRead, BufReader},
    process::{Command, ExitStatus, Stdio},
};

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Child(std::process::Child);

impl Child {
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    /// Where it listens; it says so once it does.
    pub(crate) async fn port(&mut self) -> io::Result<u16> {
        let output = self.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let read = move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line)?;
            line.trim().parse().map_err(|_| io::Error::other(format!("it said `{}`", line.trim())))
        };
        tokio::task::spawn_blocking(read).await?
    }

    /// Sends it a signal, as `STOP`.
    pub(crate) fn signal(&self, signal: &str) -> io::Result<()> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([format!("-{signal}"), pid]).status()?;
        sent.success().then_some(()).ok_or_else(|| io::Error::other("the signal was not sent"))
    }

    pub(crate) fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// SIGKILL: it has no say in it.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
