//! Random pages over random data: what a change reaches is rendered and read
//! anew, and nothing else is.

mod graph;
mod model;

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use graph::{Graph, Site, graph, steady_graph};
use leptos_isr::purge::Purge;
use model::{Model, PurgeOf};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use tokio::runtime::Builder;

/// What happens to the site next. An index is of an item or a page.
#[derive(Clone, Debug)]
enum Step {
    Visit(Index),
    /// Items change at the source, and their tags are purged.
    Change(Vec<Index>, bool),
    /// A tag is purged although nothing changed.
    Tag(&'static str, bool),
    Path(Index, bool),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<Index>().prop_map(Step::Visit),
        3 => (vec(any::<Index>(), 1..3), any::<bool>()).prop_map(|(i, hard)| Step::Change(i, hard)),
        1 => (select(vec!["shared", "hand", "none"]), any::<bool>())
            .prop_map(|(tag, hard)| Step::Tag(tag, hard)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(page, hard)| Step::Path(page, hard)),
        2 => select(vec![1, 20, 29, 30, 60, 600]).prop_map(Step::Advance),
    ]
}

/// Both sides at once, and what they say of each page and each read.
struct Both {
    site: Site,
    model: Model,
}

impl Both {
    async fn take(&mut self, step: &Step) {
        let graph = self.model.graph.clone();
        match step {
            Step::Visit(page) => self.visit(page.index(graph.pages.len())).await,
            Step::Change(items, hard) => {
                let items: BTreeSet<_> =
                    items.iter().map(|item| item.index(graph.items.len())).collect();
                items.iter().for_each(|item| self.site.change(*item));
                items.iter().for_each(|item| self.model.change(*item));
                let tags = items.iter().map(|item| format!("item:{item}")).collect();
                self.purge(Purge { tags, hard: *hard, ..Purge::default() }).await;
            }
            Step::Tag(tag, hard) => {
                let tags = vec![(*tag).to_owned()];
                self.purge(Purge { tags, hard: *hard, ..Purge::default() }).await;
            }
            Step::Path(page, hard) => {
                let paths = vec![graph::path(page.index(graph.pages.len()))];
                self.purge(Purge { paths, hard: *hard, ..Purge::default() }).await;
            }
            Step::Advance(seconds) => {
                self.site.advance(Duration::from_secs(*seconds));
                self.model.now += seconds;
            }
        }
    }

    async fn purge(&mut self, purge: Purge) {
        self.site.engine().purge(&purge).await.unwrap();
        self.model.purge(&PurgeOf::from(&purge));
    }

    /// Visitor and model see the same page, after the same renders and reads.
    async fn visit(&mut self, page: usize) {
        let path = graph::path(page);
        let answer = self.site.get(&path).await;
        self.site.idle().await;
        let shown = self.model.visit(page);
        assert_eq!(answer.body, shown, "{path}: {}", answer.cache_status());
        assert_eq!(self.site.renders_of(&path), self.model.renders[page], "renders of {path}");
        assert_eq!(self.site.asked(), self.model.asked, "reads of items for {path}");
    }
}

async fn as_the_model(graph: Graph, steps: Vec<Step>) {
    let mut both = Both { site: Site::new(&graph), model: Model::new(graph.clone()) };
    for step in &steps {
        both.take(step).await;
    }
    for page in 0..graph.pages.len() {
        both.visit(page).await;
        both.visit(page).await;
        // The model says so too, but this does not depend on it.
        let shown = both.site.get(&graph::path(page)).await;
        shown.assert_fresh().assert_body(&graph.text(page, &both.site.versions()));
    }
}

/// Changes that are purged one after the other, while visitors look at all
/// pages if `visited` says so.
#[derive(Clone, Debug)]
struct Round {
    purges: Vec<(Vec<Index>, bool)>,
    is_visited_meanwhile: bool,
}

fn round() -> impl Strategy<Value = Round> {
    let purges = vec((vec(any::<Index>(), 1..3), any::<bool>()), 1..3);
    (purges, any::<bool>())
        .prop_map(|(purges, is_visited_meanwhile)| Round { purges, is_visited_meanwhile })
}

async fn visit_all(site: &Site) -> Vec<String> {
    let visits = join_all((0..site.pages()).map(|page| site.start(&graph::path(page)))).await;
    site.idle().await;
    visits.into_iter().map(|answer| answer.unwrap().body).collect()
}

async fn nothing_old_and_nothing_needless(graph: Graph, rounds: Vec<Round>) {
    let site = Site::new(&graph);
    visit_all(&site).await;
    let mut tagged = vec![BTreeSet::new(); graph.pages.len()];
    for (page, tags) in tagged.iter_mut().enumerate() {
        *tags = graph.tags_of_page(page);
    }
    for Round { purges, is_visited_meanwhile } in rounds {
        let (asked, renders) = (site.asked(), site.renders_of_all());
        let mut purged = BTreeSet::new();
        let mut visitors = Vec::new();
        for (items, hard) in purges {
            let items: BTreeSet<_> =
                items.iter().map(|item| item.index(graph.items.len())).collect();
            items.iter().for_each(|item| site.change(*item));
            let tags: Vec<_> = items.iter().map(|item| format!("item:{item}")).collect();
            purged.extend(tags.iter().cloned());
            let purge = Purge { tags, hard, ..Purge::default() };
            site.engine().purge(&purge).await.unwrap();
            if is_visited_meanwhile {
                visitors.extend((0..graph.pages.len()).map(|page| site.start(&graph::path(page))));
                tokio::task::yield_now().await;
            }
        }
        join_all(visitors).await;
        // Who joins a regeneration that is just ending, after a purge, starts no other one.
        site.idle().await;
        visit_all(&site).await;
        let seen = visit_all(&site).await;
        for (page, body) in seen.iter().enumerate() {
            assert_eq!(*body, graph.text(page, &site.versions()), "page {page} is old");
            let is_reached = !tagged[page].is_disjoint(&purged);
            let renders = site.renders_of_all()[page] - renders[page];
            match (is_reached, is_visited_meanwhile) {
                (true, true) => assert!(renders >= 1, "page {page}"),
                (is_reached, _) => assert_eq!(renders, usize::from(is_reached), "page {page}"),
            }
        }
        for (item, before) in asked.iter().enumerate() {
            let is_reached = !graph.tags_of_item(item).is_disjoint(&purged);
            let reads = site.asked()[item] - before;
            let most = usize::from(is_reached && graph.is_read(item));
            match is_reached && is_visited_meanwhile {
                true => assert!(reads >= most, "item {item}"),
                false => assert_eq!(reads, most, "item {item}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn visitors_renders_and_reads_are_those_of_a_model(
        graph in graph(), steps in vec(step(), 0..30),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(as_the_model(graph, steps));
    }

    #[test]
    fn change_is_shown_and_only_what_it_reaches_is_rendered_or_read(
        graph in steady_graph(), rounds in vec(round(), 1..4),
    ) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(nothing_old_and_nothing_needless(graph, rounds));
    }
}
