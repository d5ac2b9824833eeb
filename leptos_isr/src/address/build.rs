//! The id of a build of the app, which keeps its pages apart from those of others.

use crate::error::Error;

/// Checks an id, which becomes the name of a folder and the value of a header.
///
/// # Errors
///
/// Returns [`Error::Build`] if it cannot be one.
pub(crate) fn check(id: &str) -> Result<(), Error> {
    let is_id = id.len() <= 64
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_id { Ok(()) } else { Err(Error::Build { given: id.to_owned() }) }
}
