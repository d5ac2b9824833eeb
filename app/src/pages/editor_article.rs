//! `/editor/:slug`

use leptos::{either::Either, form::ActionForm, prelude::*, server_fn::ServerFn};
use leptos_router::hooks::{use_params_map, use_query_map};
use newsroom::ArticleSource;

use crate::{
    components::{
        article_form::ArticleFormView,
        head::PrivateHead,
        outcome::{once_read, outcome},
    },
    data::{
        editor::{DeleteArticle, Door, PreviewArticle, SaveArticle, read_source},
        site::article_path,
    },
};

/// Where an article is edited and deleted; rendered for each visitor, never stored.
#[component]
pub(crate) fn EditArticlePage() -> impl IntoView {
    let params = use_params_map();
    let slug = move || params.read().get("slug").unwrap_or_default();
    let save = ServerAction::<SaveArticle>::new();
    // Read again after each save, but not after a refused one: what was typed stays.
    let saves = Memo::new(move |last: Option<&usize>| {
        let is_saved = save.value().with(|answer| matches!(answer, Some(Ok(()))));
        if is_saved { save.version().get_untracked() } else { last.copied().unwrap_or_default() }
    });
    let source = Resource::new(move || (slug(), saves.get()), |(slug, _)| read_source(slug));
    once_read(move || async move {
        let door = source.await.map(|door| match door {
            Door::Absent | Door::Open(None) => None,
            Door::SignedOut => Some(None),
            Door::Open(Some(article)) => Some(Some(article)),
        });
        outcome(door, move |door| match door {
            Some(article) => Either::Left(view! { <Edit article save/> }),
            None => Either::Right(view! { <SignedOut/> }),
        })
    })
}

#[component]
fn SignedOut() -> impl IntoView {
    view! {
        <PrivateHead title="Editor"/>
        <div class="notice">
            <h1>"Sign in"</h1>
            <p><a href="/editor">"Sign in"</a>" to edit articles."</p>
        </div>
    }
}

#[component]
fn Edit(article: ArticleSource, save: ServerAction<SaveArticle>) -> impl IntoView {
    let slug = article.slug.clone();
    view! {
        <PrivateHead title=format!("Edit: {}", article.title)/>
        <div class="editor">
            <div class="editor-bar">
                <a href="/editor">"All articles"</a>
                <a href=article_path(&slug)>"View the page"</a>
                <form method="post" action=PreviewArticle::url()>
                    <input type="hidden" name="slug" value=slug.clone()/>
                    <button type="submit">"Preview"</button>
                </form>
            </div>
            <h1>"Edit article"</h1>
            <Saved save/>
            <ArticleFormView article=Some(article) save/>
            <Delete slug/>
        </div>
    }
}

/// Says how the article was last saved, from the address that saving leads to.
#[component]
fn Saved(save: ServerAction<SaveArticle>) -> impl IntoView {
    let query = use_query_map();
    let said = move || {
        let is_refused = save.value().with(|answer| matches!(answer, Some(Err(_))));
        match query.read().get_str("saved") {
            _ if is_refused => None,
            Some("published") => Some("Saved and published."),
            Some(_) => Some("Saved as a draft: readers do not see it."),
            None => None,
        }
    };
    move || said().map(|said| view! { <p class="done" role="status">{said}</p> })
}

#[component]
fn Delete(slug: String) -> impl IntoView {
    let delete = ServerAction::<DeleteArticle>::new();
    let refused = move || {
        let failure = delete.value().get()?.err()?;
        Some(view! { <p class="error" role="alert">{failure.to_string()}</p> })
    };
    view! {
        <details class="delete">
            <summary>"Delete this article"</summary>
            <ActionForm action=delete>
                <input type="hidden" name="slug" value=slug/>
                <label class="check">
                    <input type="checkbox" name="confirmed" value="yes" required/>
                    " Delete it for good"
                </label>
                <button type="submit" class="danger">"Delete"</button>
                {refused}
            </ActionForm>
        </details>
    }
}
