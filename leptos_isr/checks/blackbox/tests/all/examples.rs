//! The library's examples do what their headings say: each command that stands there
//! is given to a shell, and its answer has the lines that stand under it.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::built;

/// How long an answer may take to be the one that is expected: a page that is
/// rendered again behind its visitor is there a moment later.
const LIMIT: Duration = Duration::from_secs(10);

/// Where the examples listen unless told otherwise.
const ADDR: &str = "127.0.0.1:3000";

/// The last line of an answer.
const END: &str = "-- end of the answer --";

#[test]
fn hello_does_what_its_heading_says() {
    follow("hello", include_str!("../../../../examples/hello.rs"));
}

#[test]
fn tags_does_what_its_heading_says() {
    follow("tags", include_str!("../../../../examples/tags.rs"));
}

#[test]
fn webhook_does_what_its_heading_says() {
    follow("webhook", include_str!("../../../../examples/webhook.rs"));
}

fn follow(name: &str, source: &str) {
    assert!(source.lines().count() < 100, "an example is read at a glance");
    let heading: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let run = format!(" cargo run -p leptos_isr --features ssr --example {name}");
    assert!(heading.contains(&run.as_str()), "the heading says{run}");

    let example = Example::start(name);
    let mut shell = Shell::start();
    let steps = steps(&heading);
    assert!(steps.len() > 4, "{steps:?}");
    for (command, expected) in steps {
        let command = command.replace(ADDR, &example.addr);
        let began = Instant::now();
        let mut answer = shell.answer(&command);
        while !has_lines(&answer, &expected) {
            assert!(began.elapsed() < LIMIT, "{command}\nexpected {expected:#?}\nin {answer:#?}");
            answer = shell.answer(&command);
        }
    }
}

/// The commands in a heading's block of text, each with the lines under it.
fn steps(heading: &[&str]) -> Vec<(String, Vec<String>)> {
    let block = heading.iter().skip_while(|line| **line != " ```text").skip(1);
    let mut steps = Vec::<(String, Vec<String>)>::new();
    for line in block.take_while(|line| **line != " ```") {
        match (line.strip_prefix(" $ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), Vec::new())),
            (None, Some((_, expected))) => expected.push(comparable(line)),
            (None, None) => panic!("`{line}` stands under no command"),
        }
    }
    steps
}

/// Whether these lines are in the answer, in this order.
fn has_lines(answer: &[String], expected: &[String]) -> bool {
    let mut answer = answer.iter();
    expected.iter().all(|line| answer.any(|given| given == line))
}

/// A line with no more of a `ttl` than whether the page is fresh.
fn comparable(line: &str) -> String {
    let line = line.trim();
    let Some((before, rest)) = line.split_once("ttl=") else { return line.to_owned() };
    let end = rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(rest.len());
    let is_fresh = rest[..end].parse::<i64>().unwrap() > 0;
    format!("{before}ttl={}{}", if is_fresh { "fresh" } else { "stale" }, &rest[end..])
}

/// A running example; it ends with this value, also when the test panics.
struct Example {
    child: Child,
    addr: String,
    /// Kept open: it may still have something to say.
    _log: Lines<BufReader<ChildStderr>>,
}

impl Example {
    fn start(name: &str) -> Self {
        let mut command = Command::new(built(name, &["--example", name]));
        command.arg("127.0.0.1:0").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = log.next().unwrap().unwrap();
        let addr = line.strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, addr, _log: log }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One shell for a whole heading, so that its variables last.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    fn start() -> Self {
        let mut command = Command::new("sh");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout: BufReader::new(stdout).lines() }
    }

    fn answer(&mut self, command: &str) -> Vec<String> {
        // A body need not end with a line's end.
        writeln!(self.stdin, "{command}\necho\necho '{END}'").unwrap();
        let lines = self.stdout.by_ref().map(Result::unwrap);
        lines.take_while(|line| line != END).map(|line| comparable(&line)).collect()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
