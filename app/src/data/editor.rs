//! What the editor sees and does.

mod access;
mod cookies;
mod load;
mod preview;
mod write;

pub(crate) use self::load::{overview, source};

use leptos::server;
use newsroom::ArticleSource;
use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// What lies behind the editor's door.
#[derive(Clone, Debug, PartialEq)]
pub enum Door<T> {
    /// There is no editor on this site.
    Absent,
    /// The visitor must sign in first.
    SignedOut,
    /// The editor is signed in.
    Open(T),
}

/// What the editor typed into the form of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArticleForm {
    /// The slug of the article that is replaced; empty for a new one.
    pub slug: String,
    /// The slug for a new article; empty to have one made from the title.
    pub new_slug: String,
    /// The headline.
    pub title: String,
    /// One or two sentences.
    pub summary: String,
    /// The name of the section.
    pub section: String,
    /// Who wrote it.
    pub author: String,
    /// The body in Markdown.
    pub body_markdown: String,
    /// Which button was pressed.
    pub intent: Intent,
}

impl From<ArticleSource> for ArticleForm {
    fn from(article: ArticleSource) -> Self {
        Self {
            slug: article.slug,
            new_slug: String::new(),
            title: article.title,
            summary: article.summary,
            section: article.section,
            author: article.author,
            body_markdown: article.body_markdown,
            intent: if article.published { Intent::Publish } else { Intent::Draft },
        }
    }
}

/// What is to become of an article that is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Readers do not see it.
    #[default]
    Draft,
    /// Readers see it.
    Publish,
}

/// Begins a session.
#[server(endpoint = "sign_in")]
pub async fn sign_in(
    /// What the visitor typed.
    password: String,
) -> Result<(), Failure> {
    access::sign_in(&password)
}

/// Ends the session.
#[server(endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), Failure> {
    access::sign_out()
}

/// Creates or replaces an article, and purges the pages that show it.
#[server(endpoint = "save_article")]
pub async fn save_article(
    /// What the editor typed.
    form: ArticleForm,
) -> Result<(), Failure> {
    write::save(form).await
}

/// Deletes an article for good, and purges the pages that show it.
#[server(endpoint = "delete_article")]
pub async fn delete_article(
    /// The article's name in addresses.
    slug: String,
    /// `yes` where the editor ticked the box.
    #[server(default)]
    confirmed: String,
) -> Result<(), Failure> {
    write::delete(&slug, &confirmed).await
}

/// Begins draft mode for the editor and leads to the article's page, published or not.
#[server(endpoint = "preview_article")]
pub async fn preview_article(
    /// The article's name in addresses.
    slug: String,
) -> Result<(), Failure> {
    preview::begin(&slug)
}

/// Ends draft mode and leads back to where the visitor was.
#[server(endpoint = "leave_draft_mode")]
pub async fn leave_draft_mode() -> Result<(), Failure> {
    preview::end();
    Ok(())
}
