//! In the browser no paths are listed: nothing is rendered at build there.

use std::convert::Infallible;

pub(crate) async fn newest_slugs() -> Result<Vec<String>, Infallible> {
    Ok(Vec::new())
}

pub(crate) async fn section_slugs() -> Result<Vec<String>, Infallible> {
    Ok(Vec::new())
}
