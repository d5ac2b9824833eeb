//! Visitors and the content system, on several connections at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fastrand::Rng;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::time::{sleep, timeout};

use super::{
    HOOK_SECRET, TOKEN,
    content::{ARTICLES, may_go, section_of, slug},
    judge::{Judge, Scope},
    page::{How, Page, Question},
    stand_in::StandIn,
};
use crate::client::{Client, Reply, Request};

/// Longer than any wait for a render.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection, and what it tells of.
pub(super) struct Visitor {
    pub(super) stand_in: Arc<StandIn>,
    pub(super) judge: Arc<Judge>,
    pub(super) port: u16,
    pub(super) client: Option<Client>,
}

impl Visitor {
    /// Sends the requests of a run up to `end`, as `requests` counts them.
    pub(super) async fn go(mut self, requests: Arc<AtomicUsize>, end: usize, mut rng: Rng) {
        loop {
            let nth = requests.fetch_add(1, Ordering::SeqCst);
            if nth >= end {
                return;
            }
            match rng.u8(..100) {
                0..88 => self.ask(nth, &Question::random(&mut rng)).await,
                88..98 => self.publish(nth, &mut rng).await,
                _ => self.regenerate(nth, &mut rng).await,
            }
        }
    }

    pub(super) async fn ask(&mut self, nth: usize, question: &Question) {
        self.answer(nth, question).await;
    }

    /// Asks, has the answer judged, and returns it.
    pub(super) async fn answer(&mut self, nth: usize, question: &Question) -> Option<Reply> {
        let before = self.judge.before(question);
        let mut headers = Vec::new();
        match question.how {
            How::Gzip => headers.push(("accept-encoding", "gzip".to_owned())),
            How::Prefetch => headers.push(("sec-purpose", "prefetch".to_owned())),
            How::Conditional => {
                headers.extend(before.validator().map(|etag| ("if-none-match", etag)));
            }
            How::Get | How::Head => {}
        }
        let method = if question.how == How::Head { "HEAD" } else { "GET" };
        let request = Request { method, path: &question.path, headers: &headers, body: "" };
        let reply = self.send(nth, &request).await?;
        self.judge.judge(nth, question, &before, &reply);
        Some(reply)
    }

    /// Changes, deletes or brings back an article, and tells the site. One source in four lags
    /// behind what it tells.
    async fn publish(&mut self, nth: usize, rng: &mut Rng) {
        let (article, content) = (rng.usize(..ARTICLES), &self.stand_in.content);
        let is_there = match content.is_there(article) {
            true => !may_go(article) || rng.u8(..100) < 85,
            false => rng.bool(),
        };
        content.change(article, is_there);
        if rng.u8(..4) == 0 {
            let (stand_in, lag) = (Arc::clone(&self.stand_in), rng.u64(..300));
            tokio::spawn(async move {
                sleep(Duration::from_millis(lag)).await;
                stand_in.content.show(article);
            });
        } else {
            content.show(article);
        }
        match rng.u8(..100) {
            0..40 => self.deliver(nth, article).await,
            40..70 => self.purge(nth, Scope::Article(article), rng.bool()).await,
            70..95 => self.purge(nth, Scope::Page(article), rng.bool()).await,
            _ => self.purge(nth, Scope::Everything, rng.bool()).await,
        }
    }

    pub(super) async fn purge(&mut self, nth: usize, scope: Scope, hard: bool) {
        let least = self.judge.purge_begins(scope);
        let body = match scope {
            Scope::Page(article) => {
                json!({ "paths": [Page::Article(article).path()], "hard": hard })
            }
            Scope::Article(article) => json!({ "tags": tags(article), "hard": hard }),
            Scope::Everything => json!({ "prefixes": ["/"], "hard": hard }),
        };
        let bearer = [("authorization", format!("Bearer {TOKEN}"))];
        let call = Call { path: "/_isr/purge", headers: &bearer, body: body.to_string() };
        if self.call(nth, call, &[204]).await.is_some() {
            self.judge.purged(scope, least);
        }
    }

    /// By the webhook. No delivery is like another, or it would be ignored.
    async fn deliver(&mut self, nth: usize, article: usize) {
        let scope = Scope::Article(article);
        let least = self.judge.purge_begins(scope);
        let body = json!({
            "slug": slug(article),
            "section": section_of(article),
            "list": tags(article),
            "delivery": nth,
        });
        let body = body.to_string();
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut mac = Hmac::<Sha256>::new_from_slice(HOOK_SECRET.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(format!("{time}.{body}").as_bytes());
        let signature: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signed = [("x-isr-signature", format!("t={time},v1={signature}"))];
        let call = Call { path: "/_isr/hooks/cms", headers: &signed, body };
        if self.call(nth, call, &[204]).await.is_some() {
            self.judge.purged(scope, least);
        }
    }

    async fn regenerate(&mut self, nth: usize, rng: &mut Rng) {
        let articles: Vec<_> =
            (0..rng.usize(1..4)).map(|_| Page::Article(rng.usize(..ARTICLES))).collect();
        self.regenerate_pages(nth, &articles).await;
    }

    /// Whether all were stored.
    pub(super) async fn regenerate_pages(&mut self, nth: usize, pages: &[Page]) -> bool {
        let visible =
            |page: &Page| page.article().map_or(1, |it| self.stand_in.content.visible(it));
        let began: Vec<_> = pages.iter().map(visible).collect();
        let paths: Vec<_> = pages.iter().map(|page| page.path()).collect();
        let body = json!({ "paths": paths }).to_string();
        let bearer = [("authorization", format!("Bearer {TOKEN}"))];
        let call = Call { path: "/_isr/regenerate", headers: &bearer, body };
        let Some(reply) = self.call(nth, call, &[200, 502]).await else { return false };
        if reply.status == 200 {
            pages.iter().zip(began).for_each(|(page, began)| self.judge.regenerated(*page, began));
        }
        reply.status == 200
    }

    /// A call of the content system, which must be answered with one of `statuses`.
    async fn call(&mut self, nth: usize, call: Call<'_>, statuses: &[u16]) -> Option<Reply> {
        let Call { path, headers, body } = call;
        let request = Request { method: "POST", path, headers, body: &body };
        let reply = self.send(nth, &request).await?;
        if statuses.contains(&reply.status) {
            return Some(reply);
        }
        let text = String::from_utf8_lossy(&reply.body);
        let what = format!("request {nth}, {path} {body}: {} {text}", reply.status);
        self.judge.broken("a call refused", what);
        None
    }

    async fn send(&mut self, nth: usize, request: &Request<'_>) -> Option<Reply> {
        let sent = timeout(PATIENCE, self.try_send(request)).await;
        match sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(reply) => Some(reply),
            Err(error) => {
                self.client = None;
                let what = format!("request {nth}, {} {}: {error}", request.method, request.path);
                self.judge.broken("no answer", what);
                None
            }
        }
    }

    async fn try_send(&mut self, request: &Request<'_>) -> io::Result<Reply> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.port).await?,
        };
        let reply = client.ask(request).await?;
        if !reply.header("connection").eq_ignore_ascii_case("close") {
            self.client = Some(client);
        }
        Ok(reply)
    }
}

struct Call<'a> {
    path: &'a str,
    headers: &'a [(&'a str, String)],
    body: String,
}

/// The tags of whatever shows an article or counts it.
fn tags(article: usize) -> [String; 5] {
    let (own, section) =
        (format!("article:{}", slug(article)), format!("section:{}", section_of(article)));
    [own, section, "articles".to_owned(), "sections".to_owned(), "any-article".to_owned()]
}
