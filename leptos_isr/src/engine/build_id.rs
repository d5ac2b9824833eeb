//! The id of the build that a page belongs to.

use std::{env, fs, path::Path};

use leptos::config::LeptosOptions;
use xxhash_rust::xxh3::Xxh3Default;

use crate::{address::build, error::Error};

/// Derives an id that changes with the program or with the browser's files.
///
/// Pages name scripts and styles by hash, and are rendered by this program, so a page of one build
/// must not be served by another.
///
/// Returns the environment variable `ISR_BUILD_ID` if it is set and not empty, for a program that is
/// changed after the build, by `strip` for example. Otherwise a hash of the running program and, with
/// `hash-files = true`, of the file that lists the hashes.
///
/// # Errors
///
/// Returns [`Error::HashFile`] if there is no `hash.txt` beside the program although `hash-files = true`,
/// [`Error::BuildId`] if the program cannot be read, and [`Error::Build`] if `ISR_BUILD_ID` is no id.
pub fn build_id(options: &LeptosOptions) -> Result<String, Error> {
    let program = env::current_exe()
        .map_err(|source| Error::BuildId { path: "this program".into(), source })?;
    let mut hash = Xxh3Default::new();
    if options.hash_files {
        let path = program.parent().unwrap_or(Path::new(".")).join(&*options.hash_file);
        hash.update(&fs::read(&path).map_err(|source| Error::HashFile { path, source })?);
    }
    if let Some(id) = env::var_os("ISR_BUILD_ID").filter(|id| !id.is_empty()) {
        let id = id.to_string_lossy().into_owned();
        return build::check(&id).map(|()| id);
    }
    let read = fs::read(&program);
    hash.update(&read.map_err(|source| Error::BuildId { path: program, source })?);
    Ok(format!("{:016x}", hash.digest()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// In a process of its own, since this one's environment is that of other tests too.
    #[test]
    fn id_in_the_environment_is_the_id() {
        let id = || build_id(&LeptosOptions::builder().output_name("app").build());
        match env::var("ISR_BUILD_ID").as_deref() {
            Ok("a/b") => assert!(matches!(id(), Err(Error::Build { .. }))),
            Ok(given) => assert_eq!(id().unwrap(), given),
            Err(_) => {
                assert_eq!(id().unwrap().len(), 16);
                for given in ["b7", "a/b"] {
                    let mut again = Command::new(env::current_exe().unwrap());
                    let test = "engine::build_id::tests::id_in_the_environment_is_the_id";
                    let again = again.args(["--exact", test]).env("ISR_BUILD_ID", given);
                    assert!(again.status().unwrap().success(), "{given}");
                }
            }
        }
    }

    #[test]
    fn missing_hash_file_is_an_error_with_the_remedy() {
        let options = LeptosOptions::builder().output_name("app").hash_files(true);
        let options = options.hash_file("no-such-file.txt".into()).build();
        let error = build_id(&options).unwrap_err().to_string();
        let parts = ["no-such-file.txt", "cargo leptos build", "beside the program"];
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
