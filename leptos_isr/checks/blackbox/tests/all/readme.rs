//! The README's table names tests that exist, and all that port a behaviour.

use std::collections::{BTreeMap, BTreeSet};

const README: &str = include_str!("../../README.md");

const FILES: [(&str, &str); 8] = [
    ("errors", include_str!("errors.rs")),
    ("headers", include_str!("headers.rs")),
    ("lists", include_str!("lists.rs")),
    ("purging", include_str!("purging.rs")),
    ("restart", include_str!("restart.rs")),
    ("results", include_str!("results.rs")),
    ("spellings", include_str!("spellings.rs")),
    ("two_servers", include_str!("two_servers.rs")),
];

/// Each test's name and the behaviours that its doc comment begins with.
fn tests() -> BTreeMap<String, BTreeSet<usize>> {
    let mut tests = BTreeMap::new();
    for (file, source) in FILES {
        for part in source.split("#[tokio::test").skip(1) {
            let name = part.split_once("async fn ").and_then(|(_, rest)| rest.split_once('('));
            tests.insert(format!("{file}::{}", name.unwrap().0), BTreeSet::new());
        }
        let lines: Vec<&str> = source.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let numbers =
                line.strip_prefix("/// Behaviours ").or(line.strip_prefix("/// Behaviour "));
            let Some(numbers) = numbers else { continue };
            let end = numbers.find(|c: char| !c.is_ascii_digit() && !", ".contains(c));
            let numbers = numbers[..end.unwrap_or(numbers.len())].split(',');
            let name = lines[i..].iter().find_map(|line| line.strip_prefix("async fn ")).unwrap();
            let name = format!("{file}::{}", name.split_once('(').unwrap().0);
            tests.insert(name, numbers.filter_map(|number| number.trim().parse().ok()).collect());
        }
    }
    tests
}

#[test]
fn table_has_each_behaviour_once_and_the_tests_that_port_it() {
    let tests = tests();
    assert!(tests.len() > 60, "{tests:?}");
    let rows: Vec<Vec<&str>> = README
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 110);
    for (n, row) in (1..).zip(&rows) {
        let [number, _, here, named] = row[..] else { panic!("{row:?}") };
        assert_eq!(number, n.to_string());
        let named: BTreeSet<String> = named
            .split(", ")
            .map(|name| name.trim_matches('`').to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        let porting = tests.iter().filter(|(_, numbers)| numbers.contains(&n));
        let porting: BTreeSet<String> = porting.map(|(name, _)| name.clone()).collect();
        assert_eq!(named, porting, "row {n}");
        let is_ours = here.starts_with("ported") || here.starts_with("differs: ");
        assert!(is_ours || here.starts_with("does not apply: "), "row {n}: {here}");
        assert!(!is_ours || !named.is_empty() || here.contains("leptos_isr/tests/"), "row {n}");
    }
}
