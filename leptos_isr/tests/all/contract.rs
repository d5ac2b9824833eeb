//! Each line of `docs/contract.md` names its tests, and they exist.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

/// What a test's name begins with, and the folders of the repository that it is looked for in.
const FOLDERS: [(&str, &[&str]); 7] = [
    ("src", &["leptos_isr/src"]),
    ("tests", &["leptos_isr/tests"]),
    ("server", &["server/src", "server/tests"]),
    ("app", &["app/src"]),
    ("blackbox", &["leptos_isr/checks/blackbox/src", "leptos_isr/checks/blackbox/tests"]),
    ("attack", &["leptos_isr/checks/attack/src", "leptos_isr/checks/attack/tests"]),
    ("loom", &["leptos_isr/checks/loom/tests"]),
];

/// The same for tests in a browser, whose files are tests by themselves.
const BROWSER: [(&str, &str); 2] = [("end2end", "end2end/tests"), ("start", "end2end/start")];

/// Of a file's path, they are no part of a test's name.
const UNNAMED: [&str; 3] = ["all", "mod", "tests"];

/// The names of all tests, as the contract writes them, each with the files that have such a test.
#[derive(Default)]
struct Tests(HashMap<String, BTreeSet<PathBuf>>);

impl Tests {
    fn of_the_repository() -> Self {
        let mut tests = Self::default();
        for (prefix, folders) in FOLDERS {
            for folder in folders {
                let folder = root().join(folder);
                tests.collect(prefix, &folder, &folder);
            }
        }
        for (prefix, folder) in BROWSER {
            for file in fs::read_dir(root().join(folder)).unwrap() {
                let file = file.unwrap();
                if let Some(spec) = file.file_name().to_str().unwrap().strip_suffix(".spec.ts") {
                    tests.add(format!("{prefix}::{spec}"), &file.path());
                }
            }
        }
        tests
    }

    fn collect(&mut self, prefix: &str, top: &Path, folder: &Path) {
        let entries = fs::read_dir(folder);
        for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.collect(prefix, top, &path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(top).unwrap().with_extension("");
                let modules: Vec<_> = below.iter().map(|part| part.to_str().unwrap()).collect();
                let modules: Vec<_> =
                    modules.into_iter().filter(|name| !UNNAMED.contains(name)).collect();
                let Some(last) = modules.last() else { continue };
                for test in test_functions(&fs::read_to_string(&path).unwrap()) {
                    self.add(format!("{prefix}::{}::{test}", modules.join("::")), &path);
                    self.add(format!("{prefix}::{last}::{test}"), &path);
                }
            }
        }
    }

    fn add(&mut self, name: String, file: &Path) {
        self.0.entry(name).or_default().insert(file.to_owned());
    }

    /// That one file has the test of this name.
    fn check(&self, name: &str) -> Result<(), String> {
        match self.0.get(name) {
            None => Err(format!("there is no test `{name}`")),
            Some(files) if files.len() > 1 => Err(format!("`{name}` may be in any of {files:?}")),
            Some(_) => Ok(()),
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
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
    let tests = Tests::of_the_repository();
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
            tests.check(test).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
    assert!(lines.len() > 50, "{} lines", lines.len());
}

#[test]
fn name_says_in_which_one_file_its_test_stands() {
    let folder = tempfile::tempdir().unwrap();
    for (file, test) in [
        ("src/rules/age/mod.rs", "page_ages"),
        ("src/rules/age/tests.rs", "page_ages_no_more"),
        ("src/data/age.rs", "page_ages"),
        ("tests/all/age.rs", "page_ages"),
    ] {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("#[test]\nfn {test}() {{}}\n")).unwrap();
    }
    let mut tests = Tests::default();
    for kind in ["src", "tests"] {
        let folder = folder.path().join(kind);
        tests.collect(kind, &folder, &folder);
    }
    for name in [
        "src::rules::age::page_ages",
        "src::data::age::page_ages",
        "src::age::page_ages_no_more",
        "tests::age::page_ages",
    ] {
        assert_eq!(tests.check(name), Ok(()));
    }
    for name in ["age::page_ages", "src::page_ages", "tests::age::page_ages_no_more"] {
        assert_eq!(tests.check(name), Err(format!("there is no test `{name}`")));
    }
    let ambiguous = tests.check("src::age::page_ages").unwrap_err();
    for file in ["src/rules/age/mod.rs", "src/data/age.rs"] {
        assert!(ambiguous.contains(file), "{ambiguous}");
    }
}
