//! The server's process.

use std::{
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

/// The running server; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child(std::process::Child);

impl Child {
    pub(super) fn start(program: &Path, folder: &Path, data_port: u16) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg("crash-server").arg(folder).arg(data_port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    /// Where it listens; it says so once it does.
    pub(super) async fn port(&mut self) -> io::Result<u16> {
        let output = self.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let read = move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line)?;
            line.trim().parse().map_err(|_| io::Error::other(format!("it said `{}`", line.trim())))
        };
        tokio::task::spawn_blocking(read).await?
    }

    pub(super) fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// SIGKILL: it has no say in it.
    pub(super) fn kill(&mut self) -> io::Result<()> {
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
