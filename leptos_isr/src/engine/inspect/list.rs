//! The pages of a site in the order of what they cost, or of how much they are asked for.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};
use tokio::time::timeout;

use super::{
    json::{maybe_seconds, moment, seconds},
    report::PageState,
};
use crate::{
    address::key::Key,
    engine::Engine,
    entry::ServedEntry,
    error::Error,
    route::routes::DeclaredRoute,
    rules::freshness::{Freshness, StaleReason},
};

/// The most pages that one list names.
pub(crate) const MOST: usize = 200;

/// After how many pages the thread that looks through them lets others run.
const CHUNK: usize = 500;

/// Which pages to list; see [`Engine::pages`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// What comes first. Defaults to [`PageOrder::Demand`].
    pub sort: PageOrder,
    /// Where the list before this one ended: its [`next`](PageList::next). Defaults to the beginning.
    pub after: Option<PageCursor>,
    /// How many pages to name, 200 at most. Defaults to 50.
    pub limit: usize,
    /// Only pages whose path or query has this text, percent-encoded as keys are.
    pub search: Option<String>,
    /// Only pages of this route, as declared.
    pub route: Option<String>,
    /// Only pages that were made of the read of this name, as a
    /// [report](super::report::StoredPage::reads) names it.
    pub read: Option<String>,
}

impl Default for PageQuery {
    fn default() -> Self {
        let (search, route, read) = (None, None, None);
        Self { sort: PageOrder::Demand, after: None, limit: 50, search, route, read }
    }
}

impl PageQuery {
    fn fits(&self, (key, entry): (&Key, Option<&ServedEntry>), route: &DeclaredRoute) -> bool {
        let has_read = |name: &String| {
            entry.is_some_and(|entry| entry.facts.reads.iter().any(|read| *read.name == **name))
        };
        self.search.as_ref().is_none_or(|text| key.as_str().contains(text))
            && self.route.as_ref().is_none_or(|wanted| wanted == route.path())
            && self.read.as_ref().is_none_or(has_read)
    }
}

/// What comes first in a list of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageOrder {
    /// What was asked for most often.
    Demand,
    /// What took most time to render, since the process began.
    Cost,
    /// What was most often regenerated without a change.
    Waste,
    /// What is longest past its period, or was purged longest ago.
    Staleness,
    /// What is largest, all its encodings counted.
    Size,
    /// What failed most often in a row.
    Errors,
}

/// An unknown [`PageOrder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is `demand`, `cost`, `waste`, `staleness`, `size` and `errors`")]
pub struct UnknownOrder;

impl PageOrder {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Demand, Self::Cost, Self::Waste, Self::Staleness, Self::Size, Self::Errors];

    /// The word for it in a query.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Demand => "demand",
            Self::Cost => "cost",
            Self::Waste => "waste",
            Self::Staleness => "staleness",
            Self::Size => "size",
            Self::Errors => "errors",
        }
    }
}

impl FromStr for PageOrder {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        Self::ALL.into_iter().find(|order| order.as_str() == text).ok_or(UnknownOrder)
    }
}

/// A place in a list of pages, as a text. What changes meanwhile may be listed twice or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCursor {
    value: u64,
    page: String,
}

/// A text that is no [`PageCursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not what a list before gave as `next`")]
pub struct UnknownCursor;

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.page)
    }
}

impl FromStr for PageCursor {
    type Err = UnknownCursor;

    fn from_str(text: &str) -> Result<Self, UnknownCursor> {
        // Each page begins with a slash.
        let (value, page) = text.split_at(text.find('/').ok_or(UnknownCursor)?);
        let value = value.parse().map_err(|_| UnknownCursor)?;
        Ok(Self { value, page: page.to_owned() })
    }
}

impl Serialize for PageCursor {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Some of the pages in memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PageList {
    /// When this was found out, by the engine's clock.
    #[serde(serialize_with = "moment")]
    pub at: SystemTime,
    /// How many pages there are that fit the query, listed or not.
    pub matching: usize,
    /// The pages.
    pub pages: Vec<PageRow>,
    /// Where the next list begins, if there are more.
    pub next: Option<PageCursor>,
}

/// A page in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PageRow {
    /// The page's path in canonical form, with the query parameters that its route lists.
    pub page: String,
    /// The route whose page it is, as declared.
    pub route: String,
    /// What a visitor would find; `None` if memory does not have the page, and its renders fail.
    pub state: Option<PageState>,
    /// The time since its render began.
    #[serde(serialize_with = "maybe_seconds")]
    pub age: Option<Duration>,
    /// How long it is past its period, or how long ago it was purged if that is longer.
    #[serde(serialize_with = "seconds")]
    pub stale_for: Duration,
    /// How often it was asked for, since memory has had it.
    pub requests: u64,
    /// The length of all its encodings that were made.
    pub bytes: usize,
    /// How often it was rendered in this process, as far as that is remembered.
    pub renders: u64,
    /// How long these renders took together.
    #[serde(serialize_with = "seconds")]
    pub render_time: Duration,
    /// How often it was regenerated for as long as it has been stored.
    pub regenerations: u32,
    /// How many of these regenerations gave the same page once more.
    pub unchanged: u32,
    /// How many renders have failed in a row, or left nothing to store.
    pub failures: u32,
    /// Why the last one failed, if it did.
    pub error: Option<String>,
}

impl Engine {
    /// Lists the pages that this process has in memory, and those whose renders fail.
    ///
    /// Pages that only the store has are left out: nobody has asked for them lately, and none of them
    /// was rendered. Nothing is read from the store, and no page counts as asked for. The pages are
    /// looked through on a thread of its own, by one caller at a time; others wait.
    ///
    /// # Errors
    ///
    /// Returns [`Error::ShuttingDown`] if the runtime shuts down first.
    ///
    /// # Examples
    ///
    /// ```
    /// use leptos_isr::{Engine, Isr, inspect::{PageOrder, PageQuery}, route::RouteTable};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), leptos_isr::Error> {
    /// let isr = Engine::builder(RouteTable::new().add("/", Isr::forever())?).build()?;
    /// let wasted = isr.pages(&PageQuery { sort: PageOrder::Waste, ..Default::default() }).await?;
    /// assert_eq!((wasted.matching, wasted.next), (0, None));
    /// # Ok(()) }
    /// ```
    pub async fn pages(&self, query: &PageQuery) -> Result<PageList, Error> {
        let query = query.clone();
        self.look_through(move |engine| engine.list_pages(&query)).await
    }

    /// The same, unless others make lists for longer than `limit`: `None`.
    pub(crate) async fn pages_within(
        &self,
        query: &PageQuery,
        limit: Duration,
    ) -> Result<Option<PageList>, Error> {
        let Ok(turn) = timeout(limit, self.turn_to_look()).await else { return Ok(None) };
        let query = query.clone();
        self.look_in_turn(turn, move |engine| engine.list_pages(&query)).await.map(Some)
    }

    fn list_pages(&self, query: &PageQuery) -> PageList {
        let at_hand = self.0.tiers.all_at_hand();
        let known: HashSet<&Key> = at_hand.iter().map(|entry| &entry.key).collect();
        let failing = self.0.backoff.keys().into_iter().filter(|key| !known.contains(key));
        let failing: Vec<Key> = failing.collect();
        let pages = at_hand.iter().map(|entry| (&entry.key, Some(&**entry)));
        let pages = pages.chain(failing.iter().map(|key| (key, None)));

        let mut first = BTreeMap::new();
        let limit = query.limit.clamp(1, MOST);
        let (mut matching, now) = (0, self.now());
        for (n, (key, entry)) in pages.enumerate() {
            if n % CHUNK == CHUNK - 1 {
                std::thread::yield_now();
            }
            let Some(route) = self.route_of(key) else { continue };
            if key.is_shared_not_found() || !query.fits((key, entry), route) {
                continue;
            }
            matching += 1;
            let place = (Reverse(self.value(query.sort, (key, entry), route, now)), key);
            let is_after = query.after.as_ref().is_none_or(|after| {
                (place.0, place.1.as_str()) > (Reverse(after.value), after.page.as_str())
            });
            if is_after {
                first.insert(place, (entry, route));
                // One more than wanted, to know whether there are more.
                if first.len() > limit + 1 {
                    first.pop_last();
                }
            }
        }
        let has_more = first.len() > limit;
        let listed = || first.iter().take(limit);
        let last = listed().next_back().filter(|_| has_more);
        PageList {
            at: now,
            matching,
            next: last.map(|((Reverse(value), key), _)| PageCursor {
                value: *value,
                page: key.as_str().to_owned(),
            }),
            pages: listed()
                .map(|((_, key), (entry, route))| self.row((key, *entry), route, now))
                .collect(),
        }
    }

    /// By what a page is sorted; the greatest comes first.
    fn value(
        &self,
        sort: PageOrder,
        (key, entry): (&Key, Option<&ServedEntry>),
        route: &DeclaredRoute,
        now: SystemTime,
    ) -> u64 {
        let of_entry = |value: &dyn Fn(&ServedEntry) -> u64| entry.map_or(0, value);
        match sort {
            PageOrder::Demand => of_entry(&|entry| entry.requests()),
            PageOrder::Cost => micros(self.0.history.totals(key).time),
            PageOrder::Waste => of_entry(&|entry| u64::from(regenerations(entry).1)),
            PageOrder::Staleness => of_entry(&|entry| {
                micros(self.stale_for(entry, self.freshness_of(entry, route), now))
            }),
            PageOrder::Size => of_entry(&|entry| length(entry) as u64),
            PageOrder::Errors => {
                u64::from(self.0.backoff.streak(key, now).map_or(0, |(failures, ..)| failures))
            }
        }
    }

    fn freshness_of(&self, entry: &ServedEntry, route: &DeclaredRoute) -> Freshness {
        self.0.order.freshness(self.lifetime_of(route), entry)
    }

    fn stale_for(&self, entry: &ServedEntry, freshness: Freshness, now: SystemTime) -> Duration {
        let (by, reason) = match freshness {
            Freshness::Fresh { .. } => return Duration::ZERO,
            Freshness::Stale { by, reason } | Freshness::Expired { by, reason } => (by, reason),
        };
        if reason == StaleReason::Time {
            return by;
        }
        let order = &self.0.order;
        let purge = order.last_purge_of(entry.key.path(), &entry.tags, Some(entry.seen));
        let origin = purge.and_then(|purge| order.origins().of(purge.position));
        let past = origin.and_then(|origin| now.duration_since(origin.at).ok());
        by.max(past.unwrap_or_default())
    }

    fn row(
        &self,
        (key, entry): (&Key, Option<&ServedEntry>),
        route: &DeclaredRoute,
        now: SystemTime,
    ) -> PageRow {
        let freshness = entry.map(|entry| self.freshness_of(entry, route));
        let (regenerations, unchanged) = entry.map_or((0, 0), regenerations);
        let totals = self.0.history.totals(key);
        let failures = self.0.backoff.streak(key, now).map_or(0, |(failures, ..)| failures);
        PageRow {
            page: key.as_str().to_owned(),
            route: route.path().to_owned(),
            state: freshness.map(PageState::of),
            age: entry.and_then(|entry| entry.age(now)),
            stale_for: entry
                .zip(freshness)
                .map_or(Duration::ZERO, |(entry, freshness)| self.stale_for(entry, freshness, now)),
            requests: entry.map_or(0, ServedEntry::requests),
            bytes: entry.map_or(0, length),
            renders: totals.renders,
            render_time: totals.time,
            regenerations,
            unchanged,
            failures,
            error: self.0.history.last_error(key),
        }
    }
}

/// How often a page was regenerated, and how often that gave the same page.
fn regenerations(entry: &ServedEntry) -> (u32, u32) {
    let changes = &entry.facts.changes;
    let (time, purge) = (changes.by_time, changes.by_purge);
    let all = time.regenerations.saturating_add(purge.regenerations);
    (all, all.saturating_sub(time.changed.saturating_add(purge.changed)))
}

fn length(entry: &ServedEntry) -> usize {
    let encoded = entry.encodings.iter().flat_map(|encodings| encodings.known());
    entry.body.len() + encoded.filter_map(|(_, body)| Some(body?.len())).sum::<usize>()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_in_a_list_is_read_again() {
        let place = PageCursor { value: 12, page: "/a%20b?page=2".to_owned() };
        assert_eq!(place.to_string(), "12/a%20b?page=2");
        assert_eq!("12/a%20b?page=2".parse(), Ok(place));
        for text in ["", "12", "/a", "-1/a", "x/a"] {
            assert_eq!(text.parse::<PageCursor>(), Err(UnknownCursor), "{text}");
        }
    }
}
