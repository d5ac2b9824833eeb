//! The program as scripts call it, without a server.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::TcpListener,
    process::{Command, Output},
};

const GUIDE: &str = include_str!("../../docs/guide/command-line.md");

fn isr(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isr"));
    for name in ["ISR_URL", "ISR_TOKEN", "ISR_COOKIE"] {
        command.env_remove(name);
    }
    command.args(args).env("NO_PROXY", "*").envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A place where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_missing() {
    let url = ("ISR_URL", "http://127.0.0.1:1");
    let token = ("ISR_TOKEN", "a token");
    for (args, env, said) in [
        (&["ls"][..], &[token][..], "ISR_URL"),
        (&["ls"], &[url], "ISR_TOKEN"),
        (&["ls"], &[url, ("ISR_TOKEN", " ")], "--token-file"),
        (&["ls", "--token-file", "/no/such/file"], &[url], "/no/such/file"),
        (&["ls"], &[("ISR_URL", "127.0.0.1:3000"), token], "`127.0.0.1:3000` is no address"),
        (&["ls"], &[("ISR_URL", "http://me:secret@a"), token], "only a token says who asks"),
        (&["why", "a"], &[url, token], "`a` is no page"),
        (&["doctor", "/a"], &[url, token], "`/a` is a path"),
        (&["purge", "--dry-run"], &[url, token], "--tag"),
        (&["ls", "--token", "a token"], &[url], "--token"),
    ] {
        let output = isr(args, env);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(said) && output.stdout.is_empty(), "{args:?}: {error}");
    }
}

#[test]
fn server_that_cannot_be_reached_ends_with_3_and_is_named() {
    let url = nowhere();
    for args in [&["why", "/a"][..], &["doctor"], &["purge", "--path", "/"], &["diff", "/"]] {
        let output = isr(args, &[("ISR_URL", &url), ("ISR_TOKEN", "a token")]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{error}");
        for part in [&*url, "/_isr/", "Connection refused", "ISR_URL"] {
            assert!(error.contains(part), "{args:?}: {error}");
        }
        assert!(!error.contains("a token"), "{error}");
    }
}

#[test]
fn every_command_is_in_the_guide_and_exit_codes_are_in_the_help() {
    let help = text(&isr(&["--help"], &[]).stdout);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let names: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"doctor"), "{help}");
    for name in names.iter().filter(|name| **name != "help") {
        assert!(GUIDE.contains(&format!("`isr {name}")), "{name} is not in the guide");
    }
    for code in 0..4 {
        assert!(help.contains(&format!("\n  {code}  ")), "{help}");
    }
}
