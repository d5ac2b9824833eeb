//! The program `isr` against a running server, and a cache in front of one.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    program::LIMIT,
    redis::server::Redis,
    support::{Answer, Page, Site, built},
};

const TOKEN: &str = "the token for purges";

/// With an example: the features of what is built are then those of tests, in which it is there.
static ISR: LazyLock<String> =
    LazyLock::new(|| built("isr", &["--bin", "isr", "--example", "hello"]));

/// What the program said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// What it printed, which must be JSON.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn assert_out(&self, text: &str) -> &Self {
        assert!(self.out.contains(text), "no `{text}` in {}{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn assert_err(&self, text: &str) -> &Self {
        assert!(self.err.contains(text), "no `{text}` in {}", self.err);
        self
    }
}

/// `isr`, with the words of `line`.
async fn isr(url: &str, line: &str) -> Said {
    isr_with(url, line, TOKEN).await
}

async fn isr_with(url: &str, line: &str, token: &str) -> Said {
    let mut command = Command::new(&*ISR);
    command.args(line.split(' ')).env("ISR_URL", url).env("ISR_TOKEN", token);
    command.env("NO_PROXY", "*").env_remove("ISR_COOKIE");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    said(&output)
}

fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    Said { code, out: text(&output.stdout), err: text(&output.stderr) }
}

/// Something that gives the same answer to everything, such as a cache; returns where it is.
async fn front(headers: &[(&str, &str)], body: impl Into<String>) -> String {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let body = body.into();
    let router = Router::new().fallback(async || (headers, body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{addr}")
}

/// A cache that has kept this page for a while.
async fn cache_with(page: &Page) -> String {
    let kept = ["etag", "x-isr-build", "cache-control", "cache-status", "vary"];
    let mut headers: Vec<_> = kept.iter().map(|name| (*name, page.header(name))).collect();
    headers.push(("age", "40"));
    front(&headers, page.text()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn why_says_the_sentence_then_the_facts_and_json_where_nobody_reads() {
    let site = Site::with(&[]).await;
    site.get("/open/a").await;
    let text = isr(&site.url(), "why /open/a --text").await;
    text.assert_code(0)
        .assert_out("/open/a: fresh for another 2s: its period of 2s (set by the route)");
    text.assert_out("\n  route         /open/:slug\n")
        .assert_out("build one")
        .assert_out(", miss, ");
    let json = isr(&site.url(), "why /open/a").await.json();
    assert_eq!((&json["page"]["state"], &json["page"]["build"]), (&json!("fresh"), &json!("one")));

    isr(&site.url(), "why /nowhere --text").await.assert_code(1).assert_out("not a page");
    site.cms.set("open:b", Answer::Broken(500));
    site.get("/open/b").await.assert_status(502);
    let failing = isr(&site.url(), "why /open/b --text").await;
    failing.assert_code(1).assert_out("  failing       1 in a row: ").assert_out("500");
}

/// The cache in front still has the page that was there before it was regenerated.
#[tokio::test(flavor = "multi_thread")]
async fn why_tells_a_cache_in_front_with_an_older_page_or_another_build() {
    let mut site = Site::with(&[]).await;
    let cache = cache_with(&site.get("/open/a").await).await;
    let same = isr(&site.url(), &format!("why {cache}/open/a --text")).await;
    same.assert_code(0).assert_out("visitors get the page that the server has");

    site.regenerate("/open/a").await;
    let old = isr(&site.url(), &format!("why {cache}/open/a")).await;
    let json = old.assert_code(1).json();
    assert_eq!(json["public"]["age"], 40);
    let what = json["findings"][0]["what"].as_str().unwrap();
    assert!(what.starts_with("a cache in front answers with an older page"), "{what}");
    let direct = isr(&site.url(), &format!("why {}/open/a", site.url())).await;
    assert_eq!(direct.assert_code(0).json()["findings"], json!([]));

    site.deploy("two").await;
    site.get("/open/a").await;
    let other = isr(&site.url(), &format!("why {cache}/open/a --text")).await;
    other.assert_code(1).assert_out("with a page of the build `one`, and the server's is `two`");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_listed_by_what_is_asked_for_and_in_parts() {
    let site = Site::with(&[]).await;
    for path in ["/open/a", "/open/b", "/open/b", "/limited/c"] {
        site.get(path).await;
    }
    let all = isr(&site.url(), "ls --search /open/").await.assert_code(0).json();
    assert_eq!((&all["matching"], &all["next"]), (&json!(2), &Value::Null));
    let first = isr(&site.url(), "ls --route /open/:slug -n 1 --text").await;
    first.assert_code(0).assert_out("  /open/b\n… 1 of 2");
    let top = isr(&site.url(), "top --by demand -n 1").await.assert_code(0).json();
    assert_eq!(top["pages"][0]["page"], "/open/b");

    // More than the server lists at once.
    for n in 0..210 {
        site.get(&format!("/list?page={n}")).await;
    }
    let many = isr(&site.url(), "ls --all --search /list").await.assert_code(0).json();
    assert_eq!((many["pages"].as_array().unwrap().len(), &many["next"]), (210, &Value::Null));
    let most = isr(&site.url(), "ls -n 205 --search /list").await.json();
    assert_eq!(most["pages"].as_array().unwrap().len(), 205);
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_of_a_purge_says_what_it_would_reach_and_purges_nothing() {
    let site = Site::with(&[]).await;
    for path in ["/open/a", "/open/b", "/limited/c"] {
        site.get(path).await;
    }
    let dry = isr(&site.url(), "purge --prefix /open --path /limited/c --dry-run --text").await;
    dry.assert_code(0).assert_out("would reach 3 pages\n  /limited/c\n  /open/a\n  /open/b\n");
    assert_eq!(isr(&site.url(), "purge --prefix /open --dry-run").await.json()["pages"], 2);
    site.get("/open/a").await.assert_fresh(2);

    isr(&site.url(), "purge --prefix /open --text")
        .await
        .assert_code(0)
        .assert_out("purged softly");
    let state = |said: Said| said.json()["page"]["state"].clone();
    assert_eq!(state(isr(&site.url(), "why /open/a").await), "purged");
    isr(&site.url(), "purge --path /limited/c --hard").await.assert_code(0);
    let page = isr(&site.url(), "why /limited/c").await.json();
    assert_eq!(page["page"]["last_purge"]["hard"], true);
    isr(&site.url(), "purge --path /a?b").await.assert_code(2).assert_err("400");
}

#[tokio::test(flavor = "multi_thread")]
async fn regenerate_says_of_each_page_what_became_of_it() {
    let site = Site::with(&[]).await;
    let url = site.url();
    let both = isr(&url, &format!("regenerate /open/a {url}/open/b --text")).await;
    both.assert_code(0).assert_out("/open/a: 200, stored\n/open/b: 200, stored\n");
    site.cms.set("open:b", Answer::Broken(500));
    let failed = isr(&url, "regenerate /open/a /open/b").await;
    let pages = &failed.assert_code(1).json()["pages"];
    assert_eq!((&pages[0]["stored"], &pages[1]["stored"]), (&json!(true), &json!(false)));
    isr(&url, "regenerate /live").await.assert_code(2).assert_err("/live");
    isr(&url, "regenerate open/a").await.assert_code(2).assert_err("`open/a` is no page");
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_shows_what_is_new_each_time_apart_from_content_that_has_changed() {
    let site = Site::with(&[]).await;
    site.cms.set("open:steady", Answer::Text("always this"));
    for path in ["/open/steady", "/open/counts"] {
        site.get(path).await;
    }
    let stored = site.get("/open/counts").await;
    let same = isr(&site.url(), "diff /open/steady --text").await;
    same.assert_code(0).assert_out("/open/steady: a fresh render is the same as the stored page");

    let counts = isr(&site.url(), "diff /open/counts --text").await;
    counts.assert_code(1).assert_out("- open:counts #1\n+ open:counts #2\n");
    counts.assert_out("  <p id=\"text\">\n").assert_out("differs from the first too");
    let again = site.get("/open/counts").await;
    assert_eq!((again.said(), again.header("etag")), (stored.said(), stored.header("etag")));

    site.cms.set("open:steady", Answer::Text("now that"));
    let changed = isr(&site.url(), "diff /open/steady").await.assert_code(1).json();
    let text = |side: &str| changed["differences"][0][side].clone();
    assert_eq!((text("stored"), text("fresh")), (json!(["always this"]), json!(["now that"])));
    assert_eq!((&changed["steady"], &changed["may_store"]), (&json!(true), &json!(true)));

    isr(&site.url(), "diff /open/new --text").await.assert_code(1).assert_out("nothing is stored");
    site.cms.set("open:steady", Answer::Broken(500));
    isr(&site.url(), "diff /open/steady").await.assert_code(1).assert_err("the render failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_nothing_on_a_sound_site_and_says_what_to_do_on_another() {
    let site = Site::with(&[]).await;
    site.get("/open/a").await;
    let sound = isr(&site.url(), &format!("doctor {}/open/a --text", site.url())).await;
    sound
        .assert_code(0)
        .assert_out("nothing found. Looked at: clock, ready, token, pages, metrics");
    sound.assert_out("headers for CDNs");
    let dynamic = isr(&site.url(), &format!("doctor {}/live --text", site.url())).await;
    dynamic.assert_code(1).assert_out("no stored page (`isr; fwd=bypass; detail=dynamic`) – ");

    site.cms.set("open:b", Answer::Broken(500));
    site.get("/open/b").await.assert_status(502);
    let failing = isr(&site.url(), "doctor --text").await;
    failing.assert_code(1).assert_out("renders of 1 page fail, such as /open/b: ");
    failing.assert_out(" – visitors get an old page, or an error – mend what the pages read");

    let stored = ("cache-status", "isr; hit; ttl=9");
    let proxy = front(&[stored, ("set-cookie", "a=1"), ("vary", "cookie")], "a page").await;
    let found = isr(&site.url(), &format!("doctor {proxy}/open/a")).await.assert_code(1).json();
    let found: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    for what in [
        "renders of",
        "the answer names no build",
        "`CDN-Cache-Control`",
        "a stored answer sets a cookie",
        "`Vary`",
    ] {
        assert!(found.iter().any(|found| found.starts_with(what)), "no {what} in {found:?}");
    }
}

/// The Redis is told to evict something else while the server runs.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_an_eviction_policy_that_endangers_purges_and_what_to_do() {
    let limited = ["--maxmemory", "50mb", "--maxmemory-policy", "volatile-lru"];
    let Some(redis) = Redis::start(&limited) else { return };
    let site = Site::new().await;
    let server = site.on_redis(&redis.url(), Some("disk"), "server.log");
    let url = server.url();
    // The server asks the Redis once in ten seconds.
    let until = async |what: &str| {
        let began = Instant::now();
        loop {
            let said = isr(&url, "doctor --text").await;
            if said.out.contains(what) {
                return said;
            }
            assert!(began.elapsed() < LIMIT, "no `{what}` in {said:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let fine =
        "nothing found. Looked at: clock, ready, token, pages, metrics, store, eviction policy";
    until(fine).await.assert_code(0);

    redis.say("CONFIG SET maxmemory-policy allkeys-lru");
    let found = until("the Redis evicts purges too").await;
    found.assert_code(1).assert_out("(`maxmemory-policy allkeys-…`) – ");
    found.assert_out(" – set `maxmemory-policy volatile-lru`").assert_out("\n1 finding. ");
    let warning = "the Redis evicts purges too once its memory is full: set `maxmemory-policy";
    assert_eq!(server.log().matches(warning).count(), 1, "{}", server.log());

    // It is looked at anew when it is dialled, and refused.
    redis.say("CLIENT KILL TYPE normal");
    let cut_off = until("cut off from the ledger").await;
    cut_off.assert_code(1).assert_out("the Redis evicts purges too");
    cut_off.assert_out("see the server's log");
    let cause = "evicts any key when its memory is full (`maxmemory-policy allkeys-lru`)";
    assert!(server.log().contains(cause), "{}", server.log());

    redis.say("CONFIG SET maxmemory-policy noeviction");
    let found = until("the Redis refuses what is new").await;
    found.assert_code(1).assert_out("`maxmemory-policy noeviction`").assert_out("volatile-lru");

    redis.say("CONFIG SET maxmemory 0");
    redis.say("CLIENT KILL TYPE normal");
    until(fine).await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_that_the_store_keeps_no_new_pages_until_it_keeps_one() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let site = Site::new().await;
    let server = site.on_redis(&redis.url(), None, "server.log");
    server.get("/forever/a").await.assert_status(200);
    server.idle().await;
    let doctor = async || isr(&server.url(), "doctor --text").await;
    doctor().await.assert_code(0).assert_out("metrics, store");
    redis.kill();
    server.get("/forever/b").await.assert_status(200);
    server.idle().await;
    let found = doctor().await;
    found.assert_code(1).assert_out("the store keeps no new pages – ");
    found.assert_out(" – the server's log says why");
    redis.start_again();
    let began = Instant::now();
    for n in 0.. {
        server.get(&format!("/forever/new-{n}")).await.assert_status(200);
        server.idle().await;
        if doctor().await.code == 0 {
            break;
        }
        assert!(began.elapsed() < LIMIT, "{}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_token_is_refused_with_a_remedy_and_the_right_one_may_be_in_a_file() {
    let site = Site::with(&[]).await;
    let refused = isr_with(&site.url(), "ls", "another token of theirs").await;
    refused.assert_code(3).assert_err("/_isr/pages").assert_err("401").assert_err("set ISR_TOKEN");
    assert_eq!(refused.out, "");
    let doctor = isr_with(&site.url(), "doctor --text", "another token of theirs").await;
    doctor.assert_code(1).assert_out("the token is not accepted (401) – ");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let line = format!("ls --token-file {}", file.path().display());
    isr_with(&site.url(), &line, "another token of theirs").await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_says_does_nothing_to_the_terminal() {
    let site = Site::with(&[]).await;
    site.cms.set("open:a", Answer::Text("\u{1b}]0;title\u{7} {n}"));
    site.get("/open/a").await;
    let shown = isr(&site.url(), "diff /open/a --text").await;
    assert!(!shown.assert_code(1).out.contains(['\u{1b}', '\u{7}']), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_names_routes_and_pages_and_periods_are_set_and_taken_away() {
    let advice = json!({
        "routes": [{ "route": "/open/:slug", "sentence": "of a route" }],
        "pages": [{ "page": "/open/a", "sentence": "of a page" }],
    });
    let stub = front(&[], advice.to_string()).await;
    let named = "/open/:slug: of a route\n/open/a: of a page\n";
    isr(&stub, "advise --text").await.assert_code(0).assert_out(named);
    assert_eq!(isr(&stub, "advise").await.json(), advice);
    let page = front(&[("content-type", "text/html")], "<p>Welcome</p>").await;
    isr(&page, "advise").await.assert_code(3).assert_err("no JSON");

    let site = Site::with(&[]).await;
    let server = site.url();
    site.get("/open/a").await;
    isr(&server, "advise --text").await.assert_code(0).assert_out("/open/:slug: rendered 0 times");
    let set = isr(&server, "period /open/:slug 10m --text").await;
    set.assert_code(0).assert_out("/open/:slug: 10m from now on\n");
    isr(&server, "why /open/a --text").await.assert_code(0).assert_out("10m");
    let is_set = |said: &Said| {
        let answer = said.json();
        let mut routes = answer["routes"].as_array().unwrap().iter();
        let route = routes.find(|route| route["route"] == "/open/:slug").unwrap();
        route["set"].clone()
    };
    let other = isr(&server, "period /open/:slug 20m").await;
    assert_eq!(is_set(other.assert_code(0)), 1200.0);
    let reset = isr(&server, "period /open/:slug --reset").await;
    assert_eq!(is_set(reset.assert_code(0)), Value::Null);
    let unknown = isr(&server, "period /nowhere 10m").await;
    unknown.assert_code(2).assert_err("/nowhere");
}

/// `isr tail` of a site, and what it prints.
struct Tail {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Tail {
    fn start(site: &Site, format: &str) -> Self {
        let mut command = Command::new(&*ISR);
        command.args(["tail", format]).env("ISR_URL", site.url()).env("ISR_TOKEN", TOKEN);
        let mut child = command.env("NO_PROXY", "*").stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The next line; waits until there is one.
    async fn line(mut self) -> (Self, String) {
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            self.out.read_line(&mut line).unwrap();
            (self, line)
        });
        tokio::time::timeout(LIMIT, reading).await.expect("it prints nothing").unwrap()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_prints_renders_and_purges_as_they_happen_and_ends_when_interrupted() {
    let site = Site::with(&[]).await;
    for n in 0..12 {
        site.get(&format!("/list?page={n}")).await;
    }
    let (tail, first) = Tail::start(&site, "--text").line().await;
    assert!(first.contains("render  miss    new"), "{first}");
    assert!(first.ends_with("  /list?page=2\n"), "the last ten of those before: {first}");
    let mut last = (tail, first);
    for _ in 0..9 {
        last = last.0.line().await;
    }
    site.purge(&["/list"]).await;
    let (tail, purge) = last.0.line().await;
    assert!(purge.ends_with("  purge   soft, by api: path /list\n"), "{purge}");
    site.get("/list?page=1").await;
    let (mut tail, render) = tail.line().await;
    assert!(render.contains("render  purge   ") && render.ends_with("/list?page=1\n"), "{render}");
    let pid = tail.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = tail.child.wait().unwrap();
    assert_eq!(ended.signal(), Some(2), "as a shell expects: {ended}");
    let mut rest = String::new();
    tail.out.read_line(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_prints_lines_of_json_and_ends_when_nobody_reads_them() {
    let site = Site::with(&[]).await;
    site.get("/open/a").await;
    let (mut tail, line) = Tail::start(&site, "--json").line().await;
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["kind"], &event["page"]), (&json!("render"), &json!("/open/a")));
    let (end, _) = std::io::pipe().unwrap();
    tail.out = BufReader::new(ChildStdout::from(std::os::fd::OwnedFd::from(end)));
    site.purge(&["/open/a"]).await;
    let ended = tokio::task::spawn_blocking(move || tail.child.wait().unwrap());
    let ended = tokio::time::timeout(LIMIT, ended).await.expect("it goes on").unwrap();
    assert_eq!(ended.code(), Some(0));

    let refused = isr_with(&site.url(), "tail", "another token of theirs").await;
    refused.assert_code(3).assert_err("/_isr/events").assert_err("set ISR_TOKEN");
}
