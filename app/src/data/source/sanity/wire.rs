//! What Sanity answers, and what the site makes of it.

use newsroom::{Article, Section, TooDeep};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    super::{
        entries::{Entries, Sections},
        wire::WireArticle,
    },
    portable_text,
};

/// The answer to a query.
#[derive(Deserialize)]
pub(super) struct Answered<T> {
    /// What the query came to. Its absence is not `null`, which says that there is nothing.
    #[serde(deserialize_with = "present", bound(deserialize = "T: Deserialize<'de>"))]
    pub(super) result: T,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<T, D::Error> {
    T::deserialize(value)
}

#[derive(Deserialize)]
pub(super) struct SanityArticle {
    #[serde(flatten)]
    pub(super) wire: WireArticle,
    body: Option<Body>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`body` is neither Markdown, a text, nor Portable Text, an array")]
enum Body {
    Markdown(String),
    PortableText(Vec<Value>),
}

impl SanityArticle {
    /// # Errors
    ///
    /// Returns [`TooDeep`] where Markdown is nested too deeply.
    pub(super) fn into_article(self) -> Result<Article, TooDeep> {
        let body_html = match &self.body {
            None => String::new(),
            Some(Body::Markdown(markdown)) => newsroom::render_markdown(markdown)?,
            Some(Body::PortableText(blocks)) => portable_text::html(blocks),
        };
        Ok(Article { body_html, ..self.wire.into() })
    }
}

/// The sections of all articles.
#[derive(Deserialize)]
pub(super) struct SanitySections {
    /// Those that are documents.
    documents: Entries<SectionDocument>,
    /// Those that are words in articles, one for each article.
    words: Entries<String>,
}

#[derive(Deserialize)]
struct SectionDocument {
    slug: Option<String>,
    name: Option<String>,
    count: u64,
}

impl SanitySections {
    /// Those that have articles, by name.
    pub(super) fn into_sections(self) -> Sections {
        let is_whole = self.documents.is_whole && self.words.is_whole;
        let documents =
            self.documents.read.into_iter().filter_map(|it| Some((it.slug?, it.name, it.count)));
        let words = self.words.read.into_iter().map(|word| (word, None, 1));
        let mut sections: BTreeMap<String, (Option<String>, u64)> = BTreeMap::new();
        for (slug, name, count) in documents.chain(words) {
            let (known, total) = sections.entry(slug).or_default();
            *total += count;
            *known = known.take().or(name.filter(|name| !name.is_empty()));
        }
        sections.retain(|slug, (_, count)| !slug.is_empty() && *count > 0);
        let named = |(slug, (name, count)): (String, (Option<String>, _))| Section {
            name: name.unwrap_or_else(|| slug.clone()),
            slug,
            count,
        };
        let mut sections: Vec<_> = sections.into_iter().map(named).collect();
        sections.sort_by_cached_key(|section| section.name.to_lowercase());
        Sections { read: sections, is_whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn article(body: Value) -> Result<Article, serde_json::Error> {
        let article: SanityArticle = from_value(json!({"slug": "a", "title": "A", "body": body}))?;
        Ok(article.into_article().unwrap())
    }

    #[test]
    fn body_is_markdown_or_portable_text_or_absent() {
        let block =
            json!([{"_type": "block", "children": [{"_type": "span", "text": "*a* <script>"}]}]);
        for (body, html) in [
            (json!("*a* <script>x</script>"), "<p><em>a</em> </p>\n"),
            (block, "<p>*a* &lt;script&gt;</p>\n"),
            (json!(null), ""),
        ] {
            assert_eq!(article(body.clone()).unwrap().body_html, html, "{body}");
        }
        let error = article(json!({"en": "text"})).unwrap_err().to_string();
        assert!(error.contains("`body` is neither"), "{error}");
    }

    #[test]
    fn answer_without_a_result_is_not_an_answer_that_there_is_nothing() {
        let read = from_value::<Answered<Option<Value>>>;
        assert_eq!(read(json!({"result": null, "ms": 1})).unwrap().result, None);
        assert!(read(json!({"ms": 1})).is_err());
    }

    #[test]
    fn sections_are_documents_and_words() {
        let sections: SanitySections = from_value(json!({
            "documents": [
                {"slug": "web", "name": "the Web", "count": 2},
                {"slug": null, "name": "Lost", "count": 1},
                {"slug": "plain", "name": null, "count": 1},
            ],
            "words": ["Loose", "web", "Loose", ""],
        }))
        .unwrap();
        let Sections { read: sections, is_whole } = sections.into_sections();
        assert!(is_whole);
        let sections: Vec<_> =
            sections.iter().map(|s| (s.name.as_str(), s.slug.as_str(), s.count)).collect();
        assert_eq!(sections, [("Loose", "Loose", 2), ("plain", "plain", 1), ("the Web", "web", 3)]);
    }
}
