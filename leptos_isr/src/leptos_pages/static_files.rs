//! Files that Leptos's own static mode has written for pages of stored routes.
//!
//! Where its routes stand in a router around the engine, such a file answers for good, and no code
//! runs that could say so. So the site's root is looked at when the router is made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tracing::error;

use crate::{
    address::path::CanonicalPath,
    route::{routes::RouteTable, static_mode::REMEDY},
};

/// How many files and folders are looked at, so that a large site starts as fast.
const MOST: usize = 10_000;

/// Says which page of a stored route has a file in `site_root`, if one has.
pub(super) fn report(site_root: &str, pkg_dir: &str, routes: &RouteTable) {
    let root = Path::new(site_root);
    let is_stored = |path: &str| {
        let path = CanonicalPath::parse(path).ok();
        let route = path.and_then(|path| routes.find(path.segments.iter()).cloned());
        route.is_some_and(|route| route.policy().is_some())
    };
    let files = html_files(root, &root.join(pkg_dir));
    let mut pages = files.iter().filter_map(|file| page_of(file.strip_prefix(root).ok()?));
    let page = pages.find(|page| is_stored(page));
    if let Some(page) = page {
        error!(
            page,
            site_root,
            "the site's root has a file for a page that the engine stores. Leptos's static mode writes \
             such files, and where `leptos_routes` is in a router around the engine they answer for \
             good: {REMEDY}"
        );
    }
}

/// The page that Leptos keeps in a file of the site's root.
fn page_of(file: &Path) -> Option<String> {
    let path = file.with_extension("");
    let path = if path.ends_with("index") { path.parent()? } else { &path };
    Some(format!("/{}", path.to_str()?))
}

fn html_files(root: &Path, pkg: &Path) -> Vec<PathBuf> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    let mut left = MOST;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(left) {
            left -= 1;
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && path != pkg => folders.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "html") => {
                    files.push(path);
                }
                _ => {}
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_that_of_the_page_that_leptos_keeps_in_it() {
        for (file, page) in [
            ("index.html", "/"),
            ("about.html", "/about"),
            ("posts/a.html", "/posts/a"),
            ("posts/index.html", "/posts"),
        ] {
            assert_eq!(page_of(Path::new(file)).as_deref(), Some(page), "{file}");
        }
    }
}
