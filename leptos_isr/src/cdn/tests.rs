use std::{collections::VecDeque, sync::Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use super::*;
use crate::clock::SystemClock;

/// What the stand-in for a CDN does with a request.
#[derive(Clone)]
enum Does {
    Answers(&'static str),
    Hangs,
    /// Writes this in place of an answer.
    Writes(&'static str),
}

const OK: Does = Does::Answers("200 OK\r\ncontent-length: 16\r\n\r\n{\"success\":true}");

struct StandIn {
    url: String,
    script: Mutex<VecDeque<Does>>,
    /// Each request, as it came.
    asked: Mutex<Vec<String>>,
}

impl StandIn {
    async fn start(script: &[Does]) -> Arc<Self> {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    fn listen(listener: TcpListener, script: &[Does]) -> Arc<Self> {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Mutex::new(script.iter().cloned().collect());
        let stand_in = Arc::new(Self { url, script, asked: Mutex::default() });
        let serving = Arc::clone(&stand_in);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = Arc::clone(&serving);
                tokio::spawn(async move { serving.answer(stream).await });
            }
        });
        stand_in
    }

    async fn answer(&self, mut stream: TcpStream) {
        let request = read(&mut stream).await;
        self.asked.lock().unwrap().push(request);
        let does = self.script.lock().unwrap().pop_front().unwrap_or(OK);
        let text = match does {
            Does::Answers(text) => {
                format!("HTTP/1.1 {}", text.replacen("\r\n", "\r\nconnection: close\r\n", 1))
            }
            Does::Writes(text) => text.to_owned(),
            Does::Hangs => std::future::pending().await,
        };
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let len = stream.read(&mut bytes).await.unwrap();
        request.extend_from_slice(&bytes[..len]);
        let text = String::from_utf8(request.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= len.map_or(0, |len| len.parse().unwrap()) {
                return text;
            }
        }
        assert!(len > 0, "the request broke off: {text}");
    }
}

/// The queues under test. `waits` holds each wait until the test lets it pass.
struct Sender {
    cdns: Arc<Cdns>,
    waits: Arc<Mutex<Vec<Duration>>>,
    pass: Arc<Semaphore>,
    _telling: JoinSet<()>,
}

impl Sender {
    fn new(cdns: Vec<Cdn>) -> Self {
        let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let pass = Arc::new(Semaphore::new(0));
        let clock = Arc::new(SystemClock);
        let cdns = Arc::new(Cdns::with(cdns, false, clock, Duration::from_secs(1)).unwrap());
        let mut telling = JoinSet::new();
        for queue in &cdns.queues {
            let (cdns, queue) = (Arc::clone(&cdns), Arc::clone(queue));
            let (waits, pass) = (Arc::clone(&waits), Arc::clone(&pass));
            telling.spawn(async move {
                loop {
                    let Some(batch) = queue.next() else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    match cdns.tell(&queue, &batch).await {
                        Answered::Failed { retry_in } => {
                            waits.lock().unwrap().push(retry_in);
                            pass.acquire().await.unwrap().forget();
                        }
                        Answered::Done | Answered::Refused => queue.told(&batch),
                    }
                }
            });
        }
        Self { cdns, waits, pass, _telling: telling }
    }

    /// Never waits between its tries.
    fn impatient(cdns: Vec<Cdn>) -> Self {
        let sender = Self::new(cdns);
        sender.pass.add_permits(1000);
        sender
    }

    fn purge_tag(&self, tag: &str) {
        let purge = NewPurge::of(tags(&[tag]).scopes().unwrap(), PurgeKind::Soft);
        self.cdns.hear(&Heard { purges: vec![(None, purge)], ..Heard::default() });
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_so(self) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), wait).await.expect("it never happened");
    }

    /// Waits until the CDNs have been told of everything.
    async fn told(&self) {
        self.until(|sender| sender.cdns.queues.iter().all(|queue| queue.is_empty())).await;
    }

    /// Waits until `count` tries have failed.
    async fn failed(&self, count: usize) {
        self.until(|sender| sender.waits.lock().unwrap().len() >= count).await;
    }
}

fn tags(tags: &[&str]) -> Purge {
    Purge { tags: tags.iter().map(ToString::to_string).collect(), ..Purge::default() }
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn failing_cdn_is_asked_again_later_and_later() {
    let cdn = StandIn::start(&[
        Does::Answers("500 Internal Server Error\r\n\r\n"),
        Does::Answers("503 Service Unavailable\r\n\r\n"),
    ]);
    let cdn = cdn.await;
    let sender = Sender::impatient(vec![Cdn::url(&cdn.url, "token")]);
    sender.purge_tag("a");
    sender.told().await;
    let asked = cdn.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| *request == asked[0]));
    assert!(
        asked[0].starts_with("POST / HTTP/1.1\r\nauthorization: Bearer token\r\n"),
        "{}",
        asked[0]
    );
    assert_eq!(body(&asked[0]), r#"{"paths":[],"prefixes":[],"tags":["a"],"hard":false}"#);
    let waits = sender.waits.lock().unwrap().clone();
    let seconds: Vec<_> = waits.iter().map(Duration::as_secs_f64).collect();
    assert!(seconds.len() == 2 && seconds[0] <= 1.0 && seconds[1] >= 1.0, "{seconds:?}");
}

#[tokio::test]
async fn retry_after_is_kept_to_up_to_an_hour() {
    let cdn = StandIn::start(&[
        Does::Answers("429 Too Many Requests\r\nretry-after: 70\r\n\r\n"),
        Does::Answers("503 Service Unavailable\r\nretry-after: 86400\r\n\r\n"),
    ]);
    let cdn = cdn.await;
    let sender = Sender::impatient(vec![Cdn::url(&cdn.url, "token")]);
    sender.purge_tag("a");
    sender.told().await;
    assert_eq!(*sender.waits.lock().unwrap(), [Duration::from_secs(70), Duration::from_secs(3600)]);
}

#[tokio::test]
async fn answer_that_is_none_is_as_a_failure() {
    for nonsense in [
        Does::Hangs,
        Does::Writes("what?\r\n\r\n"),
        Does::Writes(""),
        Does::Answers("200 OK\r\ncontent-length: 100\r\n\r\n{\"success\":"),
        Does::Answers("200 OK\r\ncontent-length: 17\r\n\r\n{\"success\":false}"),
        Does::Answers("200 OK\r\ncontent-length: 6\r\n\r\n<html>"),
    ] {
        let cdn = StandIn::start(&[nonsense]).await;
        let cloudflare = Cdn::cloudflare("zone", "token", "https://news.example").api(&cdn.url);
        let sender = Sender::impatient(vec![cloudflare]);
        sender.purge_tag("a");
        sender.told().await;
        assert_eq!((cdn.asked().len(), sender.waits.lock().unwrap().len()), (2, 1));
    }
}

#[tokio::test]
async fn cdn_that_is_down_is_told_when_it_is_up_and_others_do_not_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let up = StandIn::start(&[]).await;
    let cdns = vec![Cdn::url(format!("http://{addr}/"), "t"), Cdn::url(&up.url, "t")];
    let sender = Sender::new(cdns);
    sender.purge_tag("a");
    sender.failed(1).await;
    sender.until(|_| up.asked().len() == 1).await;
    let down = StandIn::listen(TcpListener::bind(addr).await.unwrap(), &[]);
    sender.purge_tag("b");
    sender.pass.add_permits(1);
    sender.told().await;
    assert_eq!(up.asked().len(), 2);
    assert!(matches!(&down.asked()[..], [one] if one.contains(r#"["a","b"]"#)), "both at once");
}

#[tokio::test]
async fn refusal_drops_the_purge_and_the_next_one_is_told() {
    for refusal in [
        "403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "307 Temporary Redirect\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
        "302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
    ] {
        let cdn = StandIn::start(&[Does::Answers(refusal)]).await;
        let sender = Sender::new(vec![Cdn::url(&cdn.url, "token")]);
        let queue = &sender.cdns.queues[0];
        let call = &queue.cdn.calls(&tags(&["a"]), &[])[0];
        let refused = sender.cdns.caller.ask(&queue.cdn, call).await.unwrap_err();
        assert!(!refused.is_passing, "{refused:?}");
        assert_eq!(cdn.asked().len(), 1, "a redirect is not followed: the call has a token");
        cdn.script.lock().unwrap().push_back(Does::Answers(refusal));
        sender.purge_tag("a");
        sender.told().await;
        sender.purge_tag("b");
        sender.told().await;
        let asked = cdn.asked();
        assert!(asked.last().unwrap().contains(r#"["b"]"#), "{asked:?}");
        assert!(sender.waits.lock().unwrap().is_empty(), "{refusal}");
    }
}

fn purge() -> Purge {
    Purge {
        paths: vec!["/a".to_owned(), "/caf%C3%A9".to_owned(), "/a".to_owned()],
        tags: vec!["article:7".to_owned(), "a b,c".to_owned(), String::new()],
        ..Purge::default()
    }
}

#[test]
fn fastly_is_told_keys_and_addresses() {
    let cdn = Cdn::fastly("SU1Z0isx", "token", "https://news.example/");
    cdn.check().unwrap();
    let calls = cdn.calls(&purge(), &[]);
    let urls: Vec<_> = calls.iter().map(|call| call.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://api.fastly.com/service/SU1Z0isx/purge",
            "https://api.fastly.com/purge/news.example/a",
            "https://api.fastly.com/purge/news.example/caf%C3%A9",
        ]
    );
    assert_eq!(calls[0].headers["surrogate-key"], "a%20b%2Cc article:7");
    for call in &calls {
        assert_eq!(call.headers["fastly-key"], "token");
        assert_eq!(call.headers["fastly-soft-purge"], "1");
        assert!(call.body.is_empty() && !call.headers.contains_key("authorization"));
    }
    let hard = cdn.calls(&Purge { hard: true, ..purge() }, &[]);
    assert!(hard.iter().all(|call| !call.headers.contains_key("fastly-soft-purge")));
    let prefixes = |prefix: &str| Purge { prefixes: vec![prefix.to_owned()], ..purge() };
    assert_eq!(cdn.calls(&prefixes("/a"), &[]), calls);
    let all = cdn.calls(&prefixes("/"), &[]);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].url, "https://api.fastly.com/service/SU1Z0isx/purge_all");
    assert!(!all[0].headers.contains_key("fastly-soft-purge"));
}

#[test]
fn fastly_takes_256_keys_at_once_and_no_endless_header() {
    let cdn = Cdn::fastly("id", "token", "https://news.example");
    let keys = |len: usize, count: usize| -> Vec<(usize, usize)> {
        let tags = (0..count).map(|i| format!("{i:0len$}")).collect();
        let calls = cdn.calls(&Purge { tags, ..Purge::default() }, &[]);
        let keys = calls.iter().map(|call| call.headers["surrogate-key"].to_str().unwrap());
        keys.map(|keys| (keys.split(' ').count(), keys.len())).collect()
    };
    assert_eq!(keys(3, 600).iter().map(|(count, _)| *count).collect::<Vec<_>>(), [256, 256, 88]);
    let long = keys(1000, 20);
    assert!(long.iter().all(|(_, len)| *len <= 8192));
    assert_eq!(long.iter().map(|(count, _)| count).sum::<usize>(), 40, "each in both forms");
    assert_eq!(keys(9000, 2)[0], (1, 9000));
}

#[test]
fn cloudflare_is_told_tags_files_and_prefixes_30_at_once() {
    let cdn = Cdn::cloudflare("023e105f", "token", "https://news.example");
    cdn.check().unwrap();
    let prefixes = vec!["/".to_owned(), "/sections".to_owned()];
    let calls = cdn.calls(&Purge { prefixes, ..purge() }, &[]);
    let bodies: Vec<_> = calls.iter().map(|call| call.body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            r#"{"tags":["a%20b%2Cc","article:7"]}"#,
            r#"{"files":["https://news.example/a","https://news.example/caf%C3%A9"]}"#,
            r#"{"prefixes":["news.example","news.example/sections"]}"#,
        ]
    );
    for call in &calls {
        assert_eq!(call.url, "https://api.cloudflare.com/client/v4/zones/023e105f/purge_cache");
        assert_eq!(call.headers["authorization"], "Bearer token");
        assert_eq!(call.headers["content-type"], "application/json");
    }
    let many: Vec<_> = (0..61).map(|i| format!("{i}")).collect();
    let calls = cdn.calls(&Purge { tags: many, ..Purge::default() }, &[]);
    let lens: Vec<_> = calls.iter().map(|call| call.body.matches(',').count() + 1).collect();
    assert_eq!(lens, [30, 30, 1]);
}

#[test]
fn varnish_is_told_keys_addresses_and_bans() {
    let cdn = Cdn::varnish("http://127.0.0.1:6081/", "token", "https://news.example");
    cdn.check().unwrap();
    let prefixes = vec!["/".to_owned(), "/a.b/(c)".to_owned()];
    let calls = cdn.calls(&Purge { prefixes, ..purge() }, &[]);
    let lines: Vec<_> =
        calls.iter().map(|call| (call.method.as_str(), call.url.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("PURGE", "http://127.0.0.1:6081/"),
            ("PURGE", "http://127.0.0.1:6081/a"),
            ("PURGE", "http://127.0.0.1:6081/caf%C3%A9"),
            ("BAN", "http://127.0.0.1:6081/"),
            ("BAN", "http://127.0.0.1:6081/"),
        ]
    );
    assert_eq!(calls[0].headers["xkey"], "a%20b%2Cc article:7");
    assert_eq!(calls[3].headers["x-isr-ban"], "^([/?]|$)");
    assert_eq!(calls[4].headers["x-isr-ban"], r"^\/a\.b\/\(c\)([/?]|$)");
    for call in &calls {
        assert_eq!(call.headers["authorization"], "Bearer token");
        assert_eq!(call.headers["host"], "news.example");
        let is_soft = call.headers.contains_key("x-isr-soft");
        assert_eq!(is_soft, call.method.as_str() == "PURGE");
    }
    let hard = cdn.calls(&Purge { hard: true, ..purge() }, &[]);
    assert!(hard.iter().all(|call| !call.headers.contains_key("x-isr-soft")));
}

#[test]
fn nginx_is_told_addresses_only() {
    let cdn = Cdn::nginx("http://127.0.0.1:8080", "token", "https://news.example");
    cdn.check().unwrap();
    let prefixes = vec!["/".to_owned()];
    let calls = cdn.calls(&Purge { prefixes, ..purge() }, &[]);
    let urls: Vec<_> = calls.iter().map(|call| call.url.as_str()).collect();
    assert_eq!(urls, ["http://127.0.0.1:8080/a", "http://127.0.0.1:8080/caf%C3%A9"]);
    for call in &calls {
        assert_eq!(call.method, "HEAD");
        assert_eq!(call.headers["host"], "news.example");
        assert_eq!(call.headers["x-isr-refresh"], "token");
    }
}

/// nginx answers with the page itself, which may be none.
#[tokio::test]
async fn nginx_has_done_a_purge_unless_it_refuses_it() {
    for answer in [
        "404 Not Found\r\n\r\n",
        "308 Permanent Redirect\r\nlocation: /other\r\n\r\n",
        "502 Bad Gateway\r\n\r\n",
        "403 Forbidden\r\n\r\n",
    ] {
        let cdn = StandIn::start(&[Does::Answers(answer)]).await;
        let nginx = Cdn::nginx(&cdn.url, "token", "https://news.example");
        let sender = Sender::new(vec![nginx]);
        let queue = &sender.cdns.queues[0];
        let call = &queue.cdn.calls(&purge(), &[])[0];
        let asked = sender.cdns.caller.ask(&queue.cdn, call).await;
        assert_eq!(asked.is_err(), answer.starts_with("403"), "{answer}");
        assert_eq!(cdn.asked().len(), 1, "a redirect is a page as well: {answer}");
    }
}

#[test]
fn cdn_is_told_both_forms_of_a_tag_that_pages_may_carry_shortened() {
    let tag = "article:a-slug-that-is-longer";
    let purge = tags(&[tag]);
    let site = "https://news.example";
    let fastly = Cdn::fastly("id", "t", site).calls(&purge, &[]);
    let forms = fastly[0].headers["surrogate-key"].to_str().unwrap();
    let (full, short) = forms.split_once(' ').unwrap();
    assert_eq!((full, short.len()), (tag, 17));
    let varnish = Cdn::varnish("http://127.0.0.1", "t", site).calls(&purge, &[]);
    assert_eq!(varnish[0].headers["xkey"], forms);
    let cloudflare = Cdn::cloudflare("z", "t", site).calls(&purge, &[]);
    assert_eq!(cloudflare[0].body, format!(r#"{{"tags":["{full}","{short}"]}}"#));
    let server = Cdn::url("http://a.example", "t").calls(&purge, &[]);
    assert!(server[0].body.contains(full) && !server[0].body.contains(short));
}

#[test]
fn wrong_cdn_fails_at_start_and_is_named() {
    let site = "https://news.example";
    for (cdns, problem) in [
        (vec![Cdn::fastly("", "t", site)], "`` is not an id"),
        (vec![Cdn::fastly("a/b", "t", site)], "`a/b` is not an id"),
        (vec![Cdn::cloudflare("z", "t", "news.example")], "the site address `news.example`"),
        (vec![Cdn::cloudflare("z", "t", "ftp://news.example")], "`ftp://news.example`"),
        (vec![Cdn::cloudflare("z", "t", "https://news.example/?a")], "`https://news.example/?a`"),
        (vec![Cdn::cloudflare("z", "", site)], "cloudflare z"),
        (vec![Cdn::fastly("s", "a\nb", site)], "its token"),
        (vec![Cdn::url("nowhere", "t")], "the API's address `nowhere`"),
        (vec![Cdn::fastly("s", "t", site), Cdn::fastly("s", "u", site)], "set up twice"),
    ] {
        let opened = Cdns::new(cdns, false, Arc::new(SystemClock));
        let error = opened.err().unwrap().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn cdn_on_each_machine_has_a_name_of_its_own_where_machines_share_the_ledger() {
    let site = "https://news.example";
    for (address, is_local) in [
        ("http://127.0.0.1:6081", true),
        ("http://[::1]:6081", true),
        ("http://localhost:6081", true),
        ("http://varnish:6081", false),
        ("http://10.0.0.1:6081", false),
    ] {
        for is_shared in [false, true] {
            let cdn = Cdn::varnish(address, "token", site);
            let cdns = Cdns::new(vec![cdn], is_shared, Arc::new(SystemClock)).unwrap();
            let own = format!("varnish {address} of {}", machine());
            assert!(!machine().is_empty());
            assert_eq!(cdns.queues[0].name == own, is_local && is_shared, "{address}");
        }
    }
}

#[test]
fn name_of_a_cdn_shows_no_password() {
    for (cdn, name) in [
        (
            Cdn::varnish("http://a:b%40c@127.0.0.1:6081/", "t", "https://news.example"),
            "varnish http://127.0.0.1:6081/",
        ),
        (Cdn::url("https://user@site.example/_isr/purge", "t"), "https://site.example/_isr/purge"),
        (Cdn::url("nowhere", "t"), "nowhere"),
    ] {
        assert_eq!(cdn.name(), name);
    }
}
