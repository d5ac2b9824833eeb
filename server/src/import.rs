//! `server import`: a folder of Markdown into the database.

use std::{
    io::{Write, stdout},
    path::Path,
};

use crate::{config::Config, content::open_store, error::Error};

/// Imports `folder` and prints what became of each file that was not taken.
pub(crate) async fn import(
    config: &Config,
    folder: &Path,
    dates_from_git: bool,
) -> Result<(), Error> {
    let store = open_store(&config.content_db).await?;
    let mut import = newsroom::Import::new(folder).pictures(&config.content_pictures);
    if dates_from_git {
        import = import.dates_from_git();
    }
    let report = import
        .run(&store)
        .await
        .map_err(|source| Error::Import { path: folder.to_owned(), source })?;
    let mut out = stdout().lock();
    writeln!(out, "{report}").map_err(Error::Print)?;
    if report.created + report.updated > 0 {
        writeln!(
            out,
            "A server that is running shows this when its pages' periods are over; at once after\n  \
             curl -X POST -H \"Authorization: Bearer $ISR_TOKEN\" -d '{{\"tags\":[\"articles\",\"aliases\"]}}' \
             {}/_isr/purge",
            config.site_url()
        )
        .map_err(Error::Print)?;
    }
    Ok(())
}
