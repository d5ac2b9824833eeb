use super::*;
use crate::{
    model::{ArticleDraft, ArticlePage},
    prepared::Prepared,
};

const THEN: &str = "2024-01-01T00:00:00Z";
const NOW: &str = "2024-02-02T00:00:00Z";

fn draft(slug: &str, section: &str, published_at: &str) -> ArticleDraft {
    ArticleDraft {
        title: format!("Title of {slug}"),
        summary: "In short.".into(),
        section: section.into(),
        author: "Ada".into(),
        body_markdown: "*Text*".into(),
        slug: Some(slug.into()),
        published_at: Some(published_at.into()),
        published: true,
    }
}

fn slugs(page: &ArticlePage) -> Vec<&str> {
    page.articles.iter().map(|article| article.slug.as_str()).collect()
}

async fn store_of(drafts: impl IntoIterator<Item = ArticleDraft>) -> ContentStore {
    let store = ContentStore::in_memory().await.unwrap();
    for draft in drafts {
        store.create_at(draft, THEN).await.unwrap();
    }
    store
}

#[tokio::test]
async fn list_is_newest_first_and_paged() {
    let store = store_of([
        draft("b", "News", "2024-01-02T00:00:00Z"),
        draft("c", "News", "2024-01-03T00:00:00Z"),
        draft("a", "News", "2024-01-02T00:00:00Z"),
        // Later than `c` although its text sorts before it: times are compared in UTC.
        draft("d", "Other", "2024-01-02T23:30:00-02:00"),
        ArticleDraft { published: false, ..draft("e", "News", "2024-01-09T00:00:00Z") },
    ])
    .await;

    let all = store.list(None, 1, 20).await.unwrap();
    assert_eq!(slugs(&all), ["d", "c", "a", "b"]);
    assert_eq!(all.total, 4);

    let second = store.list(None, 2, 3).await.unwrap();
    assert_eq!((slugs(&second), second.total), (vec!["b"], 4));

    let news = store.list(Some("news"), 1, 2).await.unwrap();
    assert_eq!((slugs(&news), news.total), (vec!["c", "a"], 3));

    let past_the_end = store.list(None, u32::MAX, 200).await.unwrap();
    assert_eq!((slugs(&past_the_end), past_the_end.total), (vec![], 4));

    let unknown = store.list(Some("nowhere"), 1, 20).await.unwrap();
    assert_eq!((slugs(&unknown), unknown.total), (vec![], 0));
}

#[tokio::test]
async fn pages_out_of_range_are_refused() {
    let store = store_of([]).await;
    for (page, per_page, field) in [(0, 20, "page"), (1, 0, "per_page"), (1, 201, "per_page")] {
        let Err(StoreError::Invalid(invalid)) = store.list(None, page, per_page).await else {
            panic!("page {page} of {per_page} is listed");
        };
        assert_eq!(invalid.field(), field);
    }
}

#[tokio::test]
async fn draft_is_seen_by_editors_only() {
    let store = store_of([ArticleDraft { published: false, ..draft("a", "News", THEN) }]).await;
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(store.sections().await.unwrap(), []);
    assert!(!store.is_empty().await.unwrap());
    assert!(!store.source("a").await.unwrap().unwrap().published);
    assert_eq!(store.drafts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn sections_are_counted_and_ordered_by_name() {
    let store = store_of([
        draft("a", "web", THEN),
        draft("b", "HTTP caching", THEN),
        draft("c", "Web", THEN),
        ArticleDraft { published: false, ..draft("d", "Web", THEN) },
        draft("e", "apple", THEN),
    ])
    .await;
    let sections = store.sections().await.unwrap();
    let seen: Vec<_> =
        sections.iter().map(|it| (it.slug.as_str(), it.name.as_str(), it.count)).collect();
    // "web" is the first spelling seen.
    assert_eq!(
        seen,
        [("apple", "apple", 1), ("http-caching", "HTTP caching", 1), ("web", "web", 2)]
    );
}

#[tokio::test]
async fn section_is_gone_with_its_last_article() {
    let store = store_of([draft("a", "web", THEN), draft("b", "other", THEN)]).await;
    store.update_at("a", draft("a", "News", THEN), NOW).await.unwrap();
    store.delete("b").await.unwrap();
    for (slug, section) in [("c", "Web"), ("d", "Other")] {
        let created = store.create_at(draft(slug, section, THEN), NOW).await.unwrap();
        assert_eq!(created.section, section, "the old spelling is forgotten");
    }
    assert_eq!(store.sections().await.unwrap().len(), 3);
}

#[tokio::test]
async fn updated_at_moves_only_with_the_content() {
    let store = store_of([draft("a", "News", THEN)]).await;
    let same = store.update_at("a", draft("a", "News", THEN), NOW).await.unwrap();
    assert_eq!(same.updated_at, THEN);

    let source = store.source("a").await.unwrap().unwrap();
    assert_eq!(store.update_at("a", source.into(), NOW).await.unwrap().updated_at, THEN);

    let changed = ArticleDraft { body_markdown: "New".into(), ..draft("a", "News", THEN) };
    let changed = store.update_at("a", changed, NOW).await.unwrap();
    assert_eq!(changed.updated_at, NOW);
    assert_eq!(store.get("a").await.unwrap().unwrap().body_html, "<p>New</p>\n");
}

#[tokio::test]
async fn draft_without_a_time_is_published_when_it_is_published() {
    let undated =
        |published| ArticleDraft { published_at: None, published, ..draft("a", "News", THEN) };
    let store = store_of([undated(false)]).await;
    assert_eq!(store.source("a").await.unwrap().unwrap().published_at, None);

    let published = store.update_at("a", undated(true), NOW).await.unwrap();
    assert_eq!(published.published_at.as_deref(), Some(NOW));

    let later = store.update_at("a", undated(true), "2025-01-01T00:00:00Z").await.unwrap();
    assert_eq!(later.published_at.as_deref(), Some(NOW));
}

#[tokio::test]
async fn drafts_are_newest_first() {
    let undated = ArticleDraft { published: false, published_at: None, ..draft("a", "News", THEN) };
    let store =
        store_of([draft("b", "News", "2023-01-01T00:00:00Z"), draft("c", "News", NOW)]).await;
    store.create_at(undated, "2024-01-15T00:00:00Z").await.unwrap();
    let drafts = store.drafts().await.unwrap();
    let slugs: Vec<_> = drafts.iter().map(|draft| draft.slug.as_str()).collect();
    assert_eq!(slugs, ["c", "a", "b"]);
}

#[tokio::test]
async fn slug_can_be_taken_once_and_not_changed() {
    let store = store_of([draft("a", "News", THEN)]).await;
    let again = store.create_at(draft("a", "Other", THEN), NOW).await;
    assert!(matches!(again, Err(StoreError::SlugTaken { slug }) if slug == "a"));
    assert_eq!(store.sections().await.unwrap().len(), 1, "the failed write left nothing");

    let renamed = store.update_at("a", draft("b", "News", THEN), NOW).await;
    assert!(matches!(renamed, Err(StoreError::Invalid(invalid)) if invalid.field() == "slug"));
}

#[tokio::test]
async fn missing_article_is_named() {
    let store = store_of([]).await;
    let update = store.update_at("a", draft("a", "News", THEN), NOW).await.unwrap_err();
    let delete = store.delete("a").await.unwrap_err();
    for error in [update, delete] {
        assert_eq!(error.to_string(), "there is no article `a`");
    }
}

#[tokio::test]
async fn upsert_says_what_it_did() {
    let store = store_of([]).await;
    let articles = |body: &str| {
        let draft = ArticleDraft { body_markdown: body.into(), ..draft("a", "News", THEN) };
        [Prepared::new(draft).unwrap()]
    };
    let steps = [
        ("x", Upserted::Created, THEN),
        ("x", Upserted::Unchanged, THEN),
        ("y", Upserted::Updated, NOW),
    ];
    for (body, outcome, updated_at) in steps {
        assert_eq!(store.upsert_all(&articles(body), NOW).await.unwrap(), [outcome]);
        assert_eq!(store.source("a").await.unwrap().unwrap().updated_at, updated_at);
    }
}

#[tokio::test]
async fn reopened_store_has_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("content.sqlite");
    let store = ContentStore::open(&path).await.unwrap();
    assert!(store.is_empty().await.unwrap());
    store.create_at(draft("a", "News", THEN), THEN).await.unwrap();
    store.pool.close().await;

    let reopened = ContentStore::open(&path).await.unwrap();
    assert_eq!(reopened.get("a").await.unwrap().unwrap().title, "Title of a");
}

#[tokio::test]
async fn writers_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = ContentStore::open(folder.path().join("content.sqlite")).await.unwrap();
    let writes = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(
            async move { store.create_at(draft(&format!("a-{n}"), "News", THEN), THEN).await },
        )
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(store.list(None, 1, 1).await.unwrap().total, 20);
}

#[tokio::test]
async fn file_that_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "This is text, and long enough to be read as a header. ".repeat(20))
        .unwrap();
    let error = ContentStore::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
}
