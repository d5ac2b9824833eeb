//! Whether an answer keeps the contract.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use flate2::read::GzDecoder;

use super::{
    content::{ARTICLES, PARTS, index, marks},
    page::{How, Page, Question, Target},
    stand_in::StandIn,
};
use crate::{Report, client::Reply};

/// How many broken promises of one kind are told in full.
const TOLD: usize = 3;

/// What was said when the source could not be read.
const SORRY: [&str; 2] = ["could not be loaded just now", "Page not found"];

#[derive(Debug)]
pub(super) struct Judge {
    stand_in: Arc<StandIn>,
    /// Whether each 502 and 503 must say when to come back.
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pages: HashMap<String, Known>,
    /// The versions that were there when an acknowledged purge of an article's page was sent.
    purged_pages: [Purged; 2],
    statuses: BTreeMap<u16, usize>,
    broken: BTreeMap<&'static str, Vec<String>>,
}

/// For each article.
#[derive(Debug)]
struct Purged([u64; ARTICLES]);

impl Default for Purged {
    fn default() -> Self {
        Self([0; ARTICLES])
    }
}

/// What is known of one page.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The version of the last good answer, 1 for what has none; 0 before one.
    good: u64,
    /// The newest version that was answered: none before it may follow.
    floor: u64,
    /// What answered that one first.
    floor_by: String,
    /// The validator of an answer, and its version.
    validator: Option<(String, u64)>,
}

impl Known {
    fn raise(&mut self, version: u64, by: String) {
        if version > self.floor {
            (self.floor, self.floor_by) = (version, by);
        }
    }
}

/// What a purge reaches.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// The page of one article, by its path.
    Page(usize),
    /// Whatever shows one article, by its tag.
    Article(usize),
    Everything,
}

/// What was known when a request was sent.
#[derive(Clone, Debug)]
pub(super) struct Before {
    known: Known,
    /// The least versions of a fresh page of an article, and of whatever else shows one.
    least: [Vec<u64>; 2],
}

impl Before {
    pub(super) fn validator(&self) -> Option<String> {
        self.known.validator.as_ref().map(|(etag, _)| etag.clone())
    }
}

/// A kind of broken promise, and what is wrong.
type Broken = (&'static str, String);

impl Judge {
    pub(super) fn new(stand_in: Arc<StandIn>) -> Self {
        Self { stand_in, began: Instant::now(), state: Mutex::default() }
    }

    /// The purge is about to be sent: what it makes the least.
    pub(super) fn purge_begins(&self, scope: Scope) -> Vec<(usize, u64)> {
        let articles = match scope {
            Scope::Page(article) | Scope::Article(article) => article..article + 1,
            Scope::Everything => 0..ARTICLES,
        };
        articles.map(|article| (article, self.stand_in.content.visible(article))).collect()
    }

    /// The purge was acknowledged.
    pub(super) fn purged(&self, scope: Scope, least: Vec<(usize, u64)>) {
        let mut state = self.state();
        for (article, version) in least {
            let own = &mut state.purged_pages[0].0[article];
            *own = version.max(*own);
            if !matches!(scope, Scope::Page(_)) {
                let all = &mut state.purged_pages[1].0[article];
                *all = version.max(*all);
            }
        }
    }

    /// The page was regenerated on request, from `version` or a later one.
    pub(super) fn regenerated(&self, page: Page, version: u64) {
        let mut state = self.state();
        let by = format!("a regeneration at {:.3} s", self.began.elapsed().as_secs_f64());
        state.pages.entry(page.path()).or_default().raise(version, by);
    }

    /// A request is about to be sent.
    pub(super) fn before(&self, question: &Question) -> Before {
        let state = self.state();
        let known = match question.target {
            Target::Page(page) => state.pages.get(&page.path()).cloned(),
            _ => None,
        };
        let least = [0, 1].map(|kind| state.purged_pages[kind].0.to_vec());
        Before { known: known.unwrap_or_default(), least }
    }

    /// Judges an answer, the n-th of the run.
    pub(super) fn judge(&self, nth: usize, question: &Question, before: &Before, reply: &Reply) {
        *self.state().statuses.entry(reply.status).or_default() += 1;
        let judged = self.headers(question, before, reply).and_then(|()| match &question.target {
            Target::Page(page) => self.page(*page, question, before, reply),
            target => self.other(target, &question.path, reply),
        });
        if let Err((kind, what)) = judged {
            let (how, path) = (question.how, &question.path);
            let (status, cache) = (reply.status, &reply.cache_status);
            self.broken(kind, format!("request {nth}, {how:?} {path}: {status} ({cache}): {what}"));
        }
    }

    pub(super) fn broken(&self, kind: &'static str, what: String) {
        let at = self.began.elapsed().as_secs_f64();
        let what = format!("at {at:.3} s, {:?}: {what}", self.stand_in.weather());
        self.state().broken.entry(kind).or_default().push(what);
    }

    /// Whether this page is what the source has now, and fresh.
    pub(super) fn is_newest(&self, page: Page, reply: &Reply) -> bool {
        let content = &self.stand_in.content;
        let is_there = page.article().is_none_or(|article| content.is_there(article));
        let text = String::from_utf8_lossy(&reply.body);
        let is_right = reply.status == if is_there { 200 } else { 404 };
        let is_newest = marks(&text).all(|mark| mark.version == content.visible(mark.article));
        is_fresh(reply) && is_right && is_newest
    }

    /// The pages that were good and whose articles were not deleted since.
    pub(super) fn good(&self) -> Vec<Page> {
        let is_good = |page: &Page| {
            let known = self.state().pages.get(&page.path()).cloned();
            known.is_some_and(|known| self.is_good(*page, &known))
        };
        Page::all().into_iter().filter(is_good).collect()
    }

    pub(super) fn report(&self) -> Report {
        let state = self.state();
        let mut report = Report::default();
        for (status, count) in &state.statuses {
            report.row(&format!("status {status}"), count);
        }
        for (kind, all) in &state.broken {
            report.row(&format!("BROKEN {kind}"), all.len());
            for what in all.iter().take(TOLD) {
                report.broken(format!("{kind}: {what}"));
            }
            report.more_broken(all.len().saturating_sub(TOLD));
        }
        report
    }

    fn headers(&self, question: &Question, before: &Before, reply: &Reply) -> Result<(), Broken> {
        let kind = "headers";
        let is_malformed = matches!(question.target, Target::Malformed);
        if reply.cache_status.is_empty() && !is_malformed {
            return Err((kind, "no `Cache-Status`".to_owned()));
        }
        let control = reply.header("cache-control");
        if reply.status >= 500 && control != "private, no-store" {
            return Err((kind, format!("an error with `Cache-Control: {control}`")));
        }
        let says_when = !reply.header("retry-after").is_empty();
        let is_prefetch = question.how == How::Prefetch;
        if matches!(reply.status, 502 | 503) && !is_prefetch && !says_when {
            return Err((
                "no Retry-After",
                "an error that does not say when to come back".to_owned(),
            ));
        }
        let etag = before.validator().filter(|_| question.how == How::Conditional);
        if reply.status == 304 && etag.as_deref() != Some(reply.header("etag")) {
            return Err((kind, format!("304 to another validator than {etag:?}")));
        }
        Ok(())
    }

    fn page(
        &self,
        page: Page,
        question: &Question,
        before: &Before,
        reply: &Reply,
    ) -> Result<(), Broken> {
        match reply.status {
            200 if question.how == How::Head => Ok(()),
            200 => self.good_page(page, before, reply),
            304 => {
                let version = before.known.validator.as_ref().map_or(0, |(_, version)| *version);
                self.is_not_before(page, version, before, reply)
            }
            404 => self.absence(page, before, reply),
            300..400 => self.redirect(page.article(), reply),
            503 if question.how == How::Prefetch => Ok(()),
            _ if self.is_good(page, &before.known) => {
                Err(("an error in place of a good page", sorry(reply)))
            }
            500.. => Ok(()),
            _ => Err(("another status", sorry(reply))),
        }
    }

    fn good_page(&self, page: Page, before: &Before, reply: &Reply) -> Result<(), Broken> {
        let text = text(reply).map_err(|what| ("not whole", what))?;
        if !text.trim_end().ends_with(page.end()) {
            return Err(("not whole", format!("it ends `{}`", last(&text))));
        }
        if let Some(said) = SORRY.iter().find(|said| text.contains(**said)) {
            return Err(("a page that says sorry", (*said).to_owned()));
        }
        if let Some(article) = page.article() {
            is_all_of(article, &text)?;
        }
        let mut versions = BTreeMap::new();
        for mark in marks(&text) {
            let one = versions.entry(mark.article).or_insert(mark.version);
            if *one != mark.version {
                return Err(("versions mixed", format!("{one} beside {mark:?}")));
            }
        }
        for (article, version) in &versions {
            let least = before.least[usize::from(page != Page::Article(*article))][*article];
            if !self.stand_in.content.was_shown(*article, *version) {
                return Err(("never published", format!("version {version} of {article}")));
            }
            if is_fresh(reply) && *version < least {
                let what = format!("version {version} of {article} after {least} was purged");
                return Err(("fresh after its purge", what));
            }
        }
        let version = page.article().map_or(1, |article| versions[&article]);
        self.is_not_before(page, version, before, reply)?;
        self.note(page, version, reply);
        Ok(())
    }

    fn note(&self, page: Page, version: u64, reply: &Reply) {
        let mut state = self.state();
        let at = self.began.elapsed().as_secs_f64();
        let known = state.pages.entry(page.path()).or_default();
        known.raise(version, format!("{} at {at:.3} s", reply.cache_status));
        known.good = version.max(known.good);
        if reply.header("content-encoding").is_empty() {
            known.validator = Some((reply.header("etag").to_owned(), version));
        }
    }

    fn is_not_before(
        &self,
        page: Page,
        version: u64,
        before: &Before,
        reply: &Reply,
    ) -> Result<(), Broken> {
        let Some(article) = page.article() else { return Ok(()) };
        let floor = before.known.floor;
        if version < floor {
            let by = &before.known.floor_by;
            return Err(("went back", format!("version {version} after {floor} by {by}")));
        }
        let least = before.least[usize::from(page != Page::Article(article))][article];
        match is_fresh(reply) && version < least {
            true => Err(("fresh after its purge", format!("version {version} after {least}"))),
            false => Ok(()),
        }
    }

    fn absence(&self, page: Page, before: &Before, reply: &Reply) -> Result<(), Broken> {
        let Some(article) = page.article() else {
            // The second page of a section comes and goes.
            return match page {
                Page::Section(_, 2..) => {
                    self.state().pages.remove(&page.path());
                    Ok(())
                }
                _ => Err(("404 of what is there", sorry(reply))),
            };
        };
        let least = before.least[usize::from(page != Page::Article(article))][article];
        let least =
            if is_fresh(reply) { least.max(before.known.floor) } else { before.known.floor };
        match self.stand_in.content.gone_since(article, least) {
            Some(_) => Ok(()),
            None => Err(("404 of what is there", format!("it is there since {least} or longer"))),
        }
    }

    /// The source has led from one article to another: a redirect follows it.
    fn redirect(&self, article: Option<usize>, reply: &Reply) -> Result<(), Broken> {
        let to = reply.header("location");
        let slug = to.rsplit('/').next().unwrap_or_default();
        match article.is_some_and(|article| self.stand_in.has_led(article, slug)) {
            true => Ok(()),
            false => Err(("another status", format!("a redirect to `{to}`"))),
        }
    }

    fn other(&self, target: &Target, path: &str, reply: &Reply) -> Result<(), Broken> {
        let (status, to) = (reply.status, reply.header("location"));
        let is_right = match target {
            Target::Page(_) => unreachable!("judged as a page"),
            Target::Unknown => status == 404 || status >= 500 || to.starts_with("/articles/"),
            Target::Moved(path) => status == 308 && to == path,
            Target::Malformed => matches!(status, 308 | 400 | 404 | 414),
            // The source itself has called it so.
            Target::Twisted(article) if status == 200 && self.has_called(*article, path) => true,
            Target::Twisted(_) if status == 200 || status == 304 => {
                return Err(("a spelling with a page of its own", last(to)));
            }
            Target::Twisted(article) => {
                status == 404
                    || status >= 500
                    || index(to.rsplit('/').next().unwrap_or("")) == Some(*article)
                    || self.redirect(Some(*article), reply).is_ok()
            }
        };
        match is_right {
            true => Ok(()),
            false if status == 200 => {
                Err(("another article's page", "of an unknown path".to_owned()))
            }
            false => Err(("another status", format!("{target:?} to `{to}`"))),
        }
    }

    fn has_called(&self, article: usize, path: &str) -> bool {
        self.stand_in.has_led(article, path.rsplit('/').next().unwrap_or_default())
    }

    fn is_good(&self, page: Page, known: &Known) -> bool {
        let is_gone = |article| {
            self.stand_in.content.gone_since(article, known.good).is_some()
                || self.stand_in.has_led_lately(article)
        };
        known.good > 0 && !page.article().is_some_and(is_gone)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a page has every part of this article, and the body of no other.
fn is_all_of(article: usize, text: &str) -> Result<(), Broken> {
    let (own, others): (Vec<_>, Vec<_>) = marks(text).partition(|mark| mark.article == article);
    let other = others.iter().find(|mark| matches!(mark.part, 'b' | 'z'));
    if other.is_some() || own.is_empty() {
        return Err(("another article's page", format!("{other:?}")));
    }
    match PARTS.iter().find(|part| own.iter().all(|mark| mark.part != **part)) {
        Some(part) => Err(("not whole", format!("without part `{part}`"))),
        None => Ok(()),
    }
}

/// Rendered just now, or within its period and not purged.
fn is_fresh(reply: &Reply) -> bool {
    let status = &reply.cache_status;
    let ttl = status.split("ttl=").nth(1).and_then(|rest| rest.split(';').next());
    let is_stale = ttl.is_some_and(|ttl| ttl.parse::<i64>().is_ok_and(|ttl| ttl <= 0));
    !is_stale && !status.contains("detail=")
}

fn text(reply: &Reply) -> Result<String, String> {
    let bytes = match reply.header("content-encoding") {
        "" => reply.body.clone(),
        "gzip" => {
            let mut bytes = Vec::new();
            let read = GzDecoder::new(&*reply.body).read_to_end(&mut bytes);
            read.map_err(|error| error.to_string())?;
            bytes
        }
        other => return Err(format!("the encoding `{other}` was not asked for")),
    };
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn sorry(reply: &Reply) -> String {
    last(&text(reply).unwrap_or_default())
}

fn last(text: &str) -> String {
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(120)).collect()
}
