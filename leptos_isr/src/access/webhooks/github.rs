//! Which files a push to a repository on GitHub changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// A document for each file below `folder` that a push to the default branch
/// adds, modifies or removes.
pub(super) fn changed_files(push: &Value, folder: &str) -> Vec<Value> {
    let branch = push["ref"].as_str().and_then(|name| name.strip_prefix("refs/heads/"));
    if branch.is_none() || branch != push["repository"]["default_branch"].as_str() {
        return Vec::new();
    }
    let folder = folder.trim_matches('/');
    let commits = push["commits"].as_array().into_iter().flatten();
    let lists =
        commits.flat_map(|commit| ["added", "modified", "removed"].map(|list| &commit[list]));
    let paths = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let paths: BTreeSet<&str> = paths.collect();
    paths.into_iter().filter_map(|path| document(path, folder)).collect()
}

fn document(path: &str, folder: &str) -> Option<Value> {
    let below = match folder {
        "" => path,
        folder => path.strip_prefix(folder)?.strip_prefix('/')?,
    };
    let (folder, name) = below.rsplit_once('/').unwrap_or(("", below));
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    Some(json!({"file": {"path": path, "folder": folder, "stem": stem}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_known_by_its_path_folder_and_stem() {
        for (path, folder, expected) in [
            ("content/news/foo.md", "content", Some(("news", "foo"))),
            ("content/foo.tar.md", "/content/", Some(("", "foo.tar"))),
            ("content/.keep", "content", Some(("", ".keep"))),
            ("foo.md", "", Some(("", "foo"))),
            ("contents/foo.md", "content", None),
            ("src/content/foo.md", "content", None),
        ] {
            let found = document(path, folder.trim_matches('/'));
            let expected = expected.map(
                |(folder, stem)| json!({"file": {"path": path, "folder": folder, "stem": stem}}),
            );
            assert_eq!(found, expected, "{path}");
        }
    }
}
