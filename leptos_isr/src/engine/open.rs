//! Opens an engine: checks its settings, opens the store, reads the purges.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Once, OnceLock, atomic::AtomicBool},
    thread::available_parallelism,
};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::{
    access::{draft::DraftMode, secret, sign_in::SignIn, webhooks::Webhooks},
    address::{build, key::Key},
    cdn::{Cdn, Cdns},
    clock::{Clock, stamp_of},
    data::{cache::DataCache, fetch::client::Client, reads::Reads},
    engine::{
        Engine, Inner, builder::Builder, events::Events, failures::Failures, history::History,
        lists::Lists, service::FILES_AT_ONCE,
    },
    error::Error,
    order::Order,
    render::csp::Csp,
    route::overrides::PeriodOverrides,
    rules::{headers::CdnReach, speculation::SpeculationRules},
    stats::Counters,
    store::{
        DiskStore, Ledger, Store,
        disk::{KeptFiles, Settings as DiskSettings},
        guarded::Guarded,
        memory::MemoryTier,
        near::{CopiedLedger, NearStore},
        purge_log::{PurgeHistory, replay},
        tiers::Tiers,
    },
    tasks::{
        background::Background, backoff::Backoff, schedule::Scheduler, single_flight::SingleFlight,
        worker::Worker,
    },
    watch::Hub,
};

impl Builder {
    /// Checks the settings, opens the store and reads its purges.
    ///
    /// If the folder of a disk store cannot be created for lack of space or permission, a warning
    /// is logged, and the engine does without it.
    ///
    /// Returns the engine.
    ///
    /// # Errors
    ///
    /// - [`Error::Setting`] if a setting is wrong by itself, or contradicts another.
    /// - [`Error::Build`] if the build id is malformed.
    /// - [`Error::Store`] if the store's folder cannot be used.
    /// - [`Error::Purges`] if the store's purges cannot be read.
    /// - [`Error::Token`] if the purge token is too short.
    /// - [`Error::Draft`] if the draft secret is too short or is the purge token.
    /// - [`Error::Webhook`] or [`Error::Cdn`] if a webhook or a CDN is set up wrongly.
    /// - [`Error::Csp`] if browsers would not read the policy as it is meant.
    pub fn build(self) -> Result<Engine, Error> {
        let mut settings = self;
        settings.check()?;
        let bypass = settings.why_bypassed();
        let build = settings.build.take().or_else(|| Some(settings.disk.as_ref()?.build.clone()));
        build.as_deref().map(build::check).transpose()?;
        if let Some(token) = &settings.token {
            secret::check("it", token).map_err(|problem| Error::Token { problem })?;
        }
        let csp = settings.csp.as_deref().map(Csp::parse).transpose()?.map(Arc::new);
        let transport = settings.draft.transport;
        let sign_in = settings.token.clone().map(|token| SignIn::new(token, transport));
        let draft = DraftMode::new(settings.draft, settings.token.as_deref())?;
        let webhooks = Webhooks::new(settings.webhooks, settings.token.as_deref())?;
        let memory = Arc::new(MemoryTier::new(settings.memory, settings.limits.body as u64));
        if let (Some(disk), Some(limit)) = (&mut settings.disk, settings.disk_limit) {
            disk.limit = limit;
        }
        let OpenStore { store, disk, folder, missing, history, is_copy } = match bypass {
            None => {
                let own = settings.store.zip(settings.ledger);
                OpenStore::open(settings.disk, own, &settings.clock, &memory)?
            }
            Some(_) => OpenStore::default(),
        };
        let kept = folder.as_deref().zip(build.as_deref());
        let kept_files = kept.map(|(folder, build)| Arc::new(KeptFiles::new(folder, build)));
        let order = Order::after(settings.clock, history.last, history.times, history.later);
        let order = Arc::new(order.with_origins(history.origins));
        let client = Client::new(settings.fetch);
        let clock = Arc::clone(order.clock());
        // Without tags a CDN cannot be told of a build, nor of most purges.
        let is_reached = settings.sends_tags
            && !settings.cdns.is_empty()
            && settings.cdns.iter().all(Cdn::purges_by_tag);
        let cdn_reach = if is_reached { CdnReach::Purged } else { CdnReach::Unpurged };
        let is_shared = store.as_ref().is_some_and(|(_, ledger)| ledger.is_shared());
        let cdns = Cdns::new(settings.cdns, is_shared, clock)?;
        cdns.hear(&history.heard);
        let watch = Arc::new(Hub::new(settings.max_streams, settings.heartbeat, &order));
        let (limits, tasks) = (settings.limits, TaskTracker::new());
        let routes = settings.routes.iter();
        let routes = routes.map(|route| (Arc::clone(&route.name), route.policy.is_some()));
        let counters = Arc::new(Counters::new(routes));
        let reads = Reads {
            counters: Arc::clone(&counters),
            cache: DataCache::new(settings.data_memory),
            client,
            order: Arc::clone(&order),
            tasks: tasks.clone(),
            limit: limits.time,
            watch: Arc::clone(&watch),
        };
        let not_found = settings.routes.path_of_no_route();
        let has_rules = settings.has_speculation_rules;
        let speculation_rules = has_rules.then(|| SpeculationRules::new(&settings.routes));
        let speculation_rules = speculation_rules.flatten().map(Arc::new);
        let engine = Engine(Arc::new(Inner {
            overrides: PeriodOverrides::new(settings.routes.iter().count()),
            routes: settings.routes,
            not_found: not_found.as_deref().map(Key::shared_not_found),
            counters,
            opened: stamp_of(order.now()),
            disk,
            tiers: Tiers::new(
                memory,
                store.map(|(store, ledger)| Guarded::new(store, ledger, limits.time)),
                tasks.clone(),
            ),
            missing_store: missing,
            cut_off_since: std::sync::Mutex::new(is_copy.then(|| order.now())),
            order,
            purge_log: history.log,
            second_purges: Worker::default(),
            other_purges: Worker::default(),
            is_cut_off: AtomicBool::new(is_copy),
            kept_files,
            file_turns: Semaphore::new(FILES_AT_ONCE),
            starts: TaskTracker::new(),
            is_in_service: AtomicBool::new(false),
            running_builds: std::sync::Mutex::default(),
            other_servers: Worker::default(),
            removed_old_builds: std::sync::Mutex::default(),
            old_builds: Worker::default(),
            requests: Worker::default(),
            dry_run_turn: Arc::default(),
            list_turn: Arc::default(),
            recent_advice: tokio::sync::Mutex::default(),
            fresh_turn: Arc::default(),
            flights: SingleFlight::new(),
            lists: Lists::new(),
            backoff: Backoff::new(),
            failures: Failures::new(),
            history: History::new(),
            events: Events::default(),
            reads: Arc::new(reads),
            scheduler: Scheduler::new(settings.bounds),
            background: Background::new(settings.background_threads, settings.render_stack_size),
            compressions: Semaphore::new(available_parallelism().map_or(1, usize::from)),
            watch,
            limits,
            tasks,
            app: OnceLock::new(),
            token: settings.token,
            sign_in,
            draft,
            webhooks,
            cdns,
            cdn_reach,
            csp,
            speculation_rules,
            build,
            bypass,
            shared_cache: settings.shared_cache,
            sends_tags: settings.sends_tags,
            max_header_size: settings.max_header_size,
            header_warning: Once::new(),
            default_headers: settings.default_headers,
            trusted_proxies: settings.trusted_proxies,
        }));
        engine.apply_periods(&history.heard.periods);
        Ok(engine)
    }

    /// Checks settings that are wrong whatever else there is, and those that contradict each other.
    fn check(&self) -> Result<(), Error> {
        let wrong = |setting, problem| Err(Error::Setting { setting, problem });
        if let Some(disk) = &self.disk
            && let Some(id) = self.build.as_ref().filter(|id| **id != disk.build)
        {
            let problem = format!("its build is `{}`, but `build_id` is `{id}`", disk.build);
            return wrong("disk", problem + "; give one id");
        }
        match (&self.store, &self.ledger) {
            (Some(_), None) => {
                return wrong(
                    "store",
                    "a restart would forget purges: set `ledger` too".to_owned(),
                );
            }
            (None, Some(_)) => {
                return wrong("ledger", "it needs a `store`, which is not set".to_owned());
            }
            _ => {}
        }
        if self.bounds.renders == 0 {
            return wrong("max_renders", "0 would render no page: use 1 or more".to_owned());
        }
        Ok(())
    }
}

/// What keeps pages, and what keeps purges.
type Backend = (Arc<dyn Store>, Arc<dyn Ledger>);

/// The store behind the memory, as it was found.
#[derive(Default)]
struct OpenStore {
    store: Option<Backend>,
    disk: Option<DiskStore>,
    /// Where it is, if it is on the disk.
    folder: Option<PathBuf>,
    /// The folder that was to be the store, and why it could not be made.
    missing: Option<(PathBuf, io::ErrorKind)>,
    history: PurgeHistory,
    /// Whether that is what the disk has a copy of: others may have purged since.
    is_copy: bool,
}

impl OpenStore {
    fn open(
        disk: Option<DiskSettings>,
        store: Option<Backend>,
        clock: &Arc<dyn Clock>,
        memory: &Arc<MemoryTier>,
    ) -> Result<Self, Error> {
        let mut open = Self { store, ..Self::default() };
        if let Some(disk) = disk {
            let root = disk.root.clone();
            match open_disk(disk, clock)? {
                Ok(disk) => {
                    open.disk = Some(disk.clone());
                    open.is_copy = open.store.is_some();
                    open.store = Some(match open.store {
                        Some((store, ledger)) => (
                            Arc::new(NearStore::new(Arc::new(disk.clone()), store)),
                            Arc::new(CopiedLedger::new(disk, ledger)),
                        ),
                        None => (Arc::new(disk.clone()), Arc::new(disk)),
                    });
                    open.folder = Some(root);
                }
                Err(why) if open.store.is_none() => open.missing = Some((root, why)),
                Err(_) => {}
            }
        }
        if let Some((store, ledger)) = &open.store {
            let records = ledger.records().map_err(Error::Purges)?;
            open.history = replay(&records, stamp_of(clock.now()));
            let memory = Arc::clone(memory);
            store.set_in_use(Arc::new(move |key| memory.contains(key)));
        }
        Ok(open)
    }
}

/// Opens the disk store. The inner error means that it could not be created for lack of space or
/// permission: a warning is logged, and the engine does without it.
fn open_disk(
    settings: DiskSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Result<DiskStore, io::ErrorKind>, Error> {
    let path = settings.root.clone();
    match DiskStore::with_settings(settings, Arc::clone(clock)) {
        Ok(store) => Ok(Ok(store)),
        Err(source) => match source.kind() {
            why @ (io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded) => {
                warn!(folder = %path.display(), error = %source,
                    "cannot make the store on disk, nothing is kept there");
                Ok(Err(why))
            }
            _ => Err(Error::Store { path, source }),
        },
    }
}
