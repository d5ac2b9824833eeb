//! What visitors, pages and reads come to, in the simplest way.

use std::collections::{BTreeMap, BTreeSet};

use leptos_isr::purge::Purge;

use super::graph::{Graph, item_text, page_text, path};

/// Seconds.
type Time = u64;

/// The order of what happens.
type Turn = u64;

/// One purge, as the model takes it.
pub(crate) struct PurgeOf {
    /// Tags, and paths, which begin with `/`.
    names: Vec<String>,
    is_hard: bool,
}

impl From<&Purge> for PurgeOf {
    fn from(purge: &Purge) -> Self {
        let names = purge.tags.iter().chain(&purge.paths).cloned().collect();
        Self { names, is_hard: purge.hard }
    }
}

pub(crate) struct Model {
    pub(crate) graph: Graph,
    pub(crate) now: Time,
    pub(crate) asked: Vec<usize>,
    pub(crate) renders: Vec<usize>,
    versions: Vec<usize>,
    turn: Turn,
    soft: BTreeMap<String, Turn>,
    hard: BTreeMap<String, Turn>,
    values: BTreeMap<usize, Value>,
    pages: BTreeMap<usize, Shown>,
}

#[derive(Clone, Debug)]
struct Value {
    text: String,
    read_at: Time,
    turn: Turn,
    /// The earliest turn among this and all that it read.
    oldest: Turn,
    /// When the first of what it read is over.
    inner_until: Option<Time>,
}

#[derive(Clone, Debug)]
struct Shown {
    text: String,
    turn: Turn,
    until: Option<Time>,
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Model {
    pub(crate) fn new(graph: Graph) -> Self {
        let (items, pages) = (graph.items.len(), graph.pages.len());
        Self {
            graph,
            now: 0,
            asked: vec![0; items],
            renders: vec![0; pages],
            versions: vec![1; items],
            turn: 0,
            soft: BTreeMap::new(),
            hard: BTreeMap::new(),
            values: BTreeMap::new(),
            pages: BTreeMap::new(),
        }
    }

    pub(crate) fn change(&mut self, item: usize) {
        self.versions[item] += 1;
    }

    pub(crate) fn purge(&mut self, purge: &PurgeOf) {
        let turn = self.next();
        let purges = if purge.is_hard { &mut self.hard } else { &mut self.soft };
        purges.extend(purge.names.iter().map(|name| (name.clone(), turn)));
    }

    /// What a visitor sees; afterwards the page is fresh.
    pub(crate) fn visit(&mut self, page: usize) -> String {
        let names: BTreeSet<_> =
            self.graph.tags_of_page(page).into_iter().chain([path(page)]).collect();
        let shown = match self.pages.get(&page) {
            None => return self.render(page),
            Some(shown) if last(&self.hard, &names) > shown.turn => return self.render(page),
            Some(shown) => shown.clone(),
        };
        let is_over = shown.until.is_some_and(|until| self.now >= until);
        if is_over || last(&self.soft, &names) > shown.turn {
            self.render(page);
        }
        shown.text
    }

    fn render(&mut self, page: usize) -> String {
        self.renders[page] += 1;
        let turn = self.next();
        let own = [path(page)].into();
        let since = last(&self.soft, &own).max(last(&self.hard, &own));
        let about = self.graph.pages[page].clone();
        let mut until = about.period.map(|period| self.now + period);
        let mut items = Vec::new();
        for item in about.items {
            let (value, item_until) = self.read(item, about.period, since);
            until = earlier(until, item_until);
            items.push(value.text);
        }
        let text = page_text(page, &items);
        self.pages.insert(page, Shown { text: text.clone(), turn, until });
        text
    }

    /// An item's value and when it is over, for a reader of this period, who
    /// takes nothing from before `since`.
    fn read(&mut self, item: usize, period: Option<Time>, since: Turn) -> (Value, Option<Time>) {
        let period = self.graph.items[item].period.or(period);
        let until =
            |value: &Value| earlier(period.map(|period| value.read_at + period), value.inner_until);
        let names = self.graph.tags_of_item(item);
        let purged = last(&self.soft, &names).max(last(&self.hard, &names));
        if let Some(value) = self.values.get(&item)
            && value.oldest > since
            && value.turn > purged
            && until(value).is_none_or(|until| self.now < until)
        {
            return (value.clone(), until(value));
        }
        self.asked[item] += 1;
        let turn = self.next();
        let (mut oldest, mut inner_until, mut texts) = (turn, None, Vec::new());
        for inner in self.graph.items[item].inner.clone() {
            let (value, until) = self.read(inner, period, since);
            oldest = oldest.min(value.oldest);
            inner_until = earlier(inner_until, until);
            texts.push(value.text);
        }
        let text = item_text(item, self.versions[item], &texts);
        let value = Value { text, read_at: self.now, turn, oldest, inner_until };
        self.values.insert(item, value.clone());
        let until = until(&value);
        (value, until)
    }

    fn next(&mut self) -> Turn {
        self.turn += 1;
        self.turn
    }
}

/// When one of `names` was last purged.
fn last(purges: &BTreeMap<String, Turn>, names: &BTreeSet<String>) -> Turn {
    names.iter().filter_map(|name| purges.get(name).copied()).max().unwrap_or_default()
}
