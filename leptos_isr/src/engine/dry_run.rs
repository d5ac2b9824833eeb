//! What a purge would reach, found by looking at every stored page.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use futures::StreamExt;
use serde::Serialize;
use tokio::{
    runtime::Handle,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    address::{key::Key, path::CanonicalPath},
    engine::Engine,
    entry::Entry,
    error::Error,
    order::purge::{Purge, Scope, reaches},
    route::routes::RouteTable,
    store::guarded::ReadFailure,
};

/// How many pages a sample names.
const SAMPLE: usize = 20;

/// What a purge would reach; see [`Engine::purge_dry_run`].
///
/// As JSON: `{"pages":2,"sample":["/a","/b?page=2"],"data":0,"unreadable":0,"complete":true}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PurgeDryRun {
    /// How many stored pages, each once: those of different query parameters are
    /// different pages, and a stored 404 or redirect is one too. It does not
    /// matter whether they are fresh: pages that are stale or purged already
    /// count as well. The 404 page that all paths share which no route lists
    /// does not.
    pub pages: usize,
    /// The first of these pages in the order of their text, at most 20: paths in
    /// their one spelling, with the query parameters that their route lists.
    pub sample: Vec<String>,
    /// How many stored answers of data routes
    /// ([`RouteTable::add_data`](crate::route::RouteTable::add_data)). They are not in `pages`.
    pub data: usize,
    /// How many pages of the store are damaged or could not be read. What they
    /// were is not known, so they are in no other number.
    pub unreadable: usize,
    /// Whether every stored page was looked at. `false`: the store cannot list
    /// its pages, failed meanwhile, or took too long; there may be more.
    pub complete: bool,
}

impl Engine {
    /// What `purge` would reach now. Nothing is purged, logged or rendered, and
    /// no page counts as used.
    ///
    /// Looks at every stored page, in memory and in the store: one read for each
    /// page of the store, one page at a time, on threads of its own. It takes as
    /// long as one render may at the most
    /// ([`Builder::render_timeout`](crate::Builder::render_timeout)), and says
    /// what it found until then. A page that is stored or dropped meanwhile
    /// counts or not. Empty lists reach nothing, and nothing is looked at.
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a path that cannot be one, and
    /// [`Error::DryRunUnderWay`] while another dry run looks at the pages.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, Isr, purge::Purge, route::RouteTable};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
    /// let isr = Engine::builder(RouteTable::new().add("/", Isr::forever())?).build()?;
    /// let everything = Purge { prefixes: vec!["/".into()], ..Purge::default() };
    /// let reached = isr.purge_dry_run(&everything).await?;
    /// assert_eq!((reached.pages, reached.complete), (0, true));
    /// # Ok(()) }
    /// ```
    pub async fn purge_dry_run(&self, purge: &Purge) -> Result<PurgeDryRun, Error> {
        let scopes = purge.scopes()?;
        if scopes.is_empty() {
            return Ok(PurgeDryRun { complete: true, ..PurgeDryRun::default() });
        }
        let turn = Arc::clone(&self.0.dry_run_turn).try_lock_owned();
        let turn = turn.map_err(|_| Error::DryRunUnderWay)?;
        // A caller who leaves ends it.
        let given_up = CancellationToken::new();
        let _guard = given_up.clone().drop_guard();
        let (engine, runtime) = (self.clone(), Handle::current());
        let looking = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(given_up.run_until_cancelled(engine.look_at_all(&scopes, &given_up)))
        });
        match looking.await {
            Ok(reached) => Ok(reached.expect("it is given up with its caller only")),
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::ShuttingDown),
            },
        }
    }

    async fn look_at_all(&self, scopes: &[Scope], given_up: &CancellationToken) -> PurgeDryRun {
        let mut reached = DryRunCount::new(&self.0.routes, scopes);
        let in_memory = self.0.tiers.all_in_memory();
        in_memory.iter().for_each(|entry| reached.look_at(entry));
        let Some(store) = self.0.tiers.store() else {
            return reached.finish(true);
        };
        // Without the bodies: a page may be dropped from memory meanwhile.
        let seen: HashSet<Key> = in_memory.into_iter().map(|entry| entry.key.clone()).collect();
        let Some(mut pages) = store.pages() else {
            return reached.finish(false);
        };
        let end = Instant::now() + self.0.limits.time;
        let mut has_failed = false;
        // A store that answers at once would never let the time limit come to its turn.
        while Instant::now() < end && !given_up.is_cancelled() {
            match timeout_at(end, pages.next()).await {
                Ok(Some(Ok(entry))) if seen.contains(&entry.key) => {}
                Ok(Some(Ok(entry))) => reached.look_at(&entry),
                Ok(Some(Err(failure))) => {
                    reached.unreadable += 1;
                    has_failed |= failure == ReadFailure::Failed;
                }
                Ok(None) => return reached.finish(!has_failed),
                Err(_) => break,
            }
        }
        reached.finish(false)
    }
}

/// What was found so far.
struct DryRunCount<'a> {
    routes: &'a RouteTable,
    scopes: HashSet<&'a Scope>,
    pages: usize,
    sample: BTreeSet<Key>,
    data: usize,
    unreadable: usize,
}

impl<'a> DryRunCount<'a> {
    fn new(routes: &'a RouteTable, scopes: &'a [Scope]) -> Self {
        let scopes = scopes.iter().collect();
        Self { routes, scopes, pages: 0, sample: BTreeSet::new(), data: 0, unreadable: 0 }
    }

    fn look_at(&mut self, entry: &Entry) {
        let key = &entry.key;
        if key.is_shared_not_found() || !reaches(&self.scopes, key.path(), &entry.tags) {
            return;
        }
        if self.is_data(key) {
            self.data += 1;
            return;
        }
        self.pages += 1;
        self.sample.insert(key.clone());
        if self.sample.len() > SAMPLE {
            self.sample.pop_last();
        }
    }

    fn is_data(&self, key: &Key) -> bool {
        let path = CanonicalPath::parse(key.path());
        let route = path.ok().and_then(|path| self.routes.find(path.segments.iter()));
        route.and_then(|route| route.policy()).is_some_and(|policy| policy.is_data)
    }

    fn finish(self, complete: bool) -> PurgeDryRun {
        PurgeDryRun {
            pages: self.pages,
            sample: self.sample.iter().map(ToString::to_string).collect(),
            data: self.data,
            unreadable: self.unreadable,
            complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{address::tag::Tag, entry::RenderStart};
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use std::time::UNIX_EPOCH;

    #[test]
    fn sample_is_the_first_twenty_in_order_and_the_rest_is_counted() {
        let (routes, scopes) = (RouteTable::new(), [Scope::Tag(Tag::new("t"))]);
        let mut reached = DryRunCount::new(&routes, &scopes);
        for n in (100..150).rev() {
            let path = CanonicalPath::parse(&format!("/{n}")).unwrap();
            let key = Key::new(&path, None, &[]).unwrap();
            let start = RenderStart::new(UNIX_EPOCH, 1);
            let mut entry = Entry::new(key, StatusCode::OK, HeaderMap::new(), Bytes::new(), start);
            reached.look_at(&entry);
            entry.tags = vec![Tag::new("t")];
            reached.look_at(&entry);
        }
        let reached = reached.finish(true);
        let expected: Vec<_> = (100..120).map(|n| format!("/{n}")).collect();
        assert_eq!((reached.pages, reached.sample), (50, expected));
    }
}
