//! An article that was checked and rendered, ready to be stored.

use crate::{markdown::render_markdown, model::ArticleDraft, moment::in_utc, slug::slugify};

/// The longest body that is stored, in bytes of Markdown.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;
const MAX_TITLE_CHARS: usize = 200;

/// A value that the store refuses: a field of a draft, or a page of a list.
///
/// Its text names the field, what is wrong with it and what to write instead.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct InvalidInput {
    field: &'static str,
    problem: String,
}

impl InvalidInput {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }

    /// The field of [`ArticleDraft`], or the parameter, that has to change.
    pub fn field(&self) -> &str {
        self.field
    }
}

/// A checked draft with its rendered body.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) section: String,
    pub(crate) section_name: String,
    pub(crate) author: String,
    pub(crate) published: bool,
    pub(crate) published_at: Option<String>,
    /// When the content last changed, where the writer knows better than the clock.
    pub(crate) updated_at: Option<String>,
    /// Paths at which it was found before, as [`alias_path`](crate::alias_path) spells them.
    pub(crate) aliases: Vec<String>,
    pub(crate) body_markdown: String,
    pub(crate) body_html: String,
}

impl Prepared {
    /// Checks and renders `draft`, which takes the time a long body needs: not for async threads.
    ///
    /// The slug is that of the draft, or else made from its title.
    pub(crate) fn new(draft: ArticleDraft) -> Result<Self, InvalidInput> {
        let title = title(&draft.title)?;
        let slug = match draft.slug {
            Some(slug) => checked_slug(slug)?,
            None => slug_of_title(&title)?,
        };
        let section_name = line("section", &draft.section)?;
        let section = slugify(&section_name);
        if section.is_empty() {
            return Err(InvalidInput::new(
                "section",
                format!("is `{section_name}`: give it a name with a letter or digit"),
            ));
        }
        let body_markdown = body(draft.body_markdown)?;
        Ok(Self {
            slug,
            title,
            summary: single_spaced(&draft.summary),
            section,
            section_name,
            author: line("author", &draft.author)?,
            published: draft.published,
            published_at: draft.published_at.as_deref().map(time).transpose()?,
            updated_at: None,
            aliases: Vec::new(),
            body_html: rendered(&body_markdown)?,
            body_markdown,
        })
    }
}

/// Joins the words of `text` with single spaces, so that it is one line.
pub(crate) fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn line(field: &'static str, text: &str) -> Result<String, InvalidInput> {
    let text = single_spaced(text);
    if text.is_empty() {
        return Err(InvalidInput::new(field, format!("is empty: give the article its {field}")));
    }
    Ok(text)
}

fn title(text: &str) -> Result<String, InvalidInput> {
    let title = line("title", text)?;
    let length = title.chars().count();
    if length > MAX_TITLE_CHARS {
        let problem = format!("has {length} characters: shorten it to {MAX_TITLE_CHARS}");
        return Err(InvalidInput::new("title", problem));
    }
    Ok(title)
}

fn checked_slug(slug: String) -> Result<String, InvalidInput> {
    let proper = slugify(&slug);
    if slug == proper && !slug.is_empty() {
        return Ok(slug);
    }
    let advice = match proper.as_str() {
        "" => "use lowercase letters, digits and single hyphens, or leave it out".to_owned(),
        _ => format!("use `{proper}`, or leave it out"),
    };
    Err(InvalidInput::new("slug", format!("is `{slug}`: {advice}")))
}

fn slug_of_title(title: &str) -> Result<String, InvalidInput> {
    match slugify(title) {
        slug if slug.is_empty() => Err(InvalidInput::new(
            "slug",
            format!("is missing and cannot be made from the title `{title}`: give one"),
        )),
        slug => Ok(slug),
    }
}

fn body(markdown: String) -> Result<String, InvalidInput> {
    if markdown.len() > MAX_BODY_BYTES {
        let problem =
            format!("has {} bytes: shorten it to {MAX_BODY_BYTES} (1 MiB)", markdown.len());
        return Err(InvalidInput::new("body_markdown", problem));
    }
    Ok(markdown)
}

fn rendered(markdown: &str) -> Result<String, InvalidInput> {
    render_markdown(markdown)
        .map_err(|too_deep| InvalidInput::new("body_markdown", too_deep.to_string()))
}

fn time(text: &str) -> Result<String, InvalidInput> {
    in_utc(text).ok_or_else(|| {
        let problem = format!("is `{text}`: write it in RFC 3339, such as `2024-01-31T10:00:00Z`");
        InvalidInput::new("published_at", problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> ArticleDraft {
        ArticleDraft {
            title: " A\n title ".into(),
            summary: " In  short. ".into(),
            section: "HTTP  caching".into(),
            author: "Ada".into(),
            body_markdown: "*Text*".into(),
            slug: None,
            published_at: Some("2024-01-31T10:00:00+02:00".into()),
            published: true,
        }
    }

    #[test]
    fn fields_are_tidied_and_the_body_is_rendered() {
        let article = Prepared::new(draft()).unwrap();
        assert_eq!(article.slug, "a-title");
        assert_eq!(article.title, "A title");
        assert_eq!(article.summary, "In short.");
        assert_eq!(article.section, "http-caching");
        assert_eq!(article.section_name, "HTTP caching");
        assert_eq!(article.published_at.as_deref(), Some("2024-01-31T08:00:00Z"));
        assert_eq!(article.body_html, "<p><em>Text</em></p>\n");
    }

    #[test]
    fn what_is_wrong_names_the_field_and_the_remedy() {
        type Spoil = fn(&mut ArticleDraft);
        let cases: [(&str, &str, Spoil); 10] = [
            ("title", "is empty", |draft| draft.title = " \n".into()),
            ("title", "has 201 characters", |draft| draft.title = "é".repeat(201)),
            ("slug", "use `a-b`", |draft| draft.slug = Some("A b".into())),
            ("slug", "lowercase letters", |draft| draft.slug = Some("--".into())),
            ("slug", "give one", |draft| draft.title = "???".into()),
            ("section", "is empty", |draft| draft.section = String::new()),
            ("section", "letter or digit", |draft| draft.section = "!!".into()),
            ("body_markdown", "1 MiB", |draft| {
                draft.body_markdown = "x".repeat(MAX_BODY_BYTES + 1);
            }),
            ("body_markdown", "levels deep", |draft| {
                draft.body_markdown = "> ".repeat(10_000);
            }),
            ("published_at", "RFC 3339", |draft| draft.published_at = Some("2024-01-31".into())),
        ];
        for (field, said, spoil) in cases {
            let mut draft = draft();
            spoil(&mut draft);
            let error = Prepared::new(draft).unwrap_err();
            assert_eq!(error.field(), field, "{error}");
            assert!(error.to_string().starts_with(&format!("`{field}` ")), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn limits_themselves_are_allowed() {
        let mut draft = draft();
        draft.title = "é".repeat(MAX_TITLE_CHARS);
        draft.body_markdown = "x".repeat(MAX_BODY_BYTES);
        draft.slug = Some("日本語-2".into());
        Prepared::new(draft).unwrap();
    }
}
