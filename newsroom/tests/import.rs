//! The import of a folder as people really have them.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test itself")]

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use newsroom::{ContentStore, Import, ImportError, ImportReport};
use std::{fs, path::Path, process::Command};
use tower::ServiceExt;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (path, content) in files {
            folder.write(path, content);
        }
        folder
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

async fn import(folder: &Path, store: &ContentStore) -> Result<ImportReport, ImportError> {
    Import::new(folder).run(store).await
}

fn counts(report: &ImportReport) -> (usize, usize, usize, usize) {
    (report.created, report.updated, report.unchanged, report.skipped.len())
}

async fn slugs(store: &ContentStore) -> Vec<String> {
    let mut slugs: Vec<_> =
        store.drafts().await.unwrap().into_iter().map(|article| article.slug).collect();
    slugs.sort();
    slugs
}

#[tokio::test]
async fn odd_files_are_reported_and_the_rest_is_imported() {
    let large = format!("---\ndate: 2024-01-31\n---\n{}", "x".repeat(1 << 20));
    let folder = Folder::new(&[
        ("bom.md", b"\xef\xbb\xbf---\ntitle: BOM\ndate: 2024-01-31\n---\nText"),
        ("crlf.md", b"---\r\ntitle: CRLF\r\ndate: 2024-01-31\r\n---\r\n\r\nOne.\r\n\r\nTwo.\r\n"),
        ("toml.md", b"+++\ntitle = \"TOML\"\ndate = 2024-01-31T10:00:00+02:00\n[taxonomies]\ntags = [\"Zola\"]\n+++\nText"),
        ("2024-01-31-jekyll.markdown", b"---\nlayout: post\ncategories: [News]\n---\n# Jekyll\n\nText"),
        ("astro.md", b"---\ntitle: Astro\npubDate: 'Jul 08 2022'\n---\nText"),
        ("bundle/index.md", b"---\ntitle: Bundle\ndate: 2024-01-31\n---\n{{< figure src=\"a.png\" >}}\n\nText"),
        ("draft.md", b"---\ntitle: Draft\ndate: 2024-01-31\ndraft: true\n---\nText"),
        ("html.md", b"---\ndate: 2024-01-31\n---\n<div onclick=\"x()\">Raw</div><script>x()</script>"),
        ("_index.md", b"---\ntitle: Section\n---\n"),
        (".hidden.md", b"never read \xff"),
        ("notes.txt", b"never read \xff"),
        ("bad/broken.md", b"---\ntitle: [a\n---\nText"),
        ("bad/date.md", b"---\ndate: soon\n---\nText"),
        ("bad/empty.md", b"---\ndate: 2024-01-31\n---\n\n"),
        ("bad/latin1.md", b"---\ndate: 2024-01-31\n---\ncaf\xe9"),
        ("bad/large.md", large.as_bytes()),
        ("bad/no-date.md", b"# Hello\n\nText"),
        ("bad/open.md", b"---\ndate: 2024-01-31\nText"),
        ("bad/zero.md", b""),
    ]);
    let store = ContentStore::in_memory().await.unwrap();
    let report = import(folder.path(), &store).await.unwrap();

    assert_eq!(counts(&report), (8, 0, 0, 8), "{report}");
    let reasons = [
        ("bad/broken.md", "no YAML"),
        ("bad/date.md", "`date` is `soon`"),
        ("bad/empty.md", "no text"),
        ("bad/large.md", "1 MiB"),
        ("bad/latin1.md", "not UTF-8"),
        ("bad/no-date.md", "no date"),
        ("bad/open.md", "not closed"),
        ("bad/zero.md", "no date"),
    ];
    for (skipped, (path, reason)) in report.skipped.iter().zip(reasons) {
        assert_eq!(skipped.path, Path::new(path));
        assert!(skipped.reason.contains(reason), "{skipped}");
        assert!(report.to_string().contains(&format!("\nskipped {path}: ")), "{report}");
    }

    let list = store.list(None, 1, 20).await.unwrap();
    let seen: Vec<_> = list
        .articles
        .iter()
        .map(|it| {
            (it.slug.as_str(), it.title.as_str(), it.section.as_str(), it.published_at.as_str())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("toml", "TOML", "zola", "2024-01-31T08:00:00Z"),
            ("bom", "BOM", "general", "2024-01-31T00:00:00Z"),
            ("bundle", "Bundle", "general", "2024-01-31T00:00:00Z"),
            ("crlf", "CRLF", "general", "2024-01-31T00:00:00Z"),
            ("html", "Html", "general", "2024-01-31T00:00:00Z"),
            ("jekyll", "Jekyll", "news", "2024-01-31T00:00:00Z"),
            ("astro", "Astro", "general", "2022-07-08T00:00:00Z"),
        ]
    );
    let html = store.get("html").await.unwrap().unwrap();
    assert_eq!(html.body_html.trim(), "<div>Raw</div>");
    assert!(store.get("bundle").await.unwrap().unwrap().body_html.contains("{{&lt; figure"));
    assert!(!store.source("draft").await.unwrap().unwrap().published);
}

#[tokio::test]
async fn second_import_of_the_same_folder_changes_nothing() {
    let folder = Folder::new(&[
        ("a.md", b"---\ndate: 2024-01-31\nlastmod: 2024-02-01\ntags: [Web]\n---\nText"),
        ("b.md", b"---\ndate: 2024-01-31\ntags: [web]\ndraft: true\n---\nText"),
        ("deep/a.md", b"+++\ndate = 2024-01-31\n+++\n| a |\n|--|\n| b |\n"),
        ("bad.md", b"Text"),
    ]);
    let store = ContentStore::in_memory().await.unwrap();
    let first = import(folder.path(), &store).await.unwrap();
    assert_eq!(counts(&first), (3, 0, 0, 1), "{first}");
    let before = store.drafts().await.unwrap();

    let second = import(folder.path(), &store).await.unwrap();
    assert_eq!(counts(&second), (0, 0, 3, 1), "{second}");
    assert_eq!(store.drafts().await.unwrap(), before);
}

#[tokio::test]
async fn only_changed_files_are_updated() {
    let folder = Folder::new(&[
        ("a.md", b"---\ndate: 2024-01-31\n---\nText"),
        ("b.md", b"---\ndate: 2024-01-31\n---\nText"),
    ]);
    let store = ContentStore::in_memory().await.unwrap();
    import(folder.path(), &store).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap().updated_at, "2024-01-31T00:00:00Z");

    folder.write("a.md", "---\ndate: 2024-01-31\n---\nOther text");
    folder.write("b.md", "---\r\ndate: 2024-01-31\r\n---\r\nText");
    folder.write("c.md", "---\ndate: 2024-01-31\n---\nNew");
    let report = import(folder.path(), &store).await.unwrap();
    assert_eq!(counts(&report), (1, 1, 1, 0), "{report}");
    let changed = store.get("a").await.unwrap().unwrap();
    assert!(changed.updated_at.as_str() > "2024-01-31T00:00:00Z", "{}", changed.updated_at);
    assert_eq!(store.get("b").await.unwrap().unwrap().updated_at, "2024-01-31T00:00:00Z");
}

#[tokio::test]
async fn files_of_the_same_slug_are_numbered_in_the_order_of_their_paths() {
    let file = |title: &str| format!("---\ntitle: {title}\ndate: 2024-01-31\n---\nText");
    let folder = Folder::new(&[]);
    folder.write("z/same.md", file("Third"));
    folder.write("a/same.md", file("First"));
    folder.write("b/Same.md", file("Second"));
    folder.write("aa/same.md", "Skipped files take no slug");
    let store = ContentStore::in_memory().await.unwrap();
    import(folder.path(), &store).await.unwrap();

    assert_eq!(slugs(&store).await, ["same", "same-2", "same-3"]);
    for (slug, title) in [("same", "First"), ("same-2", "Second"), ("same-3", "Third")] {
        assert_eq!(store.get(slug).await.unwrap().unwrap().title, title);
    }
}

#[tokio::test]
async fn aliases_are_those_of_the_last_import_and_of_the_first_file_that_has_them() {
    let file = |aliases: &str| format!("---\ndate: 2024-01-31\naliases: [{aliases}]\n---\nText");
    let folder = Folder::new(&[]);
    folder.write("a.md", file("/old, /both, /old/"));
    folder.write("b.md", file("/both, /c"));
    folder.write("d.md", file("/draft").replace("date", "draft: true\ndate"));
    let store = ContentStore::in_memory().await.unwrap();
    let moved = async |path: &str| store.aliases().await.unwrap().remove(path);
    for expected in [(3, 0, 0, 0), (0, 0, 3, 0)] {
        assert_eq!(counts(&import(folder.path(), &store).await.unwrap()), expected);
        for (path, slug) in
            [("/old", Some("a")), ("/both", Some("a")), ("/c", Some("b")), ("/draft", None)]
        {
            assert_eq!(moved(path).await.as_deref(), slug, "{path}");
        }
    }
    let before = store.get("a").await.unwrap();
    folder.write("a.md", file("/new"));
    assert_eq!(counts(&import(folder.path(), &store).await.unwrap()), (0, 2, 1, 0));
    assert_eq!(store.get("a").await.unwrap(), before, "an alias is no content");
    for (path, slug) in [("/old", None), ("/new", Some("a")), ("/both", Some("b"))] {
        assert_eq!(moved(path).await.as_deref(), slug, "{path}");
    }
    store.delete("b").await.unwrap();
    let request = Request::get("/aliases").body(Body::empty()).unwrap();
    let answer = newsroom::router(store, None).oneshot(request).await.unwrap();
    let listed = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(listed, r#"{"/new":"a"}"#, "by the API too");
}

#[tokio::test]
async fn pictures_are_copied_by_content_and_only_from_the_folder() {
    let text = "---\ndate: 2024-01-31\n---\n![a](a.png) <img src=\"../up.JPG\"> [b][b]\n\n[b]: a.png\n\n\
                ![gone](gone.png) ![out](../../out.png) ![far](https://x.example/a.png) ![link](link.png)";
    let folder = Folder::new(&[
        ("out.png", b"secret"),
        ("blog/post/index.md", text.as_bytes()),
        ("blog/post/a.png", b"picture"),
        ("blog/up.JPG", b"other picture"),
    ]);
    std::os::unix::fs::symlink(
        folder.path().join("out.png"),
        folder.path().join("blog/post/link.png"),
    )
    .unwrap();
    let pictures = folder.path().join("pictures");
    let import = Import::new(folder.path().join("blog")).pictures(&pictures);
    let store = ContentStore::in_memory().await.unwrap();
    let copies = || {
        let names = fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    for expected in [(1, 0, 0, 0), (0, 0, 1, 0)] {
        assert_eq!(counts(&import.run(&store).await.unwrap()), expected);
        let [a, up] = copies().try_into().unwrap();
        assert_eq!(fs::read(pictures.join(&a)).unwrap(), b"picture");
        let body = store.source("post").await.unwrap().unwrap().body_markdown;
        let expected = text.split("---\n").nth(2).unwrap().replace("a.png)", "A)");
        let expected =
            expected.replacen("](A)", &format!("](/pictures/{a})"), 1).replace("A)", "a.png)");
        let expected = expected.replace("../up.JPG", &format!("/pictures/{up}"));
        assert_eq!(body, expected.replace("[b]: a.png", &format!("[b]: /pictures/{a}")));
    }
    folder.write("blog/post/a.png", "changed");
    assert_eq!(counts(&import.run(&store).await.unwrap()), (0, 1, 0, 0));
    assert_eq!(copies().len(), 3);
}

#[tokio::test]
async fn missing_folder_is_an_error_that_names_it() {
    let folder = Folder::new(&[]);
    let store = ContentStore::in_memory().await.unwrap();
    let error = import(&folder.path().join("gone"), &store).await.unwrap_err();
    assert!(matches!(error, ImportError::ReadFolder { .. }));
    assert!(error.to_string().contains("gone"), "{error}");
}

#[tokio::test]
async fn files_without_a_date_have_that_of_the_commit_that_added_them_when_asked() {
    let folder = Folder::new(&[("book/old.md", b"# Chapter\n\nText."), (".gitconfig", b"")]);
    let git = |date: &str, args: &[&str]| {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@b.example"];
        let git = Command::new("git")
            .arg("-C")
            .arg(folder.path())
            .args(identity)
            .args(args)
            .env("GIT_CONFIG_GLOBAL", folder.path().join(".gitconfig"))
            .env("GIT_AUTHOR_DATE", date)
            .output()
            .unwrap();
        assert!(git.status.success(), "{git:?}");
    };
    let asked = Import::new(folder.path().join("book")).dates_from_git();
    let store = ContentStore::in_memory().await.unwrap();
    let error = asked.run(&store).await.unwrap_err();
    assert!(error.to_string().contains("run it in a repository"), "{error}");

    git("", &["init", "--quiet"]);
    for (date, change) in [("2020-01-31T10:00:00+02:00", "add"), ("2021-01-31T10:00:00Z", "mv")] {
        match change {
            "mv" => git("", &["mv", "book/old.md", "book/chapter.md"]),
            _ => git("", &["add", "book"]),
        }
        git(date, &["commit", "--quiet", "--message", change]);
    }
    folder.write("book/uncommitted.md", "# Chapter\n\nText.");
    let report = asked.run(&store).await.unwrap();
    assert_eq!(counts(&report), (1, 0, 0, 1), "{report}");
    assert!(report.skipped[0].reason.contains("dates from git"), "{report}");
    let chapter = store.get("chapter").await.unwrap().unwrap();
    assert_eq!((&*chapter.title, &*chapter.published_at), ("Chapter", "2020-01-31T08:00:00Z"));
    assert_eq!(counts(&asked.run(&store).await.unwrap()), (0, 0, 1, 1));
}

#[tokio::test]
async fn empty_folder_imports_nothing() {
    let folder = Folder::new(&[]);
    let store = ContentStore::in_memory().await.unwrap();
    assert_eq!(import(folder.path(), &store).await.unwrap(), ImportReport::default());
    assert!(store.is_empty().await.unwrap());
}

#[tokio::test]
async fn thousands_of_files_are_imported_and_are_unchanged_the_second_time() {
    const FILES: usize = 3_000;
    let folder = Folder::new(&[]);
    for n in 0..FILES {
        let text = format!(
            "---\ntitle: Article {n}\ndate: 2024-01-{:02}T10:{:02}:00Z\ntags: [Tag {}]\n---\n\
             First paragraph of article {n}.\n\n## Part\n\n- *one*\n- `two`\n\n{}\n",
            n % 28 + 1,
            n % 60,
            n % 9,
            "Some more words, as articles have them. ".repeat(40),
        );
        folder.write(&format!("{}/article-{n}.md", n % 7), text);
    }
    let store = ContentStore::open(folder.path().join("content.sqlite")).await.unwrap();
    let first = import(folder.path(), &store).await.unwrap();
    assert_eq!(counts(&first), (FILES, 0, 0, 0), "{first}");
    assert_eq!(store.sections().await.unwrap().len(), 9);

    let second = import(folder.path(), &store).await.unwrap();
    assert_eq!(counts(&second), (0, 0, FILES, 0), "{second}");
}
