//! The files in `deploy/` say what the server understands.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory;
use server::config::Cli;

/// What the names of the site's variables begin with.
const PREFIXES: [&str; 6] = ["ISR_", "SITE_", "CONTENT_", "EDITOR_", "LEPTOS_", "SANITY_"];

#[test]
fn variables_in_the_examples_of_deploying_are_settings_of_the_server() {
    let command = Cli::command();
    let envs = command.get_arguments().filter_map(clap::Arg::get_env);
    let settings: BTreeSet<_> = envs.map(|env| env.to_str().unwrap().to_owned()).collect();
    let mut named = BTreeSet::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")) {
        let text = fs::read_to_string(&file).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let variables = words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)));
        for variable in variables {
            assert!(settings.contains(variable), "{variable} in {}", file.display());
            named.insert(variable.to_owned());
        }
    }
    for expected in ["ISR_DIR", "CONTENT_API_URL", "LEPTOS_SITE_ADDR"] {
        assert!(named.contains(expected), "the examples no longer name {expected}");
    }
}

/// The files in a folder and below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
