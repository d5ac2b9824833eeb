//! The site over a small content folder, and the forms of its editor.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test uses its own part")]

pub(crate) mod sanity;

use std::{fs, net::SocketAddr, ops::Deref};

use axum::{Extension, extract::ConnectInfo, http::Method};
use clap::Parser;
use leptos_isr::testing::{Answer, TestClock, TestSite};
use server::{
    config::Cli,
    content::{self, Content},
    site::site,
};
use tempfile::TempDir;

pub(crate) const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

pub(crate) struct Server {
    pub(crate) site: TestSite,
    _content: Content,
    _folder: TempDir,
}

impl Deref for Server {
    type Target = TestSite;

    fn deref(&self) -> &TestSite {
        &self.site
    }
}

pub(crate) fn article(n: u32) -> String {
    format!(
        "---\ntitle: Article {n}\ndate: 2026-01-{n:02}\nsection: News\nauthor: A\n---\nText {n}.\n"
    )
}

/// A folder with an empty site root and no articles.
pub(crate) fn empty_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["site", "content"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    folder
}

/// A folder with an empty site root and fifteen articles.
pub(crate) fn folder() -> TempDir {
    let folder = empty_folder();
    for n in 1..=15 {
        fs::write(folder.path().join(format!("content/article-{n}.md")), article(n)).unwrap();
    }
    folder
}

pub(crate) async fn server_in(folder: TempDir, args: &[&str]) -> Server {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        ("--site-root", path("site")),
        ("--isr-dir", path("isr")),
        ("--content-db", path("news.db")),
        ("--content-dir", path("content")),
        ("--content-pictures", path("pictures")),
        ("--hash-files", "false".to_owned()),
        ("--editor-password", "secret".to_owned()),
        ("--content-token", "token".to_owned()),
    ];
    let mut line = vec!["server".to_owned()];
    for (flag, value) in settings {
        line.extend([flag.to_owned(), value]);
    }
    line.extend(args.iter().map(ToString::to_string));
    let config = Cli::parse_from(line).config;
    let content = content::open(&config, ANY_PORT.into()).await.unwrap();
    let clock = TestClock::new();
    let site = site(&config, &content, clock.clone()).await.unwrap();
    // As the socket says it.
    let connection = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711)));
    let site = TestSite::new(&site.isr, site.router.layer(Extension(connection)), clock);
    Server { site, _content: content, _folder: folder }
}

pub(crate) async fn server() -> Server {
    server_in(folder(), &[]).await
}

/// Signs in as a browser without JavaScript does; returns the cookie.
pub(crate) async fn sign_in(server: &Server) -> String {
    let desk = server.get("/editor").await;
    let answer = post(server, &action(&desk.body, "sign_in"), "", "password=secret").await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// The address that the form of a server function is sent to.
pub(crate) fn action(html: &str, function: &str) -> String {
    let form = html.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut found = form.filter(|action| action.contains(function));
    found.next().unwrap_or_else(|| panic!("no form for {function}: {html}")).to_owned()
}

pub(crate) async fn post(server: &Server, path: &str, cookie: &str, form: &str) -> Answer {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html"),
        ("cookie", cookie),
    ];
    server.send(Method::POST, path, &headers, form.to_owned()).await
}

pub(crate) async fn get_with(server: &Server, path: &str, cookie: &str) -> Answer {
    server.request(Method::GET, path, &[("cookie", cookie)]).await
}
