//! The build hook: what cargo-leptos runs in place of `cargo` for the server half.
//!
//! `bin-cargo-command` in the root `Cargo.toml` names this program. It passes its arguments to
//! cargo; after a build of the server it starts what was built with `prerender`. By then the
//! scripts and styles are in the site root under their final names, because with `hash-files`
//! cargo-leptos builds the browser half first.
//!
//! The exit code is that of the step that failed, so a page that cannot be rendered fails
//! `cargo leptos build`.

mod cargo;
mod plan;

use std::{
    env,
    io::{self, Write as _},
    process::{Command, ExitCode, ExitStatus},
};

use plan::Plan;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let outcome = match Plan::new(&args, env::var_os("LEPTOS_WATCH").is_some()) {
        Plan::Forward => cargo::forward(&args),
        Plan::BuildThenPrerender { bin } => build_then_prerender(&args, &bin),
    };
    outcome.unwrap_or_else(|error| {
        // Nothing is left to do if standard error is closed as well.
        let _ = writeln!(io::stderr(), "xtask: {error}");
        ExitCode::FAILURE
    })
}

fn build_then_prerender(args: &[String], bin: &str) -> io::Result<ExitCode> {
    let build = cargo::build(args, bin)?;
    if !build.status.success() {
        return Ok(exit_code(build.status));
    }
    let server = build
        .executable
        .ok_or_else(|| io::Error::other(format!("cargo built no executable named `{bin}`")))?;
    let prerender = Command::new(&server).arg("prerender").status().map_err(|error| {
        io::Error::other(format!("could not start {}: {error}", server.display()))
    })?;
    Ok(exit_code(prerender))
}

/// A program that a signal ended has no code; for the caller it failed.
fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
