//! How long a secret must be.

/// The shortest one, in bytes.
const SHORTEST: usize = 16;

/// Checks a secret's length.
///
/// # Errors
///
/// Says what to do, and never the secret.
pub(crate) fn check(name: &str, secret: &str) -> Result<(), String> {
    match secret.len() {
        SHORTEST.. => Ok(()),
        short => Err(format!(
            "{name} is {short} bytes long; make it at least {SHORTEST}, \
             as `openssl rand -hex 32` does"
        )),
    }
}
