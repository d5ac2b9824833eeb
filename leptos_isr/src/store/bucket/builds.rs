//! The builds in an object store: which is in service, and which may go.
//!
//! Below `builds/<build>/` stand `opened`, when a process last began to write the build, and `served`,
//! since when it is in service, or was the last time. A build is in service from when a server of it
//! began to serve until a server of another one did. No process can tell whether another one has a
//! build open, so a build that was opened lately stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::ready};
use object_store::{Error::NotFound, ObjectStore, ObjectStoreExt, path::Path};

use super::object;
use crate::{address::build, error::StoreError, period};

const OPENED: &str = "opened";
const SERVED: &str = "served";

pub(super) struct Builds {
    store: Arc<dyn ObjectStore>,
    pages: Path,
    values: Path,
    marks: Path,
}

/// What is said of a build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) opened: Option<SystemTime>,
    pub(super) served: Option<SystemTime>,
}

impl Builds {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: &Path) -> Self {
        let below = |folder| prefix.clone().join(folder);
        Self { store, pages: below("pages"), values: below("values"), marks: below("builds") }
    }

    pub(super) fn pages_of(&self, build: &str) -> Path {
        self.pages.clone().join(build)
    }

    pub(super) fn values_of(&self, build: &str) -> Path {
        self.values.clone().join(build)
    }

    fn mark_of(&self, build: &str, mark: &str) -> Path {
        self.marks.clone().join(build).join(mark)
    }

    /// Notes that a process begins to write `build`.
    pub(super) async fn mark_opened(&self, build: &str, now: SystemTime) -> Result<(), StoreError> {
        self.mark(build, OPENED, now).await
    }

    /// Notes that `build` is in service: from `now` on, unless it was already.
    pub(super) async fn begin_service(
        &self,
        build: &str,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let mut builds = self.marked().await?;
        let own = builds.remove(build).and_then(|own| own.served);
        let last = builds.values().filter_map(|build| build.served).max();
        if own.is_some_and(|own| last.is_none_or(|last| last < own)) {
            return Ok(());
        }
        // Later than all others, also if their clocks were ahead.
        let after = last.map(|last| last + Duration::from_secs(1));
        self.mark(build, SERVED, after.map_or(now, |after| after.max(now))).await
    }

    /// The builds of which something is said.
    pub(super) async fn marked(&self) -> Result<BTreeMap<String, Marks>, StoreError> {
        let mut builds = BTreeMap::<String, Marks>::new();
        let mut objects = self.store.list(Some(&self.marks));
        while let Some(object) = objects.try_next().await? {
            let Some((build, mark)) = self.build_and_mark(&object.location) else { continue };
            let Some(time) = object::read(&*self.store, &object.location).await? else { continue };
            let marks = builds.entry(build).or_default();
            match mark.as_str() {
                OPENED => marks.opened = time_of(&time),
                SERVED => marks.served = time_of(&time),
                _ => {}
            }
        }
        Ok(builds)
    }

    /// Removes the builds that are not needed any more.
    ///
    /// # Errors
    ///
    /// Returns the first error; what else may go is removed all the same.
    pub(super) async fn remove_old(&self, own: &str, now: SystemTime) -> Result<(), StoreError> {
        // Before their marks: a build without them is not one that has just been opened.
        let mut there = self.folders_in(&self.pages).await?;
        there.append(&mut self.folders_in(&self.values).await?);
        let mut builds = self.marked().await?;
        for build in there {
            builds.entry(build).or_default();
        }
        let mut result = Ok(());
        for build in old(&builds, own, now) {
            result = result.and(self.remove(build).await);
        }
        result
    }

    async fn remove(&self, build: &str) -> Result<(), StoreError> {
        self.remove_named(self.pages_of(build)).await?;
        self.remove_named(self.values_of(build)).await?;
        // Last: they tell other servers that the build was there.
        for mark in [OPENED, SERVED] {
            absent_is_fine(self.store.delete(&self.mark_of(build, mark)).await)?;
        }
        Ok(())
    }

    /// Removes the objects below `folder` that a store has made.
    async fn remove_named(&self, folder: Path) -> Result<(), StoreError> {
        let objects = self.store.list(Some(&folder)).map_ok(|object| object.location);
        let objects = objects.try_filter(|object| ready(object::is_named(object))).boxed();
        let removed = self.store.delete_stream(objects).map(|removed| removed.map(drop));
        let removed = removed.map(absent_is_fine);
        removed.fold(Ok(()), |all, one| ready(all.and(one))).await
    }

    /// The builds that have something below `folder`.
    async fn folders_in(&self, folder: &Path) -> Result<BTreeSet<String>, StoreError> {
        let found = self.store.list_with_delimiter(Some(folder)).await?;
        let builds = found.common_prefixes.iter().filter_map(Path::filename);
        Ok(builds.filter(|build| build::check(build).is_ok()).map(str::to_owned).collect())
    }

    fn build_and_mark(&self, object: &Path) -> Option<(String, String)> {
        let mut parts = object.prefix_match(&self.marks)?;
        let mut next = || parts.next().map(|part| part.as_ref().to_owned());
        let (build, mark) = (next()?, next()?);
        build::check(&build).is_ok().then_some((build, mark))
    }

    async fn mark(&self, build: &str, mark: &str, time: SystemTime) -> Result<(), StoreError> {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.store.put(&self.mark_of(build, mark), seconds.to_string().into()).await?;
        Ok(())
    }
}

fn time_of(mark: &Bytes) -> Option<SystemTime> {
    let seconds = std::str::from_utf8(mark).ok()?.trim().parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Another process may have removed it.
fn absent_is_fine(removed: object_store::Result<()>) -> Result<(), StoreError> {
    match removed {
        Err(NotFound { .. }) => Ok(()),
        removed => Ok(removed?),
    }
}

/// The builds that may go. These stay:
///
/// - `own`, and the build that is in service, or was the last to be;
/// - the one that was in service before, for a day after that;
/// - the last one that was opened to come into service after `own`;
/// - one that was opened within the last day, and not to be in service before.
fn old<'a>(builds: &'a BTreeMap<String, Marks>, own: &str, now: SystemTime) -> Vec<&'a str> {
    // A time in the future means that a clock was set back, or is behind.
    let is_over =
        |since: SystemTime| now.duration_since(since).is_ok_and(|past| past >= period::hours(24));
    let served: BTreeSet<_> = builds.values().filter_map(|build| build.served).collect();
    let after = |time: SystemTime| served.iter().copied().find(|other| *other > time);
    let previous = served.iter().copied().rev().nth(1);
    let begun = builds.get(own).and_then(|own| own.served.or(own.opened));
    let next = builds.values().filter(|build| build.served.is_none());
    let next = next.map(|build| build.opened).max().flatten().filter(|next| Some(*next) > begun);
    let is_old = |build: &Marks| {
        let is_written = |since: SystemTime| {
            build.opened.is_some_and(|opened| opened > since && !is_over(opened))
        };
        match build.served {
            None => build.opened.is_none_or(|opened| Some(opened) != next && is_over(opened)),
            Some(time) => after(time).is_some_and(|since| {
                !is_written(since) && (Some(time) != previous || is_over(since))
            }),
        }
    };
    let others = builds.iter().filter(|(id, _)| *id != own);
    others.filter(|(_, build)| is_old(build)).map(|(id, _)| id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000) + period::hours(hours)
    }

    /// Builds by the hours at which they were opened and came into service.
    fn builds(marks: &[(&str, Option<u64>, Option<u64>)]) -> BTreeMap<String, Marks> {
        let marks = marks.iter().map(|(id, opened, served)| {
            ((*id).to_owned(), Marks { opened: opened.map(at), served: served.map(at) })
        });
        marks.collect()
    }

    #[test]
    fn previous_build_stays_for_a_day_and_older_ones_go() {
        let builds = builds(&[
            ("a", Some(1), Some(1)),
            ("b", Some(2), Some(2)),
            ("c", Some(3), Some(3)),
            ("this", Some(4), Some(7)),
        ]);
        assert_eq!(old(&builds, "this", at(8)), ["a", "b"]);
        assert_eq!(old(&builds, "this", at(30)), ["a", "b"]);
        assert_eq!(old(&builds, "this", at(31)), ["a", "b", "c"]);
        // A server of a build that is not in service any more.
        assert_eq!(old(&builds, "b", at(31)), ["a", "c"]);
        assert!(old(&builds, "this", at(0)).contains(&"a"), "a clock that is behind");
        assert!(!old(&builds, "this", at(0)).contains(&"c"), "a clock that is behind");
    }

    #[test]
    fn build_that_was_rolled_back_to_is_in_service() {
        let rolled_back = builds(&[
            ("old", Some(1), Some(60)),
            ("new", Some(50), Some(50)),
            ("x", Some(1), Some(1)),
        ]);
        assert_eq!(old(&rolled_back, "old", at(61)), ["x"]);
        assert_eq!(old(&rolled_back, "old", at(84)), ["new", "x"]);
    }

    #[test]
    fn build_that_comes_next_stays_and_others_that_never_served_stay_for_a_day() {
        let builds = builds(&[
            ("this", Some(10), Some(10)),
            ("before", Some(9), None),
            ("first", Some(20), None),
            ("next", Some(21), None),
            ("unmarked", None, None),
        ]);
        assert_eq!(old(&builds, "this", at(22)), ["unmarked"]);
        assert_eq!(old(&builds, "this", at(33)), ["before", "unmarked"]);
        assert_eq!(old(&builds, "this", at(99)), ["before", "first", "unmarked"]);
        // That one was opened before this one began, so it does not come next.
        let mut builds = builds;
        builds.retain(|id, _| ["this", "before"].contains(&id.as_str()));
        assert_eq!(old(&builds, "this", at(99)), ["before"]);
    }

    #[test]
    fn build_that_is_opened_again_stays_for_a_day() {
        let again = builds(&[
            ("a", Some(40), Some(1)),
            ("b", Some(2), Some(2)),
            ("this", Some(30), Some(30)),
        ]);
        assert_eq!(old(&again, "this", at(41)), Vec::<&str>::new());
        assert_eq!(old(&again, "this", at(55)), ["b"]);
        assert_eq!(old(&again, "this", at(64)), ["a", "b"]);
    }
}
