//! Running cargo, the one that runs this program.

use std::{
    env,
    io::{self, BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, ExitCode, ExitStatus, Stdio},
};

use serde_json::Value;

/// How a build ended and what came of it.
pub(crate) struct Build {
    pub(crate) status: ExitStatus,
    pub(crate) executable: Option<PathBuf>,
}

/// Runs `cargo build` and notes where it put the executable `bin`.
///
/// Messages for machines come on standard output; diagnostics and the progress bar stay on
/// standard error, which is inherited, so they look as they always do.
pub(crate) fn build(args: &[String], bin: &str) -> io::Result<Build> {
    let mut cargo = command()
        .arg("build")
        .arg("--message-format=json-render-diagnostics")
        .args(args.iter().skip(1))
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = cargo.stdout.take().expect("standard output was piped above");
    let mut executable = None;
    for line in BufReader::new(stdout).lines() {
        executable = executable_in(&line?, bin).or(executable);
    }
    Ok(Build { status: cargo.wait()?, executable })
}

/// Becomes cargo, so that a signal meant for this process reaches it: cargo-leptos kills the
/// build when a file changes while it runs.
#[cfg(unix)]
pub(crate) fn forward(args: &[String]) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(command().args(args).exec())
}

/// Runs cargo and passes on how it ended.
#[cfg(not(unix))]
pub(crate) fn forward(args: &[String]) -> io::Result<ExitCode> {
    Ok(crate::exit_code(command().args(args).status()?))
}

fn command() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The path in a message that reports the executable `bin` as built.
fn executable_in(line: &str, bin: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_bin = message["reason"] == "compiler-artifact"
        && message["target"]["name"] == bin
        && message["target"]["kind"].as_array()?.iter().any(|kind| kind == "bin");
    is_bin.then(|| message["executable"].as_str()).flatten().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wanted_executable_is_taken() {
        let artifact = |name: &str, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}","kind":["{kind}"]}},"executable":"/t/{name}"}}"#
            )
        };
        let taken = Some(PathBuf::from("/t/server"));
        for (line, expected) in [
            (artifact("server", "bin"), taken),
            (artifact("server", "lib"), None),
            (artifact("xtask", "bin"), None),
            (r#"{"reason":"build-finished","success":true}"#.to_owned(), None),
            ("a line from a build script".to_owned(), None),
        ] {
            assert_eq!(executable_in(&line, "server"), expected, "{line}");
        }
    }
}
