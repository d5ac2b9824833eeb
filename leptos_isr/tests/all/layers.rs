//! The library's files use lower floors only, and within a floor there is no circle.

mod modules;
mod parse;

use std::{collections::BTreeSet, fs, path::Path};

use modules::{Files, Import, Imports, Modules};

/// From the lowest up. A name is that of a file or folder of `src`.
const FLOORS: [&[&str]; 14] = [
    &["error", "sync", "wire", "clock", "period", "tls", "stats"],
    &["address"],
    &["route", "tasks"],
    &["rules"],
    &["entry"],
    &["order"],
    &["store", "watch", "access"],
    &["scope"],
    &["data"],
    &["page", "render", "cdn"],
    &["engine"],
    &["http", "leptos_pages"],
    &["lib"],
    // What the fuzz targets call is no part of the library.
    &["testing", "fuzzing"],
];

/// Where `impl Engine` may stand.
const OF_THE_ENGINE: [&str; 2] = ["engine", "http"];

/// Files whose imports are free.
fn is_for_tests(file: &str) -> bool {
    ["testing", "properties"].contains(&room(file)) || file.ends_with("tests.rs")
}

/// The first part of a file's path.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn floor(file: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room(file)))
}

/// Whose floor it is.
fn names(file: &str) -> String {
    floor(file).map_or("no floor".to_owned(), |floor| format!("[{}]", FLOORS[floor].join(" ")))
}

/// What is wrong with `files`.
fn faults(files: &Files) -> Vec<String> {
    let modules = Modules::of(files);
    let mut imports = modules.imports();
    imports.retain(|(from, _), _| !is_for_tests(from) && floor(from).is_some());
    let mut faults = Vec::new();
    for file in files.keys().filter(|file| !is_for_tests(file)) {
        if floor(file).is_none() {
            faults.push(format!("{file} has no floor"));
        }
        if !modules.files().contains(&**file) {
            faults.push(format!("{file} is declared by no `mod`"));
        }
    }
    for ((from, to), import) in &imports {
        let shown = format!("{from}:{}: `{}` of {to}, {}", import.line, import.path, names(to));
        if floor(from) < floor(to) {
            faults.push(format!("{shown} is above {}", names(from)));
        }
        if is_level(from, to, import) && leads(&imports, to, from, &mut BTreeSet::new()) {
            faults.push(format!("{shown}, closes a circle"));
        }
    }
    for (file, line) in modules.engine_impls() {
        if !OF_THE_ENGINE.contains(&room(file)) {
            faults.push(format!("{file}:{line}: `impl Engine` is not in {OF_THE_ENGINE:?}"));
        }
    }
    faults
}

/// Whether it is one within a floor. What is only handed on is not used.
fn is_level(from: &str, to: &str, import: &Import) -> bool {
    floor(from) == floor(to) && !import.is_face
}

/// Whether imports within a floor lead from one file to the other.
fn leads(imports: &Imports, from: &str, to: &str, seen: &mut BTreeSet<String>) -> bool {
    let mut next =
        imports.iter().filter(|((of, next), import)| of == from && is_level(of, next, import));
    from == to
        || seen.insert(from.to_owned()) && next.any(|((_, next), _)| leads(imports, next, to, seen))
}

fn read(folder: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn files_use_lower_floors_only_and_within_a_floor_there_is_no_circle() {
    let mut files = Files::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut files);
    let faults = faults(&files);
    assert!(faults.is_empty(), "{} faults in src:\n{}", faults.len(), faults.join("\n"));
}

fn faults_of(text: &[(&str, &str)]) -> Vec<String> {
    faults(&text.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect())
}

#[test]
fn import_of_a_higher_floor_is_found_however_it_is_written() {
    let faults_in = |error: &str| {
        faults_of(&[
            (
                "lib.rs",
                "mod engine; mod error; mod store; pub use engine::Engine;
                 pub mod face { pub use crate::store::*; }",
            ),
            ("engine.rs", "pub struct Engine;"),
            ("store/mod.rs", "mod memory; pub use self::memory::Memory;"),
            ("store/memory.rs", "pub struct Memory;"),
            ("error.rs", error),
        ])
    };
    let floors = "[store watch access] is above [error sync wire clock period tls stats]";
    for (text, import) in [
        ("\nuse crate::face::Memory;", "2: `crate::face::Memory`"),
        ("pub use super::store::Memory;", "1: `super::store::Memory`"),
        ("use crate::{\n  x,\n  store::{Memory as M}};", "3: `crate::store::Memory`"),
        ("fn f() { loop { g(&crate::store::Memory::new()); } }", "1: `crate::store::Memory::new`"),
        ("fn f() { println!(\"{}\", crate::face::Memory); }", "1: `crate::face::Memory`"),
    ] {
        let faults = faults_in(text).into_iter().filter(|fault| !fault.contains(" of lib.rs"));
        let expected = format!("error.rs:{import} of store/memory.rs, {floors}");
        assert_eq!(faults.collect::<Vec<_>>(), [expected], "{text}");
    }
    let faults = faults_in("use crate::store;\nfn f(_: &store::Memory, _: &crate::Engine) {}");
    for (place, file) in [("1", "store/mod.rs"), ("2", "store/memory.rs"), ("2", "engine.rs")] {
        let begins = format!("error.rs:{place}: ");
        let is_named = |fault: &String| fault.starts_with(&begins) && fault.contains(file);
        assert!(faults.iter().any(is_named), "{file}: {faults:?}");
    }
    for text in [
        "// crate::Engine\n/// [`crate::Engine`]\nconst TEXT: &str = \"crate::Engine\";",
        "#[cfg(test)]\nmod tests { use crate::Engine; }",
        "#[cfg(test)]\nuse crate::{Engine};",
        "pub(in crate::engine) struct Error;",
        "use engine::Engine; use x::crate_::store::Memory;",
    ] {
        assert!(faults_in(text).is_empty(), "{text}: {:?}", faults_in(text));
    }
}

#[test]
fn circle_within_a_floor_is_found_and_a_face_is_none() {
    let faults_in = |face: &str, age: &str, sent: &str| {
        let lib = ("lib.rs", "mod rules;");
        faults_of(&[lib, ("rules/mod.rs", face), ("rules/age.rs", age), ("rules/sent.rs", sent)])
    };
    let face = "mod age; mod sent; pub use self::{age::Age, sent::Sent};";
    let (age, sent) = ("pub struct Age;", "pub struct Sent(super::Age);");
    assert!(faults_in(face, age, sent).is_empty());
    let faults = faults_in(face, "\npub struct Age(crate::rules::Sent);", sent);
    let floor = "[rules], closes a circle";
    let expected = [
        format!("rules/age.rs:2: `crate::rules::Sent` of rules/sent.rs, {floor}"),
        format!("rules/sent.rs:1: `super::Age` of rules/age.rs, {floor}"),
    ];
    assert_eq!(faults, expected);
    let faults = faults_in(
        &format!("{face}\npub struct Rule;\nfn f(_: Age) {{}}"),
        "use super::Rule; pub struct Age;",
        sent,
    );
    let expected = [
        format!("rules/age.rs:1: `super::Rule` of rules/mod.rs, {floor}"),
        format!("rules/mod.rs:1: `self::age::Age` of rules/age.rs, {floor}"),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn engine_elsewhere_and_file_without_a_place_are_found() {
    let faults = faults_of(&[
        ("lib.rs", "mod engine; mod data; mod rooms;"),
        ("engine.rs", "pub struct Engine; impl Engine {} struct Engines;"),
        (
            "data.rs",
            "use crate::engine::Engines;\nimpl Engines {}\nimpl crate::Clock for Engine {}",
        ),
        ("rooms.rs", "\nimpl Engine {}"),
        ("store.rs", ""),
    ]);
    assert_eq!(faults.len(), 5, "{faults:#?}");
    for fault in [
        "rooms.rs has no floor",
        "store.rs is declared by no `mod`",
        "rooms.rs:2: `impl Engine` is not in [\"engine\", \"http\"]",
    ] {
        assert!(faults.contains(&fault.to_owned()), "{faults:#?}");
    }
}
