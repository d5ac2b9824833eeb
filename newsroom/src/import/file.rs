//! One Markdown file made into an article.

use super::{
    Folder, fields,
    front_matter::{self, Broken, Fields},
    pictures,
};
use crate::{
    alias, date,
    markdown::excerpt,
    model::ArticleDraft,
    moment::moment,
    prepared::{InvalidInput, MAX_BODY_BYTES, Prepared},
    slug::slugify,
};
use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path},
};

const MAX_FILE_BYTES: u64 = MAX_BODY_BYTES as u64;

/// Why a file does not become an article.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("has {0} bytes: the limit is {MAX_FILE_BYTES} (1 MiB)")]
    TooLarge(u64),
    #[error("shows a picture that cannot be written: {0}")]
    Picture(#[source] io::Error),
    #[error("is not UTF-8: byte {0} starts no character")]
    NotUtf8(usize),
    #[error(transparent)]
    FrontMatter(#[from] Broken),
    #[error(
        "has no date: add `date: 2024-01-31` to its front matter, or import with dates from git"
    )]
    NoDate,
    #[error("`{field}` is `{text}`: write a date such as `2024-01-31` or `2024-01-31T10:00:00Z`")]
    BadDate { field: String, text: String },
    #[error("has no text after its front matter")]
    Empty,
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
}

/// Reads, checks and renders the file at `path` in `folder`.
pub(super) fn read(folder: &Folder, path: &Path) -> Result<Prepared, Reason> {
    let file = folder.dir.join(path);
    let size = fs::metadata(&file)?.len();
    if size > MAX_FILE_BYTES {
        return Err(Reason::TooLarge(size));
    }
    let text = String::from_utf8(fs::read(&file)?)
        .map_err(|error| Reason::NotUtf8(error.utf8_error().valid_up_to()))?;
    parse(folder, path, &text)
}

/// Makes an article of the text of the file at `path`, which counts from the imported folder on.
fn parse(folder: &Folder, path: &Path, text: &str) -> Result<Prepared, Reason> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let (fields, body) = front_matter::split(&text)?;
    let name = Name::of(path);

    let published_at = match published_at(&fields, &name, path) {
        Err(Reason::NoDate) => folder.added.get(path).cloned().ok_or(Reason::NoDate)?,
        date => date?,
    };
    let updated_at = changed_at(&fields)?;
    let (title, body) = title_and_body(&fields, &name, body.trim_start_matches('\n'));
    if body.trim().is_empty() {
        return Err(Reason::Empty);
    }
    let body = match &folder.pictures {
        Some(to) => pictures::take(&folder.dir, path, &body, to).map_err(Reason::Picture)?,
        None => body,
    };
    let summary = fields::text(&fields, &["description", "summary", "excerpt"])
        .or_else(|| excerpt::first_paragraph(&body));
    let mut article = Prepared::new(ArticleDraft {
        summary: summary.unwrap_or_default(),
        section: section(&fields, path),
        author: fields::text(&fields, &["author", "authors"]).unwrap_or_else(|| "Staff".into()),
        slug: slug(&fields, &name),
        published_at: Some(published_at),
        published: !fields::is_draft(&fields),
        body_markdown: body,
        title,
    })?;
    article.updated_at = updated_at;
    article.aliases = aliases(&fields);
    Ok(article)
}

/// What the name of a file says about its article.
struct Name {
    text: String,
    date: Option<String>,
}

impl Name {
    /// An `index.md` is called after its folder, as is the `README.md` of an mdBook, an
    /// `index.de.md` after folder and language.
    fn of(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let folder = path.parent().and_then(Path::file_name).map(OsStr::to_string_lossy);
        let language = if stem == "README" { Some("") } else { language_of_index(&stem) };
        let text = match (language, folder) {
            (Some(language), Some(folder)) => format!("{folder}{language}"),
            _ => stem.into_owned(),
        };
        match date::split_file_name(&text) {
            Some((date, rest)) => Self { text: rest.to_owned(), date: Some(date) },
            None => Self { text, date: None },
        }
    }
}

fn published_at(fields: &Fields, name: &Name, path: &Path) -> Result<String, Reason> {
    if let Some((field, text)) =
        fields::date(fields, &["date", "published", "pubdate", "publishdate"])
    {
        return time(field, text);
    }
    let address = fields::text(fields, &["path"]);
    address
        .and_then(|address| date::in_folders(Path::new(&address)))
        .or_else(|| name.date.clone())
        .or_else(|| date::in_folders(path))
        .ok_or(Reason::NoDate)
}

fn changed_at(fields: &Fields) -> Result<Option<String>, Reason> {
    fields::date(fields, &["lastmod", "updated"]).map(|(field, text)| time(field, text)).transpose()
}

fn time(field: &str, text: String) -> Result<String, Reason> {
    moment(&text).ok_or_else(|| Reason::BadDate { field: field.to_owned(), text })
}

/// A heading that serves as the title leaves the body: the page shows the title anyway.
fn title_and_body(fields: &Fields, name: &Name, body: &str) -> (String, String) {
    if let Some(title) = fields::text(fields, &["title"]) {
        return (title, body.to_owned());
    }
    match excerpt::first_heading(body) {
        Some((title, place)) => (title, format!("{}{}", &body[..place.start], &body[place.end..])),
        None => (spoken(&name.text), body.to_owned()),
    }
}

fn section(fields: &Fields, path: &Path) -> String {
    fields::text(fields, &["section"])
        .or_else(|| fields::first_entry(fields, &["categories", "category"]))
        .or_else(|| fields::first_entry(fields, &["tags"]))
        .or_else(|| top_folder(path))
        .filter(|name| !slugify(name).is_empty())
        .unwrap_or_else(|| "General".to_owned())
}

/// The end of the name of an index file: nothing, or a language with its dot.
fn language_of_index(stem: &str) -> Option<&str> {
    stem.strip_prefix("index").filter(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The folder of an `index.md` at the top is the article's own, not that of a section.
fn top_folder(path: &Path) -> Option<String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_index = language_of_index(&stem).is_some();
    let parts: Vec<_> = path.components().collect();
    match parts.as_slice() {
        [Component::Normal(_), _] if is_index => None,
        [Component::Normal(top), _, ..] => Some(spoken(&top.to_string_lossy())),
        _ => None,
    }
}

/// Zola's `path` is the address that the article had there.
fn aliases(fields: &Fields) -> Vec<String> {
    let texts = fields::entries(fields, &["path", "aliases", "redirect_from"]);
    texts.filter_map(|text| alias::alias_path(&text)).collect()
}

fn slug(fields: &Fields, name: &Name) -> Option<String> {
    fields::text(fields, &["slug"])
        .map(|slug| slugify(&slug))
        .filter(|slug| !slug.is_empty())
        .or_else(|| Some(slugify(&name.text)).filter(|slug| !slug.is_empty()))
}

/// Makes words of a file name: `my_first-post` is "My first post".
fn spoken(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\ntitle: T\ndate: 2024-01-31\n---\nText\n";

    fn parsed(path: &str, text: &str) -> Prepared {
        parse(&Folder::default(), Path::new(path), text)
            .unwrap_or_else(|reason| panic!("{path}: {reason}"))
    }

    #[test]
    fn title_comes_from_the_field_or_the_heading_or_the_file() {
        let cases = [
            (
                "---\ndate: 2024-01-31\ntitle: Field\n---\n# Heading\n\nText\n",
                "Field",
                "# Heading\n\nText\n",
            ),
            ("---\ndate: 2024-01-31\n---\n# Heading\n\nText\n", "Heading", "\nText\n"),
            ("---\ndate: 2024-01-31\ntitle: ''\n---\n\nText\n", "My first post", "Text\n"),
        ];
        for (text, title, body) in cases {
            let article = parsed("my-first_post.md", text);
            assert_eq!(article.title, title);
            assert_eq!(article.body_markdown, body);
        }
    }

    #[test]
    fn slug_comes_from_the_field_or_the_file_or_its_folder() {
        let with_slug = TEXT.replace("title", "slug: A Slug!\ntitle");
        let without_letters = TEXT.replace("title", "slug: '?'\ntitle");
        let cases = [
            ("posts/Some File.md", TEXT, "some-file"),
            ("posts/2024-01-30-jekyll.md", TEXT, "jekyll"),
            ("posts/a bundle/index.md", TEXT, "a-bundle"),
            ("posts/post.de.md", TEXT, "post-de"),
            ("posts/a bundle/index.de.md", TEXT, "a-bundle-de"),
            ("posts/indexes.md", TEXT, "indexes"),
            ("view/README.md", TEXT, "view"),
            ("README.md", TEXT, "readme"),
            ("index.md", TEXT, "index"),
            ("a.md", &with_slug, "a-slug"),
            ("a.md", &without_letters, "a"),
            ("!.md", TEXT, "t"),
        ];
        for (path, text, slug) in cases {
            assert_eq!(parsed(path, text).slug, slug, "{path}");
        }
    }

    #[test]
    fn section_comes_from_the_fields_or_the_top_folder() {
        let with = |fields: &str| TEXT.replace("title", &format!("{fields}\ntitle"));
        let cases = [
            ("posts/a.md", with("section: HTTP caching\ntags: [x]"), "HTTP caching"),
            ("posts/a.md", with("categories: [Web]\ntags: [x]"), "Web"),
            ("posts/a.md", with("category: Web"), "Web"),
            ("posts/a.md", with("tags: [x, y]"), "x"),
            ("posts/a.md", with("tags: ['!']"), "General"),
            ("http-caching/deep/a.md", TEXT.to_owned(), "Http caching"),
            ("_posts/a.md", TEXT.to_owned(), "Posts"),
            ("news/bundle/index.md", TEXT.to_owned(), "News"),
            ("bundle/index.md", TEXT.to_owned(), "General"),
            ("view/README.md", TEXT.to_owned(), "View"),
            ("a.md", TEXT.to_owned(), "General"),
        ];
        for (path, text, section) in cases {
            assert_eq!(parsed(path, &text).section_name, section, "{path}");
        }
    }

    #[test]
    fn times_come_from_the_fields_or_the_file_name() {
        let cases = [
            ("a.md", "date: 2024-01-31", "2024-01-31T00:00:00Z", None),
            ("2023-05-06-a.md", "date: 2024-01-31", "2024-01-31T00:00:00Z", None),
            ("2023-05-06-a.md", "title: T", "2023-05-06T00:00:00Z", None),
            ("2023-05-06-a/index.md", "published: true", "2023-05-06T00:00:00Z", None),
            ("posts/2023-05-06_a/index.md", "title: T", "2023-05-06T00:00:00Z", None),
            ("2023/05/06/a.md", "title: T", "2023-05-06T00:00:00Z", None),
            ("a.md", "path: 2023/05/06/a", "2023-05-06T00:00:00Z", None),
            ("2022-01-01-a.md", "path: news/2023/05/06/a", "2023-05-06T00:00:00Z", None),
            ("2023/05/06/a.md", "path: a", "2023-05-06T00:00:00Z", None),
            ("a.md", "pubDate: Jul 08 2022", "2022-07-08T00:00:00Z", None),
            (
                "a.md",
                "date: 2024-01-31\nlastmod: 2024-02-01 10:00:00 +0100",
                "2024-01-31T00:00:00Z",
                Some("2024-02-01T09:00:00Z"),
            ),
        ];
        for (path, fields, published_at, updated_at) in cases {
            let article = parsed(path, &format!("---\n{fields}\n---\nText"));
            assert_eq!(article.published_at.as_deref(), Some(published_at), "{path} {fields}");
            assert_eq!(article.updated_at.as_deref(), updated_at, "{path} {fields}");
        }
    }

    #[test]
    fn time_of_the_repository_is_the_last_resort() {
        let added = "2020-02-02T00:00:00Z".to_owned();
        let dates = [("a.md".into(), added.clone()), ("2023-05-06-a.md".into(), added.clone())];
        let folder = Folder { added: dates.into(), ..Folder::default() };
        for (path, text, published_at) in [
            ("a.md", "# A\n\nText", &*added),
            ("2023-05-06-a.md", "# A\n\nText", "2023-05-06T00:00:00Z"),
            ("a.md", TEXT, "2024-01-31T00:00:00Z"),
        ] {
            let article = parse(&folder, Path::new(path), text).unwrap();
            assert_eq!(article.published_at.as_deref(), Some(published_at), "{path}");
        }
        let wrong = parse(&folder, Path::new("a.md"), "---\ndate: soon\n---\nText");
        assert!(matches!(wrong, Err(Reason::BadDate { .. })), "{wrong:?}");
    }

    #[test]
    fn summary_comes_from_the_field_or_the_text() {
        let described = TEXT.replace("title", "description: In short.\ntitle");
        assert_eq!(parsed("a.md", &described).summary, "In short.");
        assert_eq!(parsed("a.md", TEXT).summary, "Text");
    }

    #[test]
    fn aliases_are_those_of_zola_hugo_and_jekyll() {
        let cases = [
            (
                "path: 2015/05/11/a\naliases: [2015/05/11/a.html]",
                &["/2015/05/11/a", "/2015/05/11/a.html"][..],
            ),
            ("aliases:\n- /old/\n- https://other.example/a", &["/old"]),
            ("redirect_from: /old.html", &["/old.html"]),
            ("title: T", &[]),
        ];
        for (fields, aliases) in cases {
            let article = parsed("2024-01-31-a.md", &format!("---\n{fields}\n---\nText"));
            assert_eq!(article.aliases, aliases, "{fields}");
        }
    }

    #[test]
    fn line_ends_and_byte_order_mark_make_no_difference() {
        let plain = parsed("a.md", TEXT);
        let windows = parsed("a.md", &format!("\u{feff}{}", TEXT.replace('\n', "\r\n")));
        assert_eq!(windows.title, plain.title);
        assert_eq!(windows.body_markdown, plain.body_markdown);
    }

    #[test]
    fn file_that_cannot_be_taken_says_why() {
        let long_title = format!("---\ntitle: {}\ndate: 2024-01-31\n---\nText", "x".repeat(201));
        let cases = [
            ("Text", "has no date"),
            ("---\ndate: soon\n---\nText", "`date` is `soon`"),
            ("---\ndate: 2024-01-31\nupdated: later\n---\nText", "`updated` is `later`"),
            ("---\ndate: 2024-01-31\n---\n \n", "has no text"),
            ("---\ndate: 2024-01-31\n---\n# Only a title\n", "has no text"),
            ("---\ndate: 2024-01-31\nText", "not closed"),
            (&long_title, "`title` has 201 characters"),
        ];
        for (text, said) in cases {
            let reason =
                parse(&Folder::default(), Path::new("a.md"), text).unwrap_err().to_string();
            assert!(reason.contains(said), "{text}: {reason}");
        }
    }
}
