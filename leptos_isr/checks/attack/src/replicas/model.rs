//! What was purged when, what each server must have heard of, and whether its answers say so.
//!
//! A purge counts for the server that answered it at once, and for another one a second later, if
//! that one reaches the Redis then. What a server has heard of it does not forget. One that hears
//! nothing must say so, and need not know more than before; once it no longer says so, it must know
//! what was purged until it was connected again.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Report,
    client::Reply,
    sealed::unseal,
    versions::{PAGES, Scope, Table, Versions},
};

/// How long a purge may take to be heard by another server.
pub(super) const HEARD: Duration = Duration::from_secs(1);

/// When a server that hears nothing must say so: "a second", and the time until it looks again.
const CUT_OFF: Duration = Duration::from_millis(1500);

/// How a server is linked to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It hears of purges within this time.
    Linked(Duration),
    /// It cannot reach the Redis.
    CutOff,
    /// Its process does not run.
    Stopped,
}

/// What is known of one server.
#[derive(Debug)]
struct Known {
    reach: Reach,
    /// Since when, and how often that has changed.
    since: Instant,
    epoch: u64,
    /// If it had to say that it is cut off before: when it was connected again. Once it no longer
    /// says so, it knows what was acknowledged until then.
    connected: Option<Instant>,
    /// It has heard of all that was acknowledged up to then, at least.
    heard_until: Instant,
    /// What that is, which are the purges before `next`, and what it has acknowledged itself.
    purged: Table,
    purged_hard: Table,
    next: usize,
    /// What it has served as fresh since its link has last changed.
    served: Vec<Versions>,
}

/// A purge that was acknowledged.
#[derive(Clone, Copy, Debug)]
struct Purge {
    scope: Scope,
    version: u64,
    is_hard: bool,
    at: Instant,
}

/// A request that was sent, and what its answer must not be older than.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    server: usize,
    page: usize,
    at: Instant,
    epoch: u64,
    /// If the server says that it is cut off.
    known: Versions,
    hard: Versions,
    /// If it does not.
    fresh: Versions,
    served: Versions,
    must_say_cut_off: bool,
}

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Fresh,
    /// From the store, of a server that says that it does not hear of purges.
    CutOff,
    /// From the store although it was purged.
    Stale,
    /// It was waited for.
    Rendered,
}

/// A page that was served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) how: How,
    pub(super) versions: Versions,
}

#[derive(Debug)]
pub(super) struct Model {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    content: Table,
    purges: Vec<Purge>,
    servers: Vec<Known>,
    /// What is being done.
    scene: String,
    counts: Counts,
    broken: Vec<String>,
}

#[derive(Debug, Default)]
struct Counts {
    soft: usize,
    hard: usize,
    not_kept: usize,
    unanswered: usize,
    fresh: usize,
    cut_off: usize,
    stale: usize,
    rendered: usize,
    broken_off: usize,
    slowest: Duration,
}

impl Model {
    pub(super) fn new(servers: usize) -> Self {
        let began = Instant::now();
        let servers = (0..servers).map(|_| Known::new(began)).collect();
        let state = State {
            content: Table::default(),
            purges: Vec::new(),
            servers,
            scene: String::new(),
            counts: Counts::default(),
            broken: Vec::new(),
        };
        Self { began, state: Mutex::new(state) }
    }

    /// What a render is made of now.
    pub(super) fn content(&self, page: usize) -> Versions {
        self.state().content.of(page)
    }

    pub(super) fn set_scene(&self, scene: String) {
        self.state().scene = scene;
    }

    /// The link of a server is another one from now on.
    pub(super) fn set_reach(&self, server: usize, reach: Reach) {
        self.state().servers[server].set_reach(reach, Instant::now());
    }

    /// A server has started. What was purged before `spawned` it knows, or says that it is cut off.
    pub(super) fn started(&self, server: usize, spawned: Instant) {
        let mut state = self.state();
        let known = &mut state.servers[server];
        known.set_reach(Reach::Linked(HEARD), Instant::now());
        known.connected = Some(spawned);
    }

    /// The content changes, and a purge is about to be sent.
    pub(super) fn raise(&self, scope: Scope) -> u64 {
        self.state().content.raise(scope)
    }

    /// A purge was acknowledged.
    pub(super) fn purged(&self, server: usize, scope: Scope, version: u64, is_hard: bool) {
        let mut state = self.state();
        let purge = Purge { scope, version, is_hard, at: Instant::now() };
        state.purges.push(purge);
        state.servers[server].note(purge);
        *(if is_hard { &mut state.counts.hard } else { &mut state.counts.soft }) += 1;
    }

    /// How often the link of a server has changed, if it must take purges.
    pub(super) fn takes_purges(&self, server: usize) -> Option<u64> {
        let state = self.state();
        let known = &state.servers[server];
        known.is_settled(Instant::now()).then_some(known.epoch)
    }

    /// A purge got another answer, or none.
    pub(super) fn not_purged(&self, server: usize, status: Option<u16>, took_purges: Option<u64>) {
        let mut state = self.state();
        match status {
            Some(503) => state.counts.not_kept += 1,
            _ => state.counts.unanswered += 1,
        }
        if took_purges == Some(state.servers[server].epoch) {
            let status = status.map_or("no answer".to_owned(), |status| status.to_string());
            let what = format!("server {server}, which reaches the Redis: {status} to a purge");
            drop(state);
            self.broken(what);
        }
    }

    /// A request is about to be sent.
    pub(super) fn asks(&self, server: usize, page: usize) -> Asked {
        let at = Instant::now();
        let mut state = self.state();
        let State { servers, purges, .. } = &mut *state;
        let known = &mut servers[server];
        known.hear(purges, at);
        let later = known.connected.map_or(&[][..], |connected| known.later(purges, connected));
        let fresh = later.iter().filter(|purge| purge.scope.reaches(page)).fold(
            known.purged.of(page),
            |versions, purge| {
                let mut table = Table::default();
                table.raise_to(purge.scope, purge.version);
                versions.most(table.of(page))
            },
        );
        Asked {
            server,
            page,
            at,
            epoch: known.epoch,
            known: known.purged.of(page),
            hard: known.purged_hard.of(page),
            fresh,
            served: if known.is_settled(at) { known.served[page] } else { Versions::default() },
            must_say_cut_off: known.must_say_cut_off(at),
        }
    }

    /// Judges an answer; `None` if it is broken.
    pub(super) fn judge(&self, asked: &Asked, reply: &Reply) -> Option<Served> {
        let served = read(asked, reply);
        let mut state = self.state();
        let took = asked.at.elapsed();
        let State { servers, counts, .. } = &mut *state;
        let known = &mut servers[asked.server];
        counts.slowest = counts.slowest.max(took);
        let same_link = known.epoch == asked.epoch;
        let judged = served.and_then(|served| {
            counts.count(served.how);
            if served.how == How::Fresh && same_link && known.is_settled(asked.at) {
                let most = &mut known.served[asked.page];
                *most = most.most(served.versions);
            }
            asked.allows(served, same_link).map(|()| served)
        });
        drop(state);
        let problem = match judged {
            Ok(served) => return Some(served),
            Err(problem) => problem,
        };
        let (server, page, status) = (asked.server, asked.page, reply.status);
        self.broken(format!(
            "server {server}, /p/{page}: {problem} (status {status}, {}, after {took:.1?})",
            reply.cache_status
        ));
        None
    }

    /// A request got no answer.
    pub(super) fn unanswered(&self, asked: &Asked, why: &str) {
        let mut state = self.state();
        state.counts.broken_off += 1;
        let known = &state.servers[asked.server];
        if known.epoch == asked.epoch && known.reach != Reach::Stopped {
            drop(state);
            self.broken(format!("server {}, /p/{}: {why}", asked.server, asked.page));
        }
    }

    pub(super) fn broken(&self, what: String) {
        let mut state = self.state();
        let at = self.began.elapsed().as_secs_f64();
        let what = format!("{at:.1} s, {}: {what}", state.scene);
        state.broken.push(what);
    }

    /// Adds what was counted and found.
    pub(super) fn add_to(&self, report: &mut Report) {
        let state = self.state();
        let counts = &state.counts;
        report.row("soft purges acknowledged", counts.soft);
        report.row("hard purges acknowledged", counts.hard);
        report.row("purges refused with 503", counts.not_kept);
        report.row("purges without an answer", counts.unanswered);
        let answers = counts.fresh + counts.cut_off + counts.stale + counts.rendered;
        report.row("answers checked", answers);
        report.row("of these fresh", counts.fresh);
        report.row("from the store, saying that it is cut off", counts.cut_off);
        report.row("from the store, saying that it is stale", counts.stale);
        report.row("waited for", counts.rendered);
        report.row("requests that ended with a server", counts.broken_off);
        report.row("slowest answer", format!("{:.1} s", counts.slowest.as_secs_f64()));
        state.broken.iter().for_each(|what| report.broken(what.clone()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn new(now: Instant) -> Self {
        Self {
            reach: Reach::Stopped,
            since: now,
            epoch: 0,
            connected: None,
            heard_until: now,
            purged: Table::default(),
            purged_hard: Table::default(),
            next: 0,
            served: vec![Versions::default(); PAGES],
        }
    }

    fn set_reach(&mut self, reach: Reach, now: Instant) {
        self.heard_until = self.heard_until(now);
        self.connected = self.must_say_cut_off(now).then_some(now);
        self.served.fill(Versions::default());
        (self.reach, self.since, self.epoch) = (reach, now, self.epoch + 1);
    }

    /// Whether its link has not changed for as long as it may need to hear again.
    fn is_settled(&self, now: Instant) -> bool {
        matches!(self.reach, Reach::Linked(within) if now >= self.since + within)
    }

    fn heard_until(&self, now: Instant) -> Instant {
        match self.reach {
            Reach::Linked(within) if self.is_settled(now) => self.heard_until.max(now - within),
            _ => self.heard_until,
        }
    }

    fn must_say_cut_off(&self, now: Instant) -> bool {
        self.reach == Reach::CutOff && now >= self.since + CUT_OFF
    }

    /// The purges until then that are not in its tables.
    fn later<'a>(&self, purges: &'a [Purge], until: Instant) -> &'a [Purge] {
        let later = &purges[self.next..];
        &later[..later.partition_point(|purge| purge.at <= until)]
    }

    fn hear(&mut self, purges: &[Purge], now: Instant) {
        let heard = self.later(purges, self.heard_until(now));
        heard.iter().for_each(|purge| self.note(*purge));
        self.next += heard.len();
    }

    fn note(&mut self, purge: Purge) {
        self.purged.raise_to(purge.scope, purge.version);
        if purge.is_hard {
            self.purged_hard.raise_to(purge.scope, purge.version);
        }
    }
}

impl Asked {
    /// Whether the server may give this answer. `same_link` says whether its link is still the same.
    fn allows(&self, served: Served, same_link: bool) -> Result<(), String> {
        let Served { how, versions } = served;
        let least = match how {
            How::Fresh => self.fresh.most(self.served),
            How::CutOff | How::Rendered => self.known,
            How::Stale => self.hard,
        };
        if !versions.are_at_least(least) {
            return Err(format!("{how:?} with versions {versions}, not {least}"));
        }
        if how == How::Fresh && self.must_say_cut_off && same_link {
            return Err("fresh, though the server has heard nothing for long".to_owned());
        }
        Ok(())
    }
}

impl Counts {
    fn count(&mut self, how: How) {
        *match how {
            How::Fresh => &mut self.fresh,
            How::CutOff => &mut self.cut_off,
            How::Stale => &mut self.stale,
            How::Rendered => &mut self.rendered,
        } += 1;
    }
}

fn read(asked: &Asked, reply: &Reply) -> Result<Served, String> {
    if reply.status != 200 {
        let text = String::from_utf8_lossy(&reply.body);
        return Err(format!("no page: {}", text.chars().take(80).collect::<String>()));
    }
    let first = unseal(&reply.body).ok_or("the page is not whole")?;
    let versions = first.strip_prefix(&format!("page={} versions=", asked.page));
    let versions = versions.ok_or("another page")?.trim().parse()?;
    let status = reply.cache_status.as_str();
    let how = match status {
        _ if status.contains("stale-if-error") => return Err("a render failed".to_owned()),
        "isr; hit" => How::Fresh,
        "isr; hit; detail=cut-off" => How::CutOff,
        _ if status.starts_with("isr; hit; ttl=") => How::Stale,
        _ if status.starts_with("isr; fwd=") => How::Rendered,
        _ => return Err("an answer of no kind".to_owned()),
    };
    Ok(Served { how, versions })
}
