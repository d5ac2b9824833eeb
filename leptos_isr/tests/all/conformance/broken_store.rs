//! A store in memory, right in every respect but one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use leptos_isr::store::{Key, PageStream, Store, StoreError};
use tokio::task::yield_now;

/// What the store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    // Pages.
    LosesEmptyPages,
    CutsLargePages,
    TakesPagesForText,
    KeepsTheFirstPage,
    KeepsTheTailOfTheOldPage,
    FailsForAbsentPages,
    AnswersThe404PageForAbsentOnes,
    RemovesNothing,
    RemovesAllBelow,
    RemovesInAllBuilds,
    ContainsEverything,
    ContainsWhatWasRemoved,
    ContainsNoEmptyPage,
    WritesInPlace,
    RemovesBeforeItWrites,
    ReusesPlacesOfDroppedPages,
    ForgetsPagesAtTheEnd,
    WritesWhenDropped,
    // The list of pages.
    ListsPagesOfAllBuilds,
    ListsRemovedPages,
    ListsOldPages,
    ListsPagesTwice,
    ListsNoEmptyPage,
    ListsValues,
    ListsPagesHalfRead,
    // Keys.
    FoldsCase,
    DecodesKeys,
    TrimsSlashes,
    DropsTheQuery,
    CutsKeys,
    TakesKeysForFileNames,
    DropsOtherLetters,
    SharesPagesAmongBuilds,
    TakesBuildsForPrefixes,
    // Values.
    KeepsTheFirstValue,
    LosesEmptyValues,
    FoldsCaseOfNames,
    KeepsValuesWithPages,
    SharesValuesAmongBuilds,
    DropsValuesForSpace,
    ForgetsValuesAtTheEnd,
    // Builds, and everything.
    RemovesItself,
    Panics,
    FailsAlways,
}

/// What all stores on it share, as files or a database would be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backing(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    pages: BTreeMap<(String, String), Vec<u8>>,
    values: BTreeMap<(String, String), Vec<u8>>,
    removed: Vec<(String, String)>,
    /// Pages that were removed or replaced, as the bug has it.
    old: Vec<Vec<u8>>,
    open: usize,
}

#[derive(Debug)]
pub(crate) struct BrokenStore {
    build: String,
    bug: Bug,
    content: Arc<Mutex<Content>>,
    /// What this handle did not write yet.
    unwritten: Mutex<Content>,
}

impl Backing {
    pub(crate) fn open(&self, build: String, bug: Bug) -> BrokenStore {
        let content = Arc::clone(&self.0);
        content.lock().unwrap().open += 1;
        BrokenStore { build, bug, content, unwritten: Mutex::default() }
    }
}

impl Drop for BrokenStore {
    fn drop(&mut self) {
        let mut content = self.content.lock().unwrap();
        content.open -= 1;
        let mut unwritten = self.unwritten.lock().unwrap();
        content.pages.append(&mut unwritten.pages);
        match self.bug {
            Bug::ForgetsPagesAtTheEnd => content.pages.retain(|(build, _), _| *build != self.build),
            Bug::ForgetsValuesAtTheEnd => content.values.clear(),
            _ => {}
        }
    }
}

impl BrokenStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    /// Where a page's bytes are, as the bug has it.
    fn place(&self, key: &Key) -> (String, String) {
        let text = key.as_str();
        let text = match self.bug {
            Bug::FoldsCase => text.to_lowercase(),
            Bug::DecodesKeys => text.replace("%2F", "/"),
            Bug::TrimsSlashes => text.trim_end_matches('/').to_owned(),
            Bug::DropsTheQuery => key.path().to_owned(),
            Bug::CutsKeys => text.chars().take(255).collect(),
            Bug::TakesKeysForFileNames => text.replace("/.", "/"),
            Bug::DropsOtherLetters => text.chars().filter(char::is_ascii_alphanumeric).collect(),
            Bug::ReusesPlacesOfDroppedPages if text.len() > 3 => text[..3].to_owned(),
            _ => text.to_owned(),
        };
        let build = match self.bug {
            Bug::SharesPagesAmongBuilds => "",
            Bug::TakesBuildsForPrefixes => self.build.trim_end_matches('1'),
            _ => &self.build,
        };
        (build.to_owned(), text)
    }

    fn place_of_value(&self, name: &str) -> (String, String) {
        let name = match self.bug {
            Bug::FoldsCaseOfNames => name.to_lowercase(),
            _ => name.to_owned(),
        };
        let build = if self.bug == Bug::SharesValuesAmongBuilds { "" } else { &self.build };
        (build.to_owned(), name)
    }

    async fn act(&self) -> Result<(), StoreError> {
        match self.bug {
            Bug::Panics => panic!("the store panics"),
            Bug::FailsAlways => Err("the store is down".into()),
            _ => Ok(()),
        }
    }

    /// Writes what a reader may see half of.
    async fn write_in_place(&self, place: (String, String), page: &[u8]) {
        self.content().pages.insert(place.clone(), Vec::new());
        for part in page.chunks(page.len() / 3 + 1) {
            if let Some(written) = self.content().pages.get_mut(&place) {
                written.extend_from_slice(part);
            }
            yield_now().await;
        }
    }
}

#[async_trait]
impl Store for BrokenStore {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.act().await?;
        let place = self.place(key);
        if let Some(page) = self.unwritten.lock().unwrap().pages.get(&place) {
            return Ok(Some(page.clone().into()));
        }
        let page = self.content().pages.get(&place).cloned();
        match self.bug {
            Bug::LosesEmptyPages => Ok(page.filter(|page| !page.is_empty()).map(Bytes::from)),
            Bug::FailsForAbsentPages if page.is_none() => Err("no such page".into()),
            Bug::AnswersThe404PageForAbsentOnes if page.is_none() => {
                Ok(Some(Bytes::from_static(b"no such page")))
            }
            _ => Ok(page.map(Bytes::from)),
        }
    }

    async fn put(&self, key: &Key, page: Bytes) -> Result<(), StoreError> {
        self.act().await?;
        let place = self.place(key);
        let mut page = page.to_vec();
        match self.bug {
            Bug::CutsLargePages => page.truncate(65_536),
            Bug::TakesPagesForText => page = String::from_utf8_lossy(&page).into_owned().into(),
            Bug::KeepsTheFirstPage if self.content().pages.contains_key(&place) => return Ok(()),
            Bug::KeepsTheTailOfTheOldPage => {
                if let Some(old) = self.content().pages.get(&place) {
                    page.extend(old.iter().skip(page.len()));
                }
            }
            Bug::WritesInPlace => {
                self.write_in_place(place, &page).await;
                return Ok(());
            }
            Bug::RemovesBeforeItWrites => {
                self.content().pages.remove(&place);
                yield_now().await;
            }
            Bug::WritesWhenDropped => {
                self.unwritten.lock().unwrap().pages.insert(place, page);
                return Ok(());
            }
            _ => {}
        }
        let mut content = self.content();
        let old = content.pages.insert(place, page);
        content.old.extend(old.filter(|_| self.bug == Bug::ListsOldPages));
        if self.bug == Bug::DropsValuesForSpace && content.pages.len() > 150 {
            content.values.clear();
        }
        Ok(())
    }

    async fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.bug {
            Bug::ContainsEverything => Ok(true),
            Bug::ContainsWhatWasRemoved if self.content().removed.contains(&self.place(key)) => {
                Ok(true)
            }
            Bug::ContainsNoEmptyPage => {
                Ok(self.get(key).await?.is_some_and(|page| !page.is_empty()))
            }
            _ => Ok(self.get(key).await?.is_some()),
        }
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.act().await?;
        let place = self.place(key);
        self.unwritten.lock().unwrap().pages.remove(&place);
        let mut content = self.content();
        match self.bug {
            Bug::RemovesNothing => {}
            Bug::RemovesAllBelow => content
                .pages
                .retain(|(build, text), _| *build != self.build || !text.starts_with(&place.1)),
            Bug::RemovesInAllBuilds => content.pages.retain(|(_, text), _| *text != place.1),
            _ => {
                let old = content.pages.remove(&place);
                content.old.extend(old.filter(|_| self.bug == Bug::ListsRemovedPages));
                if self.bug == Bug::KeepsValuesWithPages {
                    content.values.remove(&place);
                }
                content.removed.push(place);
            }
        }
        Ok(())
    }

    async fn put_value(&self, name: &str, value: Bytes) -> Result<(), StoreError> {
        self.act().await?;
        let place = self.place_of_value(name);
        let mut content = self.content();
        if self.bug == Bug::KeepsTheFirstValue && content.values.contains_key(&place) {
            return Ok(());
        }
        if self.bug == Bug::KeepsValuesWithPages {
            content.pages.insert(place.clone(), value.to_vec());
        }
        content.values.insert(place, value.to_vec());
        Ok(())
    }

    async fn value(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.act().await?;
        let value = self.content().values.get(&self.place_of_value(name)).cloned();
        let lost = |value: &Vec<u8>| self.bug == Bug::LosesEmptyValues && value.is_empty();
        Ok(value.filter(|value| !lost(value)).map(Bytes::from))
    }

    fn pages(&self) -> Option<PageStream> {
        let content = self.content();
        let is_of = |build: &str| build == self.build || self.bug == Bug::ListsPagesOfAllBuilds;
        let pages = content.pages.iter().filter(|((build, _), _)| is_of(build));
        let mut listed: Vec<_> = pages.map(|(_, page)| page.clone()).collect();
        let values = content.values.iter().filter(|((build, _), _)| *build == self.build);
        match self.bug {
            Bug::ListsRemovedPages | Bug::ListsOldPages => listed.extend(content.old.clone()),
            Bug::ListsPagesTwice => listed.extend(listed.first().cloned()),
            Bug::ListsNoEmptyPage => listed.retain(|page| !page.is_empty()),
            Bug::ListsValues => listed.extend(values.map(|(_, value)| value.clone())),
            Bug::ListsPagesHalfRead => {
                listed.iter_mut().for_each(|page| page.truncate(page.len() / 2));
            }
            _ => {}
        }
        Some(stream::iter(listed).map(|page| Ok(page.into())).boxed())
    }

    async fn remove_old_builds(&self) -> Result<(), StoreError> {
        self.act().await?;
        let mut content = self.content();
        let is_kept = |build: &str| build == self.build && self.bug != Bug::RemovesItself;
        content.pages.retain(|(build, _), _| is_kept(build));
        content.values.retain(|(build, _), _| is_kept(build));
        Ok(())
    }
}
