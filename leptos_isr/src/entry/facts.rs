//! How a stored page came about. None of it decides what a visitor gets.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    address::tag::Tag,
    entry::millis::{self, since_epoch},
    stats::RenderReason,
};

/// How many reads of a page are named; the others are counted.
const NAMED: usize = 32;

/// How many bytes of a name are kept.
const LONGEST_NAME: usize = 256;

/// How a page came about: kept with it, and absent from pages that were stored without.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    /// Who asked for the page's own period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked_by: Option<Asker>,
    /// The reads of the render, in their order, each name once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reads: Vec<ReadFact>,
    /// How many reads are not named.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) more_reads: u32,
    /// Where each of the page's tags is from, in the order of the tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tag_sources: Vec<TagSource>,
    #[serde(skip_serializing_if = "Changes::is_none")]
    pub(crate) changes: Changes,
}

/// Who asked for something of a page while it was rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Asker {
    /// The page's code.
    Code,
    /// The read of this name.
    Read(Arc<str>),
}

/// A read that a page is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadFact {
    pub(crate) name: Arc<str>,
    /// When the value was read, which may be long before the page was rendered.
    #[serde(with = "since_epoch")]
    pub(crate) at: SystemTime,
}

/// A read, as it is noted while a page is rendered.
#[derive(Clone, Debug)]
pub(crate) struct NotedRead {
    pub(crate) fact: ReadFact,
    pub(crate) tags: Vec<Tag>,
}

/// Where a tag of a page is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
pub(crate) enum TagSource {
    Route,
    Code,
    /// The read at this place among those that are named.
    Read(u16),
    /// A read that is not named.
    OtherRead,
}

/// How often a page was regenerated, and how often it was another page then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    /// Of regenerations because its period was over.
    pub(crate) by_time: Tally,
    /// Of those of a page that a purge had reached.
    pub(crate) by_purge: Tally,
    /// When the render began that gave another page than the one before.
    #[serde(skip_serializing_if = "Option::is_none", with = "since_epoch::option")]
    pub(crate) last: Option<SystemTime>,
}

/// Some regenerations of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tally {
    pub(crate) regenerations: u32,
    pub(crate) changed: u32,
    /// The times between the renders and those before them, added up.
    #[serde(with = "millis")]
    pub(crate) interval: Duration,
}

/// What tells a regeneration from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regenerated {
    /// When its render began.
    pub(crate) at: SystemTime,
    /// The time since the render before.
    pub(crate) interval: Duration,
    pub(crate) has_changed: bool,
    pub(crate) reason: RenderReason,
}

impl Asker {
    pub(crate) fn read(name: &str) -> Self {
        Self::Read(short(name))
    }
}

impl ReadFact {
    pub(crate) fn new(name: &str, at: SystemTime) -> Self {
        Self { name: short(name), at }
    }
}

fn short(name: &str) -> Arc<str> {
    name[..name.floor_char_boundary(LONGEST_NAME)].into()
}

impl Facts {
    /// What was noted of a page with `tags`, of which its route declares some.
    pub(crate) fn new(
        tags: &[Tag],
        declared: &[Tag],
        asked_by: Option<Asker>,
        reads: &[NotedRead],
    ) -> Self {
        let mut facts = Self { asked_by, ..Self::default() };
        let mut sources: HashMap<&Tag, TagSource> = HashMap::new();
        for read in reads {
            let source = facts.name(&read.fact);
            for tag in &read.tags {
                sources.entry(tag).or_insert(source);
            }
        }
        let source = |tag| match declared.contains(tag) {
            true => TagSource::Route,
            false => sources.get(tag).copied().unwrap_or(TagSource::Code),
        };
        facts.tag_sources = tags.iter().map(source).collect();
        facts
    }

    /// Names a read, unless it is named already or there are too many.
    fn name(&mut self, read: &ReadFact) -> TagSource {
        let place = match self.reads.iter().position(|named| named.name == read.name) {
            Some(place) => place,
            None if self.reads.len() < NAMED => {
                self.reads.push(read.clone());
                self.reads.len() - 1
            }
            None => {
                self.more_reads = self.more_reads.saturating_add(1);
                return TagSource::OtherRead;
            }
        };
        TagSource::Read(place as u16)
    }

    /// Where the tag at `place` of `tags` is from, if that is known.
    pub(crate) fn source_of(&self, tags: &[Tag], place: usize) -> Option<TagSource> {
        // What does not belong together is of another page, so it says nothing.
        let belongs = self.tag_sources.len() == tags.len();
        let source = belongs.then(|| self.tag_sources.get(place).copied()).flatten()?;
        match source {
            TagSource::Read(read) if usize::from(read) >= self.reads.len() => None,
            source => Some(source),
        }
    }

    /// About how many bytes they take beside their own size.
    pub(super) fn weight(&self) -> usize {
        let reads = self.reads.iter().map(|read| size_of::<ReadFact>() + read.name.len() + 16);
        reads.sum::<usize>() + self.tag_sources.len() * size_of::<TagSource>()
    }
}

impl Changes {
    /// These, and one more.
    #[must_use]
    pub(crate) fn and(mut self, render: Regenerated) -> Self {
        let tally = match render.reason {
            RenderReason::Time => Some(&mut self.by_time),
            RenderReason::Purge => Some(&mut self.by_purge),
            // Somebody asked for it, perhaps because there was something new: it tells nothing of the
            // period.
            _ => None,
        };
        if let Some(tally) = tally {
            tally.regenerations = tally.regenerations.saturating_add(1);
            tally.changed = tally.changed.saturating_add(u32::from(render.has_changed));
            tally.interval = tally.interval.saturating_add(render.interval);
        }
        if render.has_changed {
            self.last = Some(render.at);
        }
        self
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl From<u16> for TagSource {
    fn from(number: u16) -> Self {
        match number {
            0 => Self::Route,
            1 => Self::Code,
            u16::MAX => Self::OtherRead,
            read => Self::Read(read - 2),
        }
    }
}

impl From<TagSource> for u16 {
    fn from(source: TagSource) -> Self {
        match source {
            TagSource::Route => 0,
            TagSource::Code => 1,
            TagSource::Read(read) => read + 2,
            TagSource::OtherRead => Self::MAX,
        }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::{minutes, seconds};
    use std::time::UNIX_EPOCH;

    fn tags(texts: &[&str]) -> Vec<Tag> {
        texts.iter().map(|text| Tag::new(*text)).collect()
    }

    fn read(name: &str, of: &[&str]) -> NotedRead {
        NotedRead { fact: ReadFact::new(name, UNIX_EPOCH), tags: tags(of) }
    }

    #[test]
    fn each_tag_is_of_the_route_or_of_the_first_read_that_has_it_or_of_the_page() {
        let all = tags(&["a", "b", "c", "d"]);
        let reads = [read("one", &["b", "a"]), read("two", &["b", "c"])];
        let facts = Facts::new(&all, &tags(&["a"]), None, &reads);
        let sources: Vec<_> = (0..5).map(|place| facts.source_of(&all, place)).collect();
        use TagSource::{Code, Read, Route};
        assert_eq!(sources, [Some(Route), Some(Read(0)), Some(Read(1)), Some(Code), None]);
        assert_eq!(facts.source_of(&tags(&["a"]), 0), None, "they are of another page");
    }

    #[test]
    fn reads_beyond_the_bound_are_counted_and_names_are_cut() {
        let reads: Vec<_> = (0..40).map(|n| read(&format!("{n}"), &[&format!("t{n}")])).collect();
        let all = tags(&["t31", "t32"]);
        let facts = Facts::new(&all, &[], None, &reads);
        assert_eq!((facts.reads.len(), facts.more_reads), (32, 8));
        let twice = [read("one", &[]), read("two", &[]), read("one", &["t31"])];
        let named = Facts::new(&all, &[], None, &twice);
        assert_eq!((named.reads.len(), named.source_of(&all, 0)), (2, Some(TagSource::Read(0))));
        assert_eq!(facts.source_of(&all, 0), Some(TagSource::Read(31)));
        assert_eq!(facts.source_of(&all, 1), Some(TagSource::OtherRead));
        let long = ReadFact::new(&"\u{e9}".repeat(200), UNIX_EPOCH);
        assert_eq!(long.name.len(), 256);
        assert_eq!(
            ReadFact::new(&format!("a{}", "\u{e9}".repeat(200)), UNIX_EPOCH).name.len(),
            255
        );
    }

    #[test]
    fn regenerations_by_time_and_by_purge_are_counted_apart() {
        let at = UNIX_EPOCH + minutes(9);
        let render = |interval, has_changed, reason| Regenerated {
            at: at + interval,
            interval,
            has_changed,
            reason,
        };
        let changes = Changes::default()
            .and(render(seconds(60), true, RenderReason::Time))
            .and(render(seconds(70), false, RenderReason::Time))
            .and(render(seconds(4), true, RenderReason::Requested))
            .and(render(seconds(5), true, RenderReason::Purge))
            .and(render(seconds(6), false, RenderReason::Purge));
        let by_time = Tally { regenerations: 2, changed: 1, interval: seconds(130) };
        let by_purge = Tally { regenerations: 2, changed: 1, interval: seconds(11) };
        assert_eq!(changes, Changes { by_time, by_purge, last: Some(at + seconds(5)) });
    }
}
