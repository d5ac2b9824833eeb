//! One process of a replica: a real engine, its visitors and its editors.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use axum::{Router, extract::Path, routing::get};
use http::StatusCode;

use super::{
    Broken,
    disk::{CopiedRecords, DiskPages},
    link::Link,
    redis::{LEASE, START},
    world::{EditorsPurge, PAGES, World},
};
use crate::{
    Engine, Isr,
    engine::lookup::Lookup,
    entry::{Seen, ServedEntry, Version},
    purge::Purge,
    route::{RouteTable, target::Target},
    rules::freshness::Freshness,
    store::near::NearStore,
};

/// What a replica is, whichever process it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) replica: usize,
    pub(super) has_disk: bool,
    /// By how much its clock is ahead, in microseconds.
    pub(super) ahead: i64,
    /// For how long pages are fresh; for ever without one.
    pub(super) period: Option<Duration>,
}

pub(super) struct Process {
    pub(super) engine: Engine,
    pub(super) link: Link,
    targets: Vec<Target>,
    /// The newest version of each page that was served, and the last purge that was applied.
    newest: Mutex<([Version; PAGES], Seen)>,
    /// Keeps the app's router.
    _app: Router,
}

/// What a visitor got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Fresh(u64),
    Stale(u64),
    /// The visitor waited for it.
    Rendered(u64),
    /// None, or an old one since the render failed.
    Failed,
}

impl Process {
    /// Starts a process, which has this number.
    pub(super) async fn start(world: &Arc<World>, machine: Machine, number: u64) -> Arc<Self> {
        let Machine { replica, has_disk, ahead, period } = machine;
        world.change(replica, |port| {
            (port.process, port.is_stopped) = (number, false);
        });
        let link = Link::new(world, replica, number);
        let began = world.began;
        let clock = move || {
            let now = START + began.elapsed().as_micros() as u64;
            UNIX_EPOCH + Duration::from_micros(now.saturating_add_signed(ahead))
        };
        let isr = period.map_or_else(Isr::forever, Isr::revalidate).tag("article:{n}");
        let builder = Engine::builder(RouteTable::new().add("/:n", isr).unwrap());
        let builder = match has_disk {
            true => {
                let pages = DiskPages { world: Arc::clone(world), replica };
                let near = NearStore::new(Arc::new(pages), Arc::new(link.clone()));
                builder.store(near).ledger(CopiedRecords(link.clone()))
            }
            false => builder.store(link.clone()).ledger(link.clone()),
        };
        // All of it runs on the simulation's thread.
        let builder = builder.background_threads(0).clock(clock).memory(1 << 20).build_id("b");
        let engine = builder.build().unwrap();
        let render = {
            let link = link.clone();
            move |Path(page): Path<usize>| render(link.clone(), page)
        };
        let app = engine.wrap(Router::new().route("/{n}", get(render)));
        let mut targets = Vec::new();
        for page in 0..PAGES {
            targets.push(engine.target(&format!("/{page}")).await.unwrap());
        }
        let newest = Mutex::new(([Version::default(); PAGES], engine.0.order.seen()));
        let seen = engine.0.order.seen();
        world.note(|| format!("{replica} starts as process {number}, knows {seen:?}"));
        Arc::new(Self { engine, link, targets, newest, _app: app })
    }

    /// Asks for a page, as a visitor, and checks what comes.
    pub(super) async fn visit(&self, page: usize) -> Got {
        self.link.awake().await;
        let (replica, world) = (self.link.replica, &self.link.world);
        let least = |at_all| world.state().least(replica, page, at_all);
        let (target, before) = (&self.targets[page], least(false));
        let lookup = self.engine.serve(target, false).await;
        if world.port(replica).process != self.link.process {
            return Got::Failed;
        }
        let (entry, least) = match &lookup {
            Lookup::Stored { entry, .. } => (entry, least(!self.is_fresh(target, entry))),
            Lookup::Rendered { new, .. } => (&new.entry, before),
            _ => return Got::Failed,
        };
        let (content, process) = read(entry);
        let got = match &lookup {
            Lookup::Rendered { .. } => Got::Rendered(content),
            _ if self.is_fresh(target, entry) => Got::Fresh(content),
            _ => Got::Stale(content),
        };
        let least = if process == self.link.process { least.0.max(least.1) } else { least.0 };
        let place = (entry.version, entry.seen);
        world.note(|| format!("{replica} page {page}: {got:?}, knows of {least}, {place:?}"));
        if content < least {
            world.fail(format!("{replica} serves page {page} as {got:?} and knows of {least}"));
        }
        self.check_order(page, &lookup);
        got
    }

    fn is_fresh(&self, target: &Target, entry: &ServedEntry) -> bool {
        let freshness = self.engine.0.order.freshness(target.lifetime, entry);
        matches!(freshness, Freshness::Fresh { .. })
    }

    /// That neither the pages nor the purges of this process go back.
    fn check_order(&self, page: usize, lookup: &Lookup) {
        let (Lookup::Stored { entry, .. } | Lookup::StaleIfError(entry)) = lookup else { return };
        let mut newest = self.newest.lock().unwrap();
        let (versions, last) = &mut *newest;
        let seen = self.engine.0.order.seen();
        if entry.version < versions[page] || seen < *last {
            let back = format!("{:?} after {:?}", (entry.version, seen), (versions[page], *last));
            self.link
                .world
                .fail(format!("{} goes back with page {page}: {back}", self.link.replica));
        }
        (versions[page], *last) = (entry.version, seen);
    }

    /// Changes a page and then purges it, as an editor. Returns whether that was answered.
    pub(super) async fn publish(&self, page: usize, is_hard: bool, pause: Duration) -> bool {
        let content = self.link.world.state().publish(page);
        tokio::time::sleep(pause).await;
        self.purge(page, content, is_hard).await
    }

    pub(super) async fn purge(&self, page: usize, content: u64, is_hard: bool) -> bool {
        self.link.awake().await;
        let (world, replica) = (&self.link.world, self.link.replica);
        let (id, by_tag) = {
            let mut state = world.state();
            state.purges.push(EditorsPurge {
                page,
                content,
                is_hard,
                is_answered: false,
                is_unkept: false,
                is_forgotten: false,
            });
            (state.purges.len() - 1, state.dice.one_in(2))
        };
        world.note(|| format!("{replica} purges page {page} hard={is_hard} for {content}: {id}"));
        let mut purge =
            Purge { hard: is_hard, tags: vec![format!("purge:{id}")], ..Purge::default() };
        match by_tag {
            true => purge.tags.push(format!("article:{page}")),
            false => purge.paths.push(format!("/{page}")),
        }
        let answer = self.engine.purge(&purge).await;
        if world.port(replica).process != self.link.process {
            return false;
        }
        world.note(|| format!("{replica} purge {id} answered: {answer:?}"));
        let mut state = world.state();
        match answer {
            Ok(()) => state.known[replica].insert(id),
            Err(_) => state.unkept[replica].insert(id),
        };
        (state.purges[id].is_answered, state.purges[id].is_unkept) =
            (answer.is_ok(), answer.is_err());
        answer.is_ok()
    }
}

/// Renders a page, in some time.
async fn render(link: Link, page: usize) -> (StatusCode, String) {
    let world = Arc::clone(&link.world);
    let began = tokio::time::Instant::now();
    let (is_slow, fails, lease) = {
        let mut state = world.state();
        state.renders[page] += 1;
        let lease = state.leases.get(&(link.process, format!("/{page}"))).copied();
        let is_calm = state.is_calm;
        (!is_calm && state.dice.one_in(25), !is_calm && state.dice.one_in(40), lease)
    };
    let pause = || world.millis(if is_slow { 1000..9000 } else { 1..200 });
    tokio::time::sleep(pause()).await;
    link.awake().await;
    let content = {
        let state = world.state();
        match world.is_broken(Broken::SeenTooLate) {
            true => state.content_at(page, began - Duration::from_millis(300)),
            false => state.content(page),
        }
    };
    tokio::time::sleep(pause()).await;
    link.awake().await;
    world.note(|| format!("{} has rendered page {page}: {content}, fails={fails}", link.replica));
    let status = if fails { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    let lease = lease.map_or_else(String::new, |lease| format!("{LEASE}{lease};"));
    (status, format!("{content} {} {lease}", link.process))
}

/// The content of a page, and the process that has rendered it.
fn read(entry: &ServedEntry) -> (u64, u64) {
    let body = std::str::from_utf8(&entry.body).unwrap();
    let mut numbers = body.split(' ').map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten().unwrap();
    (next(), next())
}
