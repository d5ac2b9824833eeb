//! The content API that misbehaves. It writes to the socket itself: no server library sends half an answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{
    content::{Content, SECTIONS, index, slug},
    fault::{Fault, Mood, Weather},
};

/// Longer than the site's limit for a render.
const HANG: Duration = Duration::from_secs(2);

/// Longer than what a client reads of one answer, 8 MiB.
const OVERSIZED: usize = (8 << 20) + 1;

const HTML: &[u8] = b"<!DOCTYPE html><title>Sign in</title><form><input name=password></form>";

#[derive(Debug)]
pub(super) struct StandIn {
    pub(super) content: Content,
    pub(super) port: u16,
    is_down: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    /// How often each address was asked for in this phase.
    asked: HashMap<String, u64>,
    requests: usize,
    /// How often each fault was met.
    faults: BTreeMap<Fault, usize>,
    /// For which articles it answered with another one's slug, and with which.
    lies: BTreeSet<(usize, String)>,
    /// When it last led away from each article.
    led_at: HashMap<usize, Instant>,
}

impl StandIn {
    pub(super) async fn start() -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let state = State {
            mood: Mood::CALM,
            asked: HashMap::new(),
            requests: 0,
            faults: BTreeMap::new(),
            lies: BTreeSet::new(),
            led_at: HashMap::new(),
        };
        let stand_in = Arc::new(Self {
            content: Content::default(),
            port: listener.local_addr()?.port(),
            is_down: AtomicBool::new(false),
            state: Mutex::new(state),
        });
        let accepting = Arc::clone(&stand_in);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stand_in = Arc::clone(&accepting);
                // It ends when the other side has had enough.
                tokio::spawn(async move { drop(stand_in.connection(stream).await) });
            }
        });
        Ok(stand_in)
    }

    pub(super) fn turn(&self, mood: Mood) {
        let mut state = self.state();
        state.mood = mood;
        state.asked.clear();
    }

    /// Breaks every connection at once, or no longer.
    pub(super) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    pub(super) fn weather(&self) -> Weather {
        self.state().mood.weather
    }

    pub(super) fn requests(&self) -> usize {
        self.state().requests
    }

    pub(super) fn faults(&self) -> BTreeMap<Fault, usize> {
        self.state().faults.clone()
    }

    /// Whether it has answered for `article` with this slug, or led from one to the other.
    pub(super) fn has_led(&self, article: usize, slug: &str) -> bool {
        self.state().lies.contains(&(article, slug.to_owned()))
    }

    /// Whether the source has led away from this article in the last minute. A redirect took the
    /// place of its page then, and may have been forgotten since.
    pub(super) fn has_led_lately(&self, article: usize) -> bool {
        let led_at = self.state().led_at.get(&article).copied();
        led_at.is_some_and(|led_at| led_at.elapsed() < Duration::from_secs(60))
    }

    fn led(&self, article: usize, slug: String) {
        let mut state = self.state();
        state.lies.insert((article, slug));
        state.led_at.insert(article, Instant::now());
    }

    /// How many names the source has given to articles besides their own.
    pub(super) fn names_given(&self) -> u64 {
        self.state().lies.len() as u64
    }

    async fn connection(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream).await? {
            if self.is_down.load(Ordering::SeqCst) {
                break;
            }
            let (fault, rng) = self.next_fault(&request.target);
            let goes_on = self.answer(stream.get_mut(), &request, fault, rng).await?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn next_fault(&self, target: &str) -> (Option<Fault>, Rng) {
        let path = target.split('?').next().unwrap_or_default();
        let mut state = self.state();
        state.requests += 1;
        let nth = state.asked.entry(target.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        // Where a redirect leads, the answer is as it should be.
        let is_copy = path.starts_with("/copy/") || path == "/form";
        let (fault, rng) = state.mood.answer(path, nth);
        let fault = fault.filter(|_| !is_copy);
        if let Some(fault) = fault {
            *state.faults.entry(fault).or_default() += 1;
        }
        (fault, rng)
    }

    /// Whether another request may follow on this connection.
    async fn answer(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        fault: Option<Fault>,
        mut rng: Rng,
    ) -> io::Result<bool> {
        use Fault::*;
        let (status, mut body) = self.content_of(&request.target);
        let is_article = request.article().is_some();
        let json = |text: String| (200, text.into_bytes(), Vec::new());
        let (status, bytes, headers): (u16, Vec<u8>, Vec<(&str, String)>) = match fault {
            None if status == 200 => return self.well(stream, request, &body).await,
            None => (status, body.to_string().into_bytes(), Vec::new()),
            Some(Status(204)) => (204, Vec::new(), Vec::new()),
            Some(Status(status)) => (status, b"{\"error\":\"on request\"}".into(), Vec::new()),
            Some(RetryAfter(status, seconds)) => {
                (status, b"later".into(), vec![("retry-after", seconds.to_string())])
            }
            Some(RedirectToACopy) => redirect(&mut rng, &format!("/copy{}", request.target)),
            Some(RedirectToItself) => redirect(&mut rng, &request.target),
            Some(RedirectToAForm) => redirect(&mut rng, "/form"),
            Some(RedirectToAnother) => {
                let other = self.lead(request, &mut rng);
                redirect(&mut rng, &format!("/copy/articles/{other}"))
            }
            Some(Html) => (200, HTML.into(), vec![("content-type", "text/html".to_owned())]),
            Some(NoBytes) => (200, Vec::new(), Vec::new()),
            Some(NotModified) if request.etag.is_empty() => (304, Vec::new(), Vec::new()),
            Some(NotModified) => return self.well(stream, request, &body).await,
            Some(Another) if is_article => {
                let other = self.lead(request, &mut rng);
                let other = index(&other).and_then(|article| self.content.article(article));
                json(other.unwrap_or(body).to_string())
            }
            Some(Another) => json(json!({ "sections": 3 }).to_string()),
            Some(WrongType) => {
                json(spoil(body, &mut rng, |it| it["title"] = json!(["a"])).to_string())
            }
            Some(Null) if rng.bool() => json("null".to_owned()),
            Some(Null) => json(spoil(body, &mut rng, |it| it["title"] = Value::Null).to_string()),
            Some(LoneSurrogate) => {
                let text = spoil(body, &mut rng, |it| it["title"] = json!("SURROGATE"));
                json(text.to_string().replace("SURROGATE", r"\ud800"))
            }
            Some(EmptySlug) => json(spoil(body, &mut rng, |it| it["slug"] = json!("")).to_string()),
            // In a list it would be another article, which the page may show beside this one.
            Some(TwistedSlug) => match request.article() {
                Some(article) if body.is_object() => {
                    let slug = slug(article).to_uppercase();
                    body["slug"] = json!(slug);
                    self.led(article, slug);
                    json(body.to_string())
                }
                _ => return self.well(stream, request, &body).await,
            },
            Some(EndlessList) => {
                if let Some(list) = body.as_object_mut() {
                    list.insert("total".to_owned(), json!(1_000_000_000));
                }
                json(body.to_string())
            }
            Some(ByteOrderMark) => json(format!("\u{feff}{body}")),
            Some(Gzip) => {
                let bytes = gzip(body.to_string().as_bytes())?;
                (200, bytes, vec![("content-encoding", "gzip".to_owned())])
            }
            Some(fault) => return self.broken(stream, fault, &body.to_string(), &mut rng).await,
        };
        send(stream, status, &headers, &bytes).await?;
        Ok(true)
    }

    /// The answer as it should be, with its validator.
    async fn well(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        body: &Value,
    ) -> io::Result<bool> {
        let body = body.to_string();
        let etag = format!("\"{:x}\"", xxhash_rust::xxh3::xxh3_64(body.as_bytes()));
        let is_known = request.etag == etag;
        let (status, body) = if is_known { (304, String::new()) } else { (200, body) };
        send(stream, status, &[("etag", etag)], body.as_bytes()).await?;
        Ok(true)
    }

    /// What is no whole answer.
    async fn broken(
        &self,
        stream: &mut TcpStream,
        fault: Fault,
        body: &str,
        rng: &mut Rng,
    ) -> io::Result<bool> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let half = &body.as_bytes()[..rng.usize(..body.len())];
        match fault {
            Fault::Half => stream.write_all(&[head.as_bytes(), half].concat()).await?,
            Fault::CutChunks => {
                let text = format!("{chunked}{:x}\r\n", body.len());
                stream.write_all(&[text.as_bytes(), half].concat()).await?;
            }
            Fault::Drip => {
                stream.write_all(head.as_bytes()).await?;
                for part in body.as_bytes().chunks(body.len() / 10 + 1) {
                    stream.write_all(part).await?;
                    sleep(Duration::from_millis(10)).await;
                }
            }
            Fault::DripForEver => {
                stream.write_all(head.as_bytes()).await?;
                for byte in body.as_bytes().iter().take(20) {
                    stream.write_all(&[*byte]).await?;
                    sleep(HANG / 20).await;
                }
            }
            Fault::Hang => sleep(HANG).await,
            Fault::CloseInHead => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await?,
            Fault::NoHttp => stream.write_all(b"220 mail.example ESMTP\r\n").await?,
            Fault::Oversized => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {OVERSIZED}\r\n\r\n{body}");
                stream.write_all(head.as_bytes()).await?;
            }
            Fault::OversizedChunks => {
                let text = format!("{chunked}{:x}\r\n{body}\r\n", body.len());
                stream.write_all(text.as_bytes()).await?;
                let spaces = vec![b' '; 1 << 20];
                for _ in 0..=OVERSIZED >> 20 {
                    stream.write_all(b"100000\r\n").await?;
                    stream.write_all(&spaces).await?;
                    stream.write_all(b"\r\n").await?;
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
            // At once.
            _ => {}
        }
        Ok(false)
    }

    /// Notes that a request for one article is led to another one, which is never gone: to say that
    /// it is would be a definite answer. Returns that one's slug.
    fn lead(&self, request: &Request, rng: &mut Rng) -> String {
        let other = slug(rng.usize(..SECTIONS.len()));
        if let Some(article) = request.article() {
            self.led(article, other.clone());
        }
        other
    }

    fn content_of(&self, target: &str) -> (u16, Value) {
        let target = target.strip_prefix("/copy").unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name| value(name).and_then(|text| text.parse().ok()).unwrap_or(1);
        match path {
            "/sections" => (200, self.content.sections()),
            "/articles" => {
                (200, self.content.list(value("section"), number("page"), number("per_page")))
            }
            "/form" => (200, Value::String(String::from_utf8_lossy(HTML).into_owned())),
            _ => {
                let name = path.strip_prefix("/articles/").unwrap_or_default();
                let ignores_case = self.state().mood.ignores_case;
                let found = if ignores_case { index(&name.to_lowercase()) } else { index(name) };
                match found.and_then(|article| self.content.article(article)) {
                    Some(article) => (200, article),
                    None => (if path.len().is_multiple_of(2) { 404 } else { 410 }, Value::Null),
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the source is asked.
struct Request {
    target: String,
    /// `If-None-Match`.
    etag: String,
}

impl Request {
    fn article(&self) -> Option<usize> {
        index(&self.target.strip_prefix("/articles/")?.to_lowercase())
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut etag = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("if-none-match") {
            etag = value.trim().to_owned();
        }
    }
    Ok(Some(Request { target, etag }))
}

async fn send(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !matches!(status, 204 | 304) {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).await
}

type Answer = (u16, Vec<u8>, Vec<(&'static str, String)>);

fn redirect(rng: &mut Rng, to: &str) -> Answer {
    let status = [301, 302, 303, 307, 308][rng.usize(..5)];
    (status, Vec::new(), vec![("location", to.to_owned())])
}

/// Spoils an article, or some of a list.
fn spoil(mut body: Value, rng: &mut Rng, how: impl Fn(&mut Value)) -> Value {
    let mut spoils = || rng.u8(..4) == 0;
    match &mut body {
        Value::Object(fields) => match fields.get_mut("articles").and_then(Value::as_array_mut) {
            Some(list) => list.iter_mut().filter(|_| spoils()).for_each(how),
            None => how(&mut body),
        },
        Value::Array(sections) => sections.iter_mut().filter(|_| spoils()).for_each(how),
        _ => {}
    }
    body
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
