//! Pictures beside a post: copied to where the site serves them, with the post's links to them.

use crate::{markdown::links::links, slug::slugify};
use percent_encoding::percent_decode_str;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_128;

/// Where the site serves the pictures that were imported.
pub const PICTURES_PATH: &str = "/pictures";

const KINDS: [&str; 7] = ["avif", "gif", "jpeg", "jpg", "png", "svg", "webp"];
const MAX_BYTES: u64 = 10 << 20;

/// Copies the pictures below `root` that `body` shows or links to into `to`, and gives the body with
/// links to the copies.
///
/// `post` is the file of the body, from `root` on. A copy is named by its content, so a picture that
/// changes changes its article. A picture that is missing, too large or outside `root` is named in
/// the log, and its link stays.
pub(super) fn take(root: &Path, post: &Path, body: &str, to: &Path) -> io::Result<String> {
    let mut taken = body.to_owned();
    for (place, link) in links(body).into_iter().rev() {
        let Some(path) = beside(&link) else { continue };
        match read(root, &root.join(post).with_file_name(path)) {
            Ok(picture) => taken.replace_range(place, &keep(&picture, to)?),
            Err(error) => {
                tracing::warn!(
                    "the picture `{link}` of `{}` is not taken: {error}",
                    post.display()
                );
            }
        }
    }
    Ok(taken)
}

/// The path of a link that leads to a picture from the post's own folder on.
fn beside(link: &str) -> Option<PathBuf> {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let is_elsewhere = path.starts_with('/') || path.contains(':');
    let path = PathBuf::from(percent_decode_str(path).decode_utf8().ok()?.into_owned());
    (!is_elsewhere && kind(&path).is_some()).then_some(path)
}

fn kind(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?;
    KINDS.into_iter().find(|kind| extension.eq_ignore_ascii_case(kind))
}

struct Picture {
    name: String,
    content: Vec<u8>,
}

fn read(root: &Path, path: &Path) -> io::Result<Picture> {
    let path = path.canonicalize()?;
    if !path.starts_with(root.canonicalize()?) {
        return Err(io::Error::other("it lies outside of the imported folder"));
    }
    let size = fs::metadata(&path)?.len();
    if size > MAX_BYTES {
        return Err(io::Error::other(format!(
            "it has {size} bytes: the limit is {MAX_BYTES} (10 MiB)"
        )));
    }
    let Some(kind) = kind(&path) else {
        return Err(io::Error::other("it leads to a file that is no picture"));
    };
    let content = fs::read(&path)?;
    let stem = slugify(&path.file_stem().unwrap_or_default().to_string_lossy());
    let stem = if stem.is_empty() { "picture" } else { &stem };
    Ok(Picture { name: format!("{stem}-{:032x}.{kind}", xxh3_128(&content)), content })
}

/// Writes a picture unless it is there, and gives its address.
fn keep(picture: &Picture, to: &Path) -> io::Result<String> {
    let Picture { name, content } = picture;
    let path = to.join(name);
    if !path.exists() {
        fs::create_dir_all(to)?;
        // Whoever is served meanwhile gets a whole picture or none.
        let unfinished = to.join(format!(".{name}"));
        fs::write(&unfinished, content)?;
        fs::rename(unfinished, path)?;
    }
    Ok(format!("{PICTURES_PATH}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_links_to_pictures_are_beside_a_post() {
        let cases = [
            ("a.png", Some("a.png")),
            ("./deep/a%20b.JPEG?raw=true", Some("./deep/a b.JPEG")),
            ("../a.svg#part", Some("../a.svg")),
            ("/a.png", None),
            ("//other.example/a.png", None),
            ("https://other.example/a.png", None),
            ("data:image/png;base64,AA", None),
            ("a.md", None),
            ("png", None),
            ("", None),
        ];
        for (link, path) in cases {
            assert_eq!(beside(link), path.map(PathBuf::from), "{link}");
        }
    }
}
