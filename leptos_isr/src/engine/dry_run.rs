//! What a purge would reach, found by examining every stored page.

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
    engine::{Engine, finished},
    entry::Entry,
    error::Error,
    order::purge::{Purge, Scope, reaches},
    period,
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
    /// How many stored pages the purge would reach, each counted once.
    ///
    /// Pages with different query parameters are different pages. Stored 404s and redirects count,
    /// and so do pages that are stale or purged already. The one 404 page that all unlisted paths
    /// share does not count.
    pub pages: usize,
    /// The first 20 of these pages in the order of their text: canonical paths, with the query
    /// parameters that their route lists.
    pub sample: Vec<String>,
    /// How many stored answers of data routes
    /// ([`RouteTable::add_data`](crate::route::RouteTable::add_data)) the purge would reach. `pages` does
    /// not count them.
    pub data: usize,
    /// How many pages in the store are damaged or could not be read. Nothing else is known of them,
    /// so no other field counts them.
    pub unreadable: usize,
    /// Whether every stored page was examined. If `false`, the store cannot list its pages, failed,
    /// or took too long, and the purge may reach more pages.
    pub complete: bool,
}

impl Engine {
    /// Finds out what `purge` would reach now.
    ///
    /// Nothing is purged, logged or rendered, and no page counts as used. Every stored page is
    /// examined, in memory and in the store. Each page in the store is read once, one page at a
    /// time, on threads of its own. A page that is stored or evicted in the meantime may or may not
    /// count. A purge with empty lists reaches nothing, and no page is examined.
    ///
    /// Returns what was found within the time limit of a render
    /// ([`Builder::render_timeout`](crate::Builder::render_timeout)).
    ///
    /// # Errors
    ///
    /// Returns [`Error::PurgePath`] for a malformed path, [`Error::DryRunUnderWay`] while another
    /// dry run is under way, and [`Error::ShuttingDown`] if the runtime shuts down first.
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
        // The dry run stops if its caller goes away.
        let given_up = CancellationToken::new();
        let _guard = given_up.clone().drop_guard();
        let (engine, runtime) = (self.clone(), Handle::current());
        let looking = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(given_up.run_until_cancelled(engine.look_at_all(&scopes, &given_up)))
        });
        let reached = finished(looking).await?;
        Ok(reached.expect("only its caller's departure cancels it"))
    }

    async fn look_at_all(&self, scopes: &[Scope], given_up: &CancellationToken) -> PurgeDryRun {
        let mut reached = DryRunCount::new(&self.0.routes, scopes);
        let at_hand = self.0.tiers.all_at_hand();
        at_hand.iter().for_each(|entry| reached.look_at(entry));
        let Some(store) = self.0.tiers.store() else {
            return reached.finish(true);
        };
        // Only the keys: holding the entries would keep the bodies of evicted pages in memory.
        let seen: HashSet<Key> = at_hand.into_iter().map(|entry| entry.key.clone()).collect();
        let Some(mut pages) = store.pages() else {
            return reached.finish(false);
        };
        let end = Instant::now() + self.0.limits.time.min(period::days(1));
        let mut has_failed = false;
        // `timeout_at` alone would never end a store that always answers at once.
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

/// What the dry run has found so far.
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
