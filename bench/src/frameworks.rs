//! The same article as a browser gets it from other frameworks, each in its production build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Result,
    contender::{Server, free_addr},
    content, load,
    serve::{next_command, nginx, npm_version},
    site::{ARTICLE, Site, path, program},
};

const NEXT: &str = "bench/next";
const ASTRO: &str = "bench/astro";
const START: &str = "examples/start";

/// Starts them one after the other. Those that ask for the articles get them at `content_addr`.
pub(crate) async fn start(site: &Site<'_>, content_addr: &str) -> Result<Vec<Server>> {
    let servers = vec![
        example(site).await?,
        next(site, content_addr).await?,
        astro(site, content_addr).await?,
    ];
    for server in &servers {
        check(server).await?;
    }
    Ok(servers)
}

/// Which versions of them are installed.
pub(crate) fn versions() -> String {
    let version = |folder: &str, package| {
        npm_version(Path::new(folder), package).unwrap_or_else(|| "not found".to_owned())
    };
    let (next, react) = (version(NEXT, "next"), version(NEXT, "react"));
    let (astro, preact) = (version(ASTRO, "astro"), version(ASTRO, "preact"));
    format!("Next.js {next} with React {react}; Astro {astro} with Preact {preact}")
}

/// Whether the article is shown, and compressed for browsers.
async fn check(server: &Server) -> Result<()> {
    let accept = [("accept-encoding".to_owned(), "gzip, br".to_owned())];
    let plain = load::get(&server.addr, &path(), &[]).await?;
    let compressed = load::get(&server.addr, &path(), &accept).await?;
    let text = String::from_utf8_lossy(&plain.body);
    let wanted = format!("Article {ARTICLE}");
    if !text.contains(&wanted) || !text.contains("theme-switch") {
        return Err(format!("{}: the page does not show the article", server.name).into());
    }
    if compressed.header("content-encoding").is_none() {
        return Err(format!("{}: the page comes uncompressed", server.name).into());
    }
    Ok(())
}

/// The example, with its pages rendered before.
async fn example(site: &Site<'_>) -> Result<Server> {
    let addr = free_addr()?;
    // Beside this program's folder, in that of its own: see `scripts/bench.sh`.
    let program = program("../start/release/start")?;
    let root = Path::new(START).join("target/site").canonicalize()?;
    let folder = site.scratch.join("start");
    fs::create_dir_all(folder.join("content"))?;
    content::write_json(&folder.join("content/articles.json"), site.articles, ARTICLE)?;
    let command = || {
        let mut command = Command::new(&program);
        command
            .current_dir(&folder)
            .env("LEPTOS_OUTPUT_NAME", "start")
            .env("LEPTOS_SITE_ADDR", &addr)
            .env("LEPTOS_SITE_ROOT", &root)
            .env("RUST_LOG", "warn");
        command
    };
    finish(command().arg("prerender"))?;
    Server::start("start", command(), &addr, &path(), site.scratch).await
}

/// Next.js with its App Router, which compresses.
async fn next(site: &Site<'_>, content_addr: &str) -> Result<Server> {
    let command = next_command(Path::new(NEXT))?;
    finish(
        command(&["build", "phone"], content_addr).env("BENCH_PAGES", site.articles.to_string()),
    )?;
    let addr = free_addr()?;
    let port = addr.rsplit(':').next().ok_or("no port")?;
    let start = command(&["start", "phone", "-H", "127.0.0.1", "-p", port], content_addr);
    Server::start("Next.js", start, &addr, &path(), site.scratch).await
}

/// Astro's static site, sent by nginx in forms that were compressed before. A page that may not be
/// kept at all would be prefetched in vain: Chromium asks for it again.
async fn astro(site: &Site<'_>, content_addr: &str) -> Result<Server> {
    let out = site.scratch.join("astro");
    let bin = PathBuf::from(ASTRO).join("node_modules/.bin");
    if !bin.join("astro").exists() {
        return Err(format!("{} has no Astro: `make bench` installs it", bin.display()).into());
    }
    let mut build = Command::new("npm");
    build
        .args(["run", "build", "--", "--outDir"])
        .arg(&out)
        .current_dir(ASTRO)
        .env("ASTRO_TELEMETRY_DISABLED", "1")
        .env("CONTENT_API", format!("http://{content_addr}"))
        .env("BENCH_PAGES", site.articles.to_string());
    finish(&mut build)?;
    server::compress::compress_files(&out)?;
    let server = format!(
        "root {};\nbrotli_static on;\ngzip_static on;\ngzip_http_version 1.0;\n\
         location /_astro/ {{ add_header cache-control \"public, max-age=31536000, immutable\"; }}\n\
         location / {{ add_header cache-control \"public, max-age=60\"; try_files $uri.html =404; }}",
        out.display()
    );
    nginx("Astro", &free_addr()?, "", &server, site.scratch).await
}

/// Runs a command to its end.
fn finish(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {said}").into())
}
