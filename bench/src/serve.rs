//! One stored article page, asked for again and again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::Args;

use crate::{
    Result,
    contender::{Server, free_addr},
    load::{self, Load, Rounds},
    machine, plot,
    site::{Site, path, program},
};

/// How the page is measured.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    load: Rounds,
    /// Articles on the site
    #[arg(long, default_value_t = 300)]
    articles: usize,
    /// Leave out Next.js
    #[arg(long)]
    without_next: bool,
    /// The folder of the Next.js app
    #[arg(long, default_value = "bench/next")]
    next: PathBuf,
    /// Leave out Dioxus
    #[arg(long)]
    without_dioxus: bool,
    /// The folder of the Dioxus app
    #[arg(long, default_value = "bench/dioxus")]
    dioxus: PathBuf,
    /// Write a plot here
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// One server asked in one way.
struct Case<'a> {
    server: &'a Server,
    work: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    status: u16,
    encoding: Option<&'static str>,
}

/// What the rounds of one case measured.
#[derive(Default)]
struct Measured {
    loads: Vec<Load>,
    /// Processor time of the server for each request, in microseconds.
    processor: Vec<f64>,
    len: usize,
}

impl Measured {
    fn per_second(&self) -> f64 {
        machine::median(self.loads.iter().map(Load::per_second))
    }

    /// Half of what lies between the least and the greatest round, as a share.
    fn spread(&self) -> f64 {
        let rates = || self.loads.iter().map(Load::per_second);
        let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max));
        (most - least) / 2.0 / self.per_second()
    }

    fn p99(&self) -> f64 {
        machine::median(self.loads.iter().map(|load| load.p99 as f64))
    }
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let servers = Servers::start(options, scratch.path()).await?;
    let cases = servers.cases().await?;
    let mut measured: BTreeMap<usize, Measured> = BTreeMap::new();
    for (i, case) in cases.iter().enumerate() {
        let len = check(case).await?;
        measured.entry(i).or_default().len = len;
        // Once for the caches of the machine and the compilers at run time.
        load::wrk(&url(case), &case.headers, 1, options.load.connections, scratch.path())?;
    }
    for round in 0..options.load.rounds {
        eprintln!("round {} of {}", round + 1, options.load.rounds);
        for (i, case) in cases.iter().enumerate() {
            let before = machine::processor_time(case.server.pid());
            let load = load::wrk(
                &url(case),
                &case.headers,
                options.load.seconds,
                options.load.connections,
                scratch.path(),
            )?;
            let used = machine::processor_time(case.server.pid()).saturating_sub(before);
            let (name, case) = (label(case), measured.entry(i).or_default());
            if load.bytes / load.requests < case.len as u64 {
                return Err(format!("{name}: an answer was shorter than the page").into());
            }
            case.processor.push(used.as_secs_f64() * 1e6 / load.requests as f64);
            case.loads.push(load);
        }
    }
    print(options, &cases, &measured);
    if let Some(file) = &options.plot {
        let bars = cases.iter().zip(measured.values());
        let bars = bars.map(|(case, measured)| (label(case), measured.per_second()));
        fs::write(file, plot::bars("Requests per second, one stored article page", bars))?;
    }
    Ok(())
}

fn label(case: &Case<'_>) -> String {
    format!("{}, {}", case.server.name, case.work)
}

fn url(case: &Case<'_>) -> String {
    format!("http://{}{}", case.server.addr, case.path)
}

/// Whether the server answers as the case says; the length of the body.
async fn check(case: &Case<'_>) -> Result<usize> {
    let answer = load::get(&case.server.addr, &case.path, &case.headers).await?;
    let encoding = answer.header("content-encoding");
    if answer.status != case.status || encoding != case.encoding {
        let found = (answer.status, encoding);
        return Err(format!("{}: answered {found:?}", label(case)).into());
    }
    let text = String::from_utf8_lossy(&answer.body);
    if case.status == 200 && case.encoding.is_none() && !text.contains("Article 7") {
        return Err(format!("{}: the page does not show the article", label(case)).into());
    }
    Ok(answer.body.len())
}

fn print(options: &Options, cases: &[Case<'_>], measured: &BTreeMap<usize, Measured>) {
    let line = |text: String| println!("{text}");
    line(format!("Machine: {}.", machine::describe()));
    line(format!(
        "Versions: {}; {}; {}; Node.js {}; Next.js {}; Dioxus {}.",
        machine::version("rustc", "-V"),
        machine::version("nginx", "-v"),
        machine::version("wrk", "-v"),
        machine::version("node", "-v"),
        npm_version(&options.next, "next").unwrap_or_else(|| "left out".to_owned()),
        dioxus_version(options).unwrap_or_else(|| "left out".to_owned()),
    ));
    line(format!(
        "{} rounds of {} s each, {} connections; medians, and half the range of the rounds.\n",
        options.load.rounds, options.load.seconds, options.load.connections
    ));
    line("| work | server | body, bytes | requests/s | ± | p99, ms | processor time of the server per request, µs | our requests/s beside it |".to_owned());
    line("|---|---|--:|--:|--:|--:|--:|--:|".to_owned());
    let ours = |work: &str| {
        let mut found = cases.iter().zip(measured.values());
        found.find(|(case, _)| case.work == work && case.server.name == "leptos_isr")
    };
    for (case, own) in cases.iter().zip(measured.values()) {
        let ratio =
            ours(case.work).map_or(f64::NAN, |(_, ours)| ours.per_second() / own.per_second());
        line(format!(
            "| {} | {} | {} | {:.0} | {:.0} % | {:.2} | {:.1} | {:.2} |",
            case.work,
            case.server.name,
            own.len,
            own.per_second(),
            own.spread() * 100.0,
            own.p99() / 1000.0,
            machine::median(own.processor.iter().copied()),
            ratio
        ));
    }
}

/// The version of a package that npm has installed for the app in `folder`.
pub(crate) fn npm_version(folder: &Path, package: &str) -> Option<String> {
    let file = folder.join("node_modules").join(package).join("package.json");
    let package = fs::read(file).ok()?;
    let package: serde_json::Value = serde_json::from_slice(&package).ok()?;
    Some(package["version"].as_str()?.to_owned())
}

fn dioxus_version(options: &Options) -> Option<String> {
    if options.without_dioxus {
        return None;
    }
    let lock = fs::read_to_string(options.dioxus.join("Cargo.lock")).ok()?;
    let (_, version) = lock.split_once("name = \"dioxus\"\nversion = \"")?;
    Some(version.split('"').next()?.to_owned())
}

/// All that are compared.
struct Servers {
    ours: Server,
    axum: Server,
    leptos: Server,
    nginx: Server,
    proxy: Server,
    next: Option<(Server, Server)>,
    dioxus: Option<Server>,
}

impl Servers {
    async fn start(options: &Options, scratch: &Path) -> Result<Self> {
        let site = Site { scratch, articles: options.articles };
        site.write()?;
        let (addr, content_addr) = (free_addr()?, free_addr()?);
        let ours = site.start(&addr, &content_addr).await?;
        record(&ours, scratch).await?;

        let addr = free_addr()?;
        let mut command = Command::new(program("bare_axum")?);
        command.arg(&addr).arg(scratch.join("recorded"));
        let axum = Server::start("bare axum", command, &addr, &path(), scratch).await?;

        let addr = free_addr()?;
        let mut command = site.command(&program("leptos_static")?, "leptos", &addr);
        command.env("CONTENT_ADDR", free_addr()?);
        // It writes its pages below the site root: a folder of its own, with the same files.
        let root = scratch.join("leptos-root");
        fs::create_dir_all(&root)?;
        command.env("LEPTOS_SITE_ROOT", root);
        let leptos = Server::start("Leptos static route", command, &addr, &path(), scratch).await?;

        let nginx = nginx_static(&ours, scratch).await?;
        let proxy = nginx_proxy(&ours, scratch).await?;
        let next = match options.without_next {
            true => None,
            false => Some(next(&options.next, &content_addr, scratch).await?),
        };
        let dioxus = match options.without_dioxus {
            true => None,
            false => Some(dioxus(&options.dioxus, &content_addr, scratch).await?),
        };
        Ok(Self { ours, axum, leptos, nginx, proxy, next, dioxus })
    }

    async fn cases(&self) -> Result<Vec<Case<'_>>> {
        let accept = |coding: &str| vec![("Accept-Encoding".to_owned(), coding.to_owned())];
        let mut cases = Vec::new();
        let mut add = |server, work, path: &str, headers, status, encoding| {
            cases.push(Case { server, work, path: path.to_owned(), headers, status, encoding });
        };
        let page = path();
        let mut servers = vec![&self.ours, &self.axum, &self.nginx, &self.proxy, &self.leptos];
        servers.extend(&self.dioxus);
        servers.extend(self.next.iter().map(|(pages, _)| pages));
        for server in servers {
            add(server, "page", &page, accept("identity"), 200, None);
        }
        if let Some((_, app)) = &self.next {
            add(
                app,
                "page",
                &page.replace("/articles/", "/app-articles/"),
                accept("identity"),
                200,
                None,
            );
        }
        for (work, coding) in [("page, br", "br"), ("page, gzip", "gzip")] {
            for server in [&self.ours, &self.nginx] {
                add(server, work, &page, accept(coding), 200, Some(coding));
            }
        }
        for server in [&self.ours, &self.nginx] {
            let answer = load::get(&server.addr, &page, &accept("identity")).await?;
            let etag = answer.header("etag").ok_or("no ETag")?.to_owned();
            let headers = [accept("identity"), vec![("If-None-Match".to_owned(), etag)]].concat();
            add(server, "304", &page, headers, 304, None);
        }
        Ok(cases)
    }
}

/// Keeps what our server answers, for those that answer the same from memory or files.
async fn record(ours: &Server, scratch: &Path) -> Result<()> {
    let folder = scratch.join("recorded");
    fs::create_dir_all(&folder)?;
    let page = path();
    for (coding, file) in [("identity", "body"), ("br", "body.br"), ("gzip", "body.gz")] {
        let accept = [("accept-encoding".to_owned(), coding.to_owned())];
        // The second answer is the stored one.
        load::get(&ours.addr, &page, &accept).await?;
        let answer = load::get(&ours.addr, &page, &accept).await?;
        fs::write(folder.join(file), &answer.body)?;
        if coding == "identity" {
            let own = ["date", "content-length", "connection", "transfer-encoding"];
            let headers: Vec<_> =
                answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
            let head =
                serde_json::json!({ "path": page, "status": answer.status, "headers": headers });
            fs::write(folder.join("head.json"), head.to_string())?;
        }
    }
    Ok(())
}

/// Files as `cargo leptos build` or a static site generator would leave them, compressed before.
async fn nginx_static(ours: &Server, scratch: &Path) -> Result<Server> {
    let addr = free_addr()?;
    let root = scratch.join("files");
    let file = root.join(format!("{}.html", &path()[1..]));
    fs::create_dir_all(file.parent().ok_or("no folder")?)?;
    for (recorded, end) in [("body", ""), ("body.br", ".br"), ("body.gz", ".gz")] {
        let to = format!("{}{end}", file.display());
        fs::copy(scratch.join("recorded").join(recorded), to)?;
    }
    // What browsers are told is the same as ours, where it can be a constant.
    let answer = load::get(&ours.addr, &path(), &[]).await?;
    let constant = ["content-security-policy", "referrer-policy", "x-content-type-options"];
    let headers = answer.headers.iter().filter(|(name, _)| constant.contains(&name.as_str()));
    let headers: String =
        headers.map(|(name, value)| format!("add_header {name} \"{value}\";\n")).collect();
    let server = format!(
        "root {};\nopen_file_cache max=1000;\nbrotli_static on;\ngzip_static on;\ngzip_http_version 1.0;\n\
         add_header cache-control \"public, max-age=0, must-revalidate\";\n{headers}\
         location / {{ try_files $uri.html =404; }}",
        root.display()
    );
    nginx("nginx static files", &addr, "", &server, scratch).await
}

/// A cache in front of our server.
async fn nginx_proxy(ours: &Server, scratch: &Path) -> Result<Server> {
    let addr = free_addr()?;
    let http = format!("proxy_cache_path {} keys_zone=pages:10m;", scratch.join("cache").display());
    let server = format!(
        "location / {{\nproxy_pass http://{};\nproxy_cache pages;\nproxy_cache_valid 200 1h;\n\
         proxy_ignore_headers Cache-Control Expires Vary;\n}}",
        ours.addr
    );
    nginx("nginx proxy_cache", &addr, &http, &server, scratch).await
}

/// Starts nginx with one server, whose configuration is `server`.
pub(crate) async fn nginx(
    name: &'static str,
    addr: &str,
    http: &str,
    server: &str,
    scratch: &Path,
) -> Result<Server> {
    let folder = scratch.join(name.replace(' ', "-"));
    fs::create_dir_all(&folder)?;
    let file = folder.join("nginx.conf");
    let at = folder.display();
    // As the distribution's package sets it up, without logs of hits. The user counts only where root
    // starts it: only root may then read the scratch folder.
    let text = format!(
        "include /etc/nginx/modules-enabled/*.conf;\nuser root;\ndaemon off;\nworker_processes auto;\n\
         pid {at}/pid;\nerror_log {at}/error.log;\nevents {{ worker_connections 1024; }}\n\
         http {{\ninclude /etc/nginx/mime.types;\naccess_log off;\nsendfile on;\ntcp_nopush on;\n\
         keepalive_requests 100000000;\nclient_body_temp_path {at}/body;\n\
         proxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/fastcgi;\nuwsgi_temp_path {at}/uwsgi;\n\
         scgi_temp_path {at}/scgi;\n{http}\nserver {{ listen {addr};\n{server}\n}}\n}}\n"
    );
    fs::write(&file, text)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
    Server::start(name, command, addr, &path(), scratch).await
}

/// A way to call Next.js with arguments, and the address of the articles.
pub(crate) fn next_command(folder: &Path) -> Result<impl Fn(&[&str], &str) -> Command> {
    let bin = folder.join("node_modules/.bin/next");
    if !bin.exists() {
        return Err(format!("{} is not there: `make bench` installs it", bin.display()).into());
    }
    let bin = bin.canonicalize()?;
    Ok(move |arguments: &[&str], content_addr: &str| {
        let mut command = Command::new("node");
        command.arg(&bin).args(arguments).current_dir(folder);
        command.env("CONTENT_API", format!("http://{content_addr}"));
        command.env("NEXT_TELEMETRY_DISABLED", "1");
        command
    })
}

/// The same pages by Next.js: in its Pages Router, and in its App Router.
async fn next(folder: &Path, content_addr: &str, scratch: &Path) -> Result<(Server, Server)> {
    let command = next_command(folder)?;
    let built = command(&["build"], content_addr).output()?;
    if !built.status.success() {
        return Err(format!("next build: {}", String::from_utf8_lossy(&built.stderr)).into());
    }
    let mut servers = Vec::new();
    for (name, path) in [
        ("Next.js, Pages Router", path()),
        ("Next.js, App Router", path().replace("/articles/", "/app-articles/")),
    ] {
        let addr = free_addr()?;
        let port = addr.rsplit(':').next().ok_or("no port")?;
        let start = command(&["start", "-H", "127.0.0.1", "-p", port], content_addr);
        servers.push(Server::start(name, start, &addr, &path, scratch).await?);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let app = servers.pop().ok_or("not started")?;
    let pages = servers.pop().ok_or("not started")?;
    Ok((pages, app))
}

/// The same page by Dioxus; its incremental renderer writes below the working directory.
async fn dioxus(folder: &Path, content_addr: &str, scratch: &Path) -> Result<Server> {
    let addr = free_addr()?;
    let (ip, port) = addr.rsplit_once(':').ok_or("no port")?;
    let own = scratch.join("dioxus");
    fs::create_dir_all(&own)?;
    let mut command = Command::new(program("../dioxus/release/bench-dioxus")?);
    command
        .current_dir(own)
        .env("IP", ip)
        .env("PORT", port)
        .env("CONTENT_API", format!("http://{content_addr}"))
        .env("DIOXUS_PUBLIC_PATH", folder.join("public").canonicalize()?);
    Server::start("Dioxus incremental", command, &addr, &path(), scratch).await
}
