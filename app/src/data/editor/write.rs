//! Saves and deletes articles, and purges the pages that show them.

use leptos::prelude::expect_context;
use leptos_axum::redirect;
use leptos_isr::{Engine, Purge};
use newsroom::ArticleDraft;
use std::error::Error;

use super::{ArticleForm, Intent, access};
use crate::data::{failure::Failure, site::edit_path, source_error::ContentError};

pub(super) async fn save(form: ArticleForm) -> Result<(), Failure> {
    let writer = access::writer()?;
    let (slug, intent) = (form.slug.clone(), form.intent);
    let draft = draft(form);
    let saved = if slug.is_empty() {
        writer.create(&draft).await
    } else {
        writer.update(&slug, &draft).await
    };
    let saved = saved.map_err(|error| refused(&error))?;
    purge(&saved.slug).await?;
    redirect(&format!("{}?saved={}", edit_path(&saved.slug), word(intent)));
    Ok(())
}

pub(super) async fn delete(slug: &str, confirmed: &str) -> Result<(), Failure> {
    let writer = access::writer()?;
    if confirmed != "yes" {
        return Err(Failure::new("Tick the box to delete the article."));
    }
    writer.delete(slug).await.map_err(|error| refused(&error))?;
    purge(slug).await?;
    redirect("/editor?deleted=yes");
    Ok(())
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

/// Makes the pages that show the article stale: each is served once more while
/// it is regenerated.
async fn purge(slug: &str) -> Result<(), Failure> {
    let engine: Engine = expect_context();
    let tags = vec![format!("article:{slug}"), "articles".to_owned(), "feeds".to_owned()];
    engine.purge(&Purge { tags, ..Purge::default() }).await.map_err(|error| {
        tracing::error!(slug, error = &error as &dyn Error, "saved, but the old pages stay");
        Failure::new(
            "Your change is saved, but its pages could not be marked for regeneration: \
             readers see it when their period is over. Save again to try once more.",
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
