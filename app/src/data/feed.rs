//! The feed and the site map, as XML.

use newsroom::{ArticleSummary, Section};
use std::fmt::Write as _;

use super::{
    site::{SITE_NAME, SITE_SUMMARY, SiteUrl, article_path, section_path},
    source::ContentSource,
    source_error::ContentError,
};

const FEED_ENTRIES: usize = 30;
/// The site map protocol admits 50,000 addresses in one file.
const SITEMAP_ARTICLES: usize = 49_000;
const LONG_AGO: &str = "1970-01-01T00:00:00Z";

/// The newest articles as an Atom feed (RFC 4287).
///
/// To be served as `application/atom+xml`.
///
/// # Errors
///
/// Returns [`ContentError`] if the articles cannot be read.
pub async fn feed_xml(source: &ContentSource, site_url: &str) -> Result<String, ContentError> {
    let newest = source.newest(FEED_ENTRIES).await?;
    Ok(feed(&newest, &SiteUrl(site_url.to_owned())))
}

/// All public pages of the site for search engines.
///
/// Articles past the 49,000th are left out. To be served as `application/xml`.
///
/// # Errors
///
/// Returns [`ContentError`] if the articles or sections cannot be read.
pub async fn sitemap_xml(source: &ContentSource, site_url: &str) -> Result<String, ContentError> {
    let (articles, sections) =
        futures::try_join!(source.newest_of_many(SITEMAP_ARTICLES), source.sections())?;
    Ok(sitemap(&articles, &sections, &SiteUrl(site_url.to_owned())))
}

fn feed(articles: &[ArticleSummary], site: &SiteUrl) -> String {
    let updated = articles.iter().map(last_change).max().unwrap_or(LONG_AGO);
    let mut xml = String::from(concat!(
        r#"<?xml version="1.0" encoding="utf-8"?>"#,
        "\n",
        r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">"#,
        "\n",
    ));
    let home = escape(&site.join("/"));
    element(&mut xml, "id", &site.join("/"));
    element(&mut xml, "title", SITE_NAME);
    element(&mut xml, "subtitle", SITE_SUMMARY);
    element(&mut xml, "updated", updated);
    let _ = writeln!(xml, r#"<link href="{home}"/>"#);
    let _ = writeln!(xml, r#"<link rel="self" href="{}"/>"#, escape(&site.join("/feed.xml")));
    for article in articles {
        entry(&mut xml, article, site);
    }
    xml.push_str("</feed>\n");
    xml
}

fn entry(xml: &mut String, article: &ArticleSummary, site: &SiteUrl) {
    let url = site.join(&article_path(&article.slug));
    xml.push_str("<entry>\n");
    element(xml, "id", &url);
    element(xml, "title", &article.title);
    let _ = writeln!(xml, r#"<link href="{}"/>"#, escape(&url));
    if !article.published_at.is_empty() {
        element(xml, "published", &article.published_at);
    }
    element(xml, "updated", last_change(article));
    let author = if article.author.is_empty() { SITE_NAME } else { &article.author };
    let _ = writeln!(xml, "<author><name>{}</name></author>", escape(author));
    element(xml, "summary", &article.summary);
    xml.push_str("</entry>\n");
}

fn sitemap(articles: &[ArticleSummary], sections: &[Section], site: &SiteUrl) -> String {
    let mut xml = String::from(concat!(
        r#"<?xml version="1.0" encoding="utf-8"?>"#,
        "\n",
        r#"<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">"#,
        "\n",
    ));
    for path in ["/", "/about"] {
        address(&mut xml, &site.join(path), None);
    }
    for section in sections {
        address(&mut xml, &site.join(&section_path(&section.slug)), None);
    }
    for article in articles {
        address(&mut xml, &site.join(&article_path(&article.slug)), Some(last_change(article)));
    }
    xml.push_str("</urlset>\n");
    xml
}

fn address(xml: &mut String, url: &str, changed: Option<&str>) {
    xml.push_str("<url>\n");
    element(xml, "loc", url);
    if let Some(changed) = changed.filter(|changed| *changed != LONG_AGO) {
        element(xml, "lastmod", changed);
    }
    xml.push_str("</url>\n");
}

fn last_change(article: &ArticleSummary) -> &str {
    let known = [article.updated_at.as_str(), article.published_at.as_str()];
    known.into_iter().find(|moment| !moment.is_empty()).unwrap_or(LONG_AGO)
}

fn element(xml: &mut String, name: &str, text: &str) {
    let _ = writeln!(xml, "<{name}>{}</{name}>", escape(text));
}

/// `text` as it may stand in XML, between tags or in quotes.
///
/// Characters that XML 1.0 does not admit in any spelling are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(letter),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article() -> ArticleSummary {
        ArticleSummary {
            slug: "a b".to_owned(),
            title: "Tags & <tags>".to_owned(),
            summary: "He said \"stale\".\u{1}".to_owned(),
            section: "s".to_owned(),
            author: String::new(),
            published_at: "2026-01-01T00:00:00Z".to_owned(),
            updated_at: "2026-02-01T00:00:00Z".to_owned(),
        }
    }

    fn site() -> SiteUrl {
        SiteUrl("https://news.example/".to_owned())
    }

    #[test]
    fn feed_escapes_what_articles_say() {
        let xml = feed(&[article()], &site());
        assert!(xml.contains("<title>Tags &amp; &lt;tags&gt;</title>"), "{xml}");
        assert!(xml.contains("<summary>He said &quot;stale&quot;.</summary>"), "{xml}");
        assert!(xml.contains("<id>https://news.example/articles/a%20b</id>"), "{xml}");
        assert!(xml.contains("<name>The Revalidator</name>"), "{xml}");
    }

    #[test]
    fn feed_is_as_new_as_its_newest_entry() {
        let older = ArticleSummary { updated_at: "2025-01-01T00:00:00Z".to_owned(), ..article() };
        let xml = feed(&[older, article()], &site());
        let updated = xml.split("<updated>").nth(1).unwrap();
        assert!(updated.starts_with("2026-02-01"), "{xml}");
        assert!(feed(&[], &site()).contains("<updated>1970-01-01T00:00:00Z</updated>"));
    }

    #[test]
    fn sitemap_lists_every_public_page() {
        let section = Section { slug: "s".to_owned(), name: "S".to_owned(), count: 1 };
        let undated =
            ArticleSummary { published_at: String::new(), updated_at: String::new(), ..article() };
        let xml = sitemap(&[article(), undated], &[section], &site());
        for path in ["/", "/about", "/sections/s", "/articles/a%20b"] {
            assert!(
                xml.contains(&format!("<loc>https://news.example{path}</loc>")),
                "{path}: {xml}"
            );
        }
        assert_eq!(xml.matches("<lastmod>").count(), 1, "{xml}");
    }
}
