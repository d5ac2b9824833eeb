//! Saves and deletes articles, and purges the pages that show them.

use leptos::prelude::expect_context;
use leptos_axum::redirect;
use leptos_isr::{Engine, purge::Purge};
use newsroom::{ArticleDraft, ArticleSource};
use std::{error::Error, future::Future};

use super::{ArticleForm, Intent, access, cookies};
use crate::data::{
    failure::Failure, site::edit_path, source_error::ContentError, tags, writer::ContentWriter,
};

pub(super) async fn save(form: ArticleForm) -> Result<(), Failure> {
    let (writer, engine) = (access::writer()?, expect_context::<Engine>());
    let (slug, intent) = (form.slug.clone(), form.intent);
    let draft = draft(form);
    let saved = to_the_end(async move {
        let before = existing(&writer, &slug).await?;
        let saved = match before.is_some() {
            true => writer.update(&slug, &draft).await,
            false => writer.create(&draft).await,
        };
        let saved = saved.map_err(|error| refused(&error))?;
        let tags = tags::changed(&saved.slug, before.as_ref(), Some(&saved));
        purge(&engine, &saved.slug, tags).await?;
        Ok(saved)
    });
    let saved = saved.await?;
    cookies::show_changes();
    redirect(&format!("{}?saved={}", edit_path(&saved.slug), word(intent)));
    Ok(())
}

pub(super) async fn delete(slug: &str, confirmed: &str) -> Result<(), Failure> {
    let (writer, engine) = (access::writer()?, expect_context::<Engine>());
    if confirmed != "yes" {
        return Err(Failure::new("Tick the box to delete the article."));
    }
    let slug = slug.to_owned();
    to_the_end(async move {
        let before = existing(&writer, &slug).await?;
        writer.delete(&slug).await.map_err(|error| refused(&error))?;
        purge(&engine, &slug, tags::changed(&slug, before.as_ref(), None)).await
    })
    .await?;
    cookies::show_changes();
    redirect("/editor?deleted=yes");
    Ok(())
}

/// The article as it was; none if `slug` is empty.
async fn existing(writer: &ContentWriter, slug: &str) -> Result<Option<ArticleSource>, Failure> {
    match slug {
        "" => Ok(None),
        slug => writer.read(slug).await.map(Some).map_err(|error| refused(&error)),
    }
}

/// Works on when the editor's browser goes away: a change that is saved is purged.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    tokio::spawn(work).await.unwrap_or_else(|stopped| {
        tracing::error!(error = &stopped as &dyn Error, "a change was not finished");
        Err(Failure::new("The change was interrupted. Look whether it is there, and try again."))
    })
}

fn draft(form: ArticleForm) -> ArticleDraft {
    let new_slug = form.new_slug.trim();
    ArticleDraft {
        title: form.title.trim().to_owned(),
        summary: form.summary.trim().to_owned(),
        section: form.section.trim().to_owned(),
        author: form.author.trim().to_owned(),
        // Browsers send the line ends of a text area as CRLF.
        body_markdown: form.body_markdown.replace("\r\n", "\n"),
        slug: (form.slug.is_empty() && !new_slug.is_empty()).then(|| new_slug.to_owned()),
        published_at: None,
        published: form.intent == Intent::Publish,
    }
}

/// Makes the pages that show something else now stale: each is served once more
/// while it is regenerated.
async fn purge(engine: &Engine, slug: &str, tags: Vec<String>) -> Result<(), Failure> {
    engine.purge(&Purge { tags, ..Purge::default() }).await.map_err(|error| {
        tracing::error!(slug, error = &error as &dyn Error, "saved, but the purge may be lost");
        Failure::new(
            "Your change is saved, but the note to regenerate its pages could not be stored: \
             readers see it at once, unless the server restarts before. Save again to try once more.",
        )
    })
}

fn refused(error: &ContentError) -> Failure {
    match error {
        ContentError::Status { status, message, .. }
            if status.is_client_error() && !message.is_empty() =>
        {
            Failure::new(message.clone())
        }
        _ => {
            tracing::error!(error = error as &dyn Error, "an article was not saved");
            Failure::new("The article could not be saved just now. Try again in a moment.")
        }
    }
}

fn word(intent: Intent) -> &'static str {
    match intent {
        Intent::Draft => "draft",
        Intent::Publish => "published",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn form_becomes_a_draft() {
        let form = ArticleForm {
            new_slug: " my-slug ".to_owned(),
            title: " Title ".to_owned(),
            body_markdown: "a\r\nb".to_owned(),
            intent: Intent::Publish,
            ..ArticleForm::default()
        };
        let draft = draft(form);
        assert_eq!(draft.slug.as_deref(), Some("my-slug"));
        assert_eq!((draft.title.as_str(), draft.body_markdown.as_str()), ("Title", "a\nb"));
        assert!(draft.published);
    }

    #[test]
    fn slug_of_an_existing_article_is_not_sent_again() {
        let form = ArticleForm {
            slug: "old".to_owned(),
            new_slug: "new".to_owned(),
            ..ArticleForm::default()
        };
        let draft = draft(form);
        assert_eq!(draft.slug, None);
        assert!(!draft.published);
    }

    #[test]
    fn words_of_the_api_reach_the_editor_and_its_failures_do_not() {
        let status = |status, message: &str| ContentError::Status {
            url: "http://internal/articles".to_owned(),
            status,
            message: message.to_owned(),
        };
        let taken = refused(&status(StatusCode::CONFLICT, "`a` is taken"));
        assert_eq!(taken.to_string(), "`a` is taken");
        let broken = refused(&status(StatusCode::INTERNAL_SERVER_ERROR, "secret detail"));
        assert!(!broken.to_string().contains("secret"), "{broken}");
    }
}
