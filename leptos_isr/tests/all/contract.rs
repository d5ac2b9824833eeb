//! Each line of `docs/contract.md` names its tests, and they exist.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

/// The folders of the crates that have tests.
const CRATES: [&str; 6] = [
    "leptos_isr",
    "server",
    "app",
    "leptos_isr/checks/attack",
    "leptos_isr/checks/blackbox",
    "leptos_isr/checks/loom",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The names of all tests, as the contract writes them.
fn tests() -> HashSet<String> {
    let mut tests = HashSet::new();
    for name in CRATES {
        let prefix = match name.rsplit('/').next() {
            Some("leptos_isr") | None => String::new(),
            Some(name) => format!("{name}::"),
        };
        for folder in ["src", "tests"] {
            let folder = root().join(name).join(folder);
            collect(&folder, &folder, &prefix, &mut tests);
        }
    }
    for spec in fs::read_dir(root().join("end2end/tests")).unwrap() {
        let spec = spec.unwrap().file_name().into_string().unwrap();
        tests.insert(format!("end2end::{}", spec.trim_end_matches(".spec.ts")));
    }
    tests
}

fn collect(top: &Path, folder: &Path, prefix: &str, tests: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, prefix, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(top).unwrap().with_extension("");
            let names: Vec<_> = below.iter().map(|part| part.to_str().unwrap()).collect();
            let text = fs::read_to_string(&path).unwrap();
            for test in test_functions(&text) {
                // The whole path, and its last module alone.
                tests.insert(format!("{prefix}{}::{test}", names.join("::")));
                let module = names.iter().rfind(|name| !["mod", "tests"].contains(name));
                if let Some(module) = module {
                    tests.insert(format!("{prefix}{module}::{test}"));
                }
            }
        }
    }
}

/// The functions after a line with `#[test]` or `#[tokio::test]`, and those of `proptest!`.
fn test_functions(text: &str) -> Vec<&str> {
    let mut is_test = false;
    let mut functions = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            if is_test {
                functions.push(rest.split(['(', '<']).next().unwrap());
            }
            is_test = false;
        }
    }
    functions
}

#[test]
fn every_line_of_the_contract_has_tests_that_exist() {
    let tests = tests();
    let text = fs::read_to_string(root().join("docs/contract.md")).unwrap();
    let mut lines = HashMap::new();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, line, named] = cells[..] else { panic!("three cells: {row}") };
        assert!(!line.is_empty(), "{row}");
        assert!(lines.insert(name.to_owned(), line).is_none(), "`{name}` stands there twice");
        let named: Vec<_> = named.split('`').filter(|part| part.contains("::")).collect();
        assert!(!named.is_empty(), "{name} has no test: {line}");
        for test in named {
            assert!(tests.contains(test), "{name}: there is no test `{test}`");
        }
    }
    assert!(lines.len() > 50, "{} lines", lines.len());
}
