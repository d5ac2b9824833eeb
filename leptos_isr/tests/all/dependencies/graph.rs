//! Pages, the items that they read, and a site of them that counts.

use std::{
    collections::BTreeSet,
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::response::IntoResponse;
use axum::{Extension, Router, http::Uri, response::Response};
use leptos_isr::{
    Engine, Isr,
    data::{DataError, data},
    page::RenderScope,
    route::RouteTable,
    testing::{TestClock, TestSite},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// A piece of data. It may read items of lower numbers.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) inner: Vec<usize>,
    /// In seconds.
    pub(crate) period: Option<u64>,
    /// Has the tag `shared`, beside that of its number.
    is_shared: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<usize>,
    /// In seconds.
    pub(crate) period: Option<u64>,
    /// Adds the tag `hand` itself.
    has_hand_tag: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) items: Vec<Item>,
    pub(crate) pages: Vec<Page>,
}

fn periods() -> impl Strategy<Value = Option<u64>> {
    option::of(select(vec![30, 60, 90, 600]))
}

fn of_periods(
    item: impl Strategy<Value = Option<u64>>,
    page: impl Strategy<Value = Option<u64>>,
) -> impl Strategy<Value = Graph> {
    let number = || any::<prop::sample::Index>();
    let items = vec((vec(number(), 0..3), item, any::<bool>()), 1..7);
    let pages = vec((vec(number(), 0..4), page, any::<bool>()), 1..5);
    (items, pages).prop_map(|(items, pages)| {
        let len = items.len();
        let items = items.into_iter().enumerate().map(|(item, (inner, period, is_shared))| {
            let inner = inner.iter().filter(|_| item > 0).map(|inner| inner.index(item));
            Item { inner: inner.collect(), period, is_shared }
        });
        let pages = pages.into_iter().map(|(items, period, has_hand_tag)| {
            let items = items.iter().map(|item| item.index(len)).collect();
            Page { items, period, has_hand_tag }
        });
        Graph { items: items.collect(), pages: pages.collect() }
    })
}

/// Any graph.
pub(crate) fn graph() -> impl Strategy<Value = Graph> {
    of_periods(periods(), periods())
}

/// One in which it does not matter who reads an item first.
pub(crate) fn steady_graph() -> impl Strategy<Value = Graph> {
    of_periods(select(vec![Some(60), Some(600)]), Just(None))
}

pub(crate) fn path(page: usize) -> String {
    format!("/page-{page}")
}

impl Graph {
    /// What an item reads to, with each item in this version.
    fn item_text(&self, item: usize, versions: &[usize]) -> String {
        let inner = self.items[item].inner.iter().map(|inner| self.item_text(*inner, versions));
        item_text(item, versions[item], &inner.collect::<Vec<_>>())
    }

    /// What a page shows then.
    pub(crate) fn text(&self, page: usize, versions: &[usize]) -> String {
        let items = self.pages[page].items.iter().map(|item| self.item_text(*item, versions));
        page_text(page, &items.collect::<Vec<_>>())
    }

    /// The tags of an item and of all that it reads.
    pub(crate) fn tags_of_item(&self, item: usize) -> BTreeSet<String> {
        let inner = self.items[item].inner.iter().flat_map(|inner| self.tags_of_item(*inner));
        self.own_tags(item).into_iter().chain(inner).collect()
    }

    pub(crate) fn own_tags(&self, item: usize) -> Vec<String> {
        let shared = self.items[item].is_shared.then(|| "shared".to_owned());
        std::iter::once(format!("item:{item}")).chain(shared).collect()
    }

    pub(crate) fn tags_of_page(&self, page: usize) -> BTreeSet<String> {
        let page = &self.pages[page];
        let hand = page.has_hand_tag.then(|| "hand".to_owned());
        page.items.iter().flat_map(|item| self.tags_of_item(*item)).chain(hand).collect()
    }

    /// Whether a page shows the item, by itself or in another.
    pub(crate) fn is_read(&self, item: usize) -> bool {
        let tag = format!("item:{item}");
        (0..self.pages.len()).any(|page| self.tags_of_page(page).contains(&tag))
    }
}

pub(crate) fn item_text(item: usize, version: usize, inner: &[String]) -> String {
    format!("{item}v{version}({})", inner.join(" "))
}

pub(crate) fn page_text(page: usize, items: &[String]) -> String {
    format!("page {page}: {}", items.join(" "))
}

/// The site of a graph.
pub(crate) struct Site {
    kit: TestSite,
    source: Arc<Source>,
}

/// Where the items are read from.
#[derive(Debug)]
struct Source {
    graph: Graph,
    versions: Mutex<Vec<usize>>,
    asked: Mutex<Vec<usize>>,
}

impl Deref for Site {
    type Target = TestSite;

    fn deref(&self) -> &TestSite {
        &self.kit
    }
}

impl Site {
    pub(crate) fn new(graph: &Graph) -> Self {
        let source = Arc::new(Source {
            graph: graph.clone(),
            versions: Mutex::new(vec![1; graph.items.len()]),
            asked: Mutex::new(vec![0; graph.items.len()]),
        });
        let routes =
            graph.pages.iter().enumerate().fold(RouteTable::new(), |routes, (page, about)| {
                let isr = match about.period {
                    Some(period) => Isr::revalidate(Duration::from_secs(period)),
                    None => Isr::forever(),
                };
                routes.add(&path(page), isr).unwrap()
            });
        let clock = TestClock::new();
        let engine = Engine::builder(routes).clock(clock.clone()).build().unwrap();
        let router = {
            let source = Arc::clone(&source);
            Router::new().fallback(move |scope: Extension<RenderScope>, uri: Uri| {
                let number = uri.path().rsplit('-').next().unwrap().parse().unwrap();
                Arc::clone(&source).page(number, scope.0)
            })
        };
        let app = engine.wrap(router);
        Self { kit: TestSite::new(&engine, app, clock), source }
    }

    pub(crate) fn pages(&self) -> usize {
        self.source.graph.pages.len()
    }

    /// The item changes at its source.
    pub(crate) fn change(&self, item: usize) {
        self.source.versions.lock().unwrap()[item] += 1;
    }

    pub(crate) fn versions(&self) -> Vec<usize> {
        self.source.versions.lock().unwrap().clone()
    }

    /// How often each item was read from its source.
    pub(crate) fn asked(&self) -> Vec<usize> {
        self.source.asked.lock().unwrap().clone()
    }

    pub(crate) fn renders_of_all(&self) -> Vec<usize> {
        (0..self.pages()).map(|page| self.renders_of(&path(page))).collect()
    }
}

impl Source {
    async fn page(self: Arc<Self>, number: usize, scope: RenderScope) -> Response {
        let page = &self.graph.pages[number];
        if page.has_hand_tag {
            scope.tag("hand");
        }
        let mut items = Vec::new();
        for item in &page.items {
            items.push(Arc::clone(&self).item(*item).await.unwrap());
        }
        page_text(number, &items).into_response()
    }

    /// The item through the data cache.
    fn item(
        self: Arc<Self>,
        item: usize,
    ) -> Pin<Box<dyn Future<Output = Result<String, DataError>> + Send>> {
        let mut read = data(format!("item {item}")).tags(self.graph.own_tags(item));
        if let Some(period) = self.graph.items[item].period {
            read = read.revalidate(Duration::from_secs(period));
        }
        Box::pin(read.load(move || async move { self.load(item).await }))
    }

    async fn load(self: Arc<Self>, item: usize) -> Result<String, DataError> {
        self.asked.lock().unwrap()[item] += 1;
        let version = self.versions.lock().unwrap()[item];
        tokio::task::yield_now().await;
        let mut inner = Vec::new();
        for number in self.graph.items[item].inner.clone() {
            inner.push(Arc::clone(&self).item(number).await?);
        }
        Ok(item_text(item, version, &inner))
    }
}
