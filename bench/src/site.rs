//! This project's server, started as its users start it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, contender::Server, content, load};

/// The token of its purge endpoint.
const TOKEN: &str = "the token of the measurements";

/// The folders that a server uses, below one scratch folder.
pub(crate) struct Site<'a> {
    pub(crate) scratch: &'a Path,
    pub(crate) articles: usize,
}

impl Site<'_> {
    /// Writes the articles that the server fills its database from.
    pub(crate) fn write(&self) -> Result<()> {
        Ok(content::write(&self.scratch.join("content"), self.articles)?)
    }

    /// A command with the settings of the site; `name` sets apart what it stores.
    pub(crate) fn command(&self, program: &Path, name: &str, addr: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.scratch.join(name);
        command
            .env("LEPTOS_SITE_ADDR", addr)
            .env("LEPTOS_SITE_ROOT", site_root())
            .env("SITE_URL", "http://news.example")
            .env("ISR_DIR", folder.join("isr"))
            .env("CONTENT_DB", folder.join("news.db"))
            .env("CONTENT_DIR", self.scratch.join("content"))
            .env("ISR_TOKEN", TOKEN)
            .env("ISR_REVALIDATE", "/articles/:slug=1h")
            .env("RUST_LOG", "warn");
        command
    }

    pub(crate) async fn start(&self, addr: &str, content_addr: &str) -> Result<Server> {
        self.start_with(addr, content_addr, &[]).await
    }

    /// The same, with more settings.
    pub(crate) async fn start_with(
        &self,
        addr: &str,
        content_addr: &str,
        settings: &[(&str, &str)],
    ) -> Result<Server> {
        let mut command = self.command(&program("server")?, "ours", addr);
        command.env("CONTENT_ADDR", content_addr).envs(settings.iter().copied());
        Server::start("leptos_isr", command, addr, &path(), self.scratch).await
    }
}

/// Purges what a request to the purge endpoint names.
pub(crate) async fn purge(server: &Server, what: &serde_json::Value) -> Result<()> {
    let headers = [
        ("authorization".to_owned(), format!("Bearer {TOKEN}")),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    let answer =
        load::send(&server.addr, "POST", "/_isr/purge", &headers, &what.to_string()).await?;
    match answer.status {
        200..300 => Ok(()),
        status => Err(format!("the purge was answered {status}").into()),
    }
}

/// The article whose page is measured.
pub(crate) const ARTICLE: usize = 7;

/// The page that is measured.
pub(crate) fn path() -> String {
    format!("/articles/{}", content::slug(ARTICLE))
}

/// A program that was built beside this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("{} is not there: `make bench` builds it", program.display()).into())
}

/// Where `cargo leptos build` writes scripts and styles.
pub(crate) fn site_root() -> PathBuf {
    std::env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| "target/site".into(), PathBuf::from)
}
