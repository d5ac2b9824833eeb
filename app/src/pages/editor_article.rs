//! `/editor/:slug`

use leptos::{either::Either, prelude::*, server_fn::ServerFn};
use newsroom::ArticleSource;

use super::{page, path_part, query};
use crate::{
    components::{article_form::ArticleFormView, head::PrivateHead, server_form::ServerForm},
    data::{
        editor::{DeleteArticle, Door, PreviewArticle, source},
        site::article_path,
    },
};

/// Where an article is edited and deleted; rendered for each visitor, never stored.
#[component]
pub(crate) fn EditArticlePage() -> impl IntoView {
    page(async {
        Ok(match source(&path_part("slug")).await? {
            Door::Absent | Door::Open(None) => None,
            Door::SignedOut => Some(Either::Left(view! { <SignedOut/> })),
            Door::Open(Some(article)) => Some(Either::Right(view! { <Edit article/> })),
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
fn Edit(article: ArticleSource) -> impl IntoView {
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
            <Saved/>
            <ArticleFormView article=Some(article)/>
            <Delete slug/>
        </div>
    }
}

/// Says how the article was last saved, from the address that saving leads to.
#[component]
fn Saved() -> impl IntoView {
    query("saved").map(|how| {
        let said = match how.as_str() {
            "published" => "Saved and published.",
            _ => "Saved as a draft: readers do not see it.",
        };
        view! { <p class="done" role="status">{said}</p> }
    })
}

#[component]
fn Delete(slug: String) -> impl IntoView {
    view! {
        <details class="delete">
            <summary>"Delete this article"</summary>
            <ServerForm answer={ServerAction::<DeleteArticle>::new()}>
                <input type="hidden" name="slug" value=slug/>
                <label class="check">
                    <input type="checkbox" name="confirmed" value="yes" required/>
                    " Delete it for good"
                </label>
                <button type="submit" class="danger">"Delete"</button>
            </ServerForm>
        </details>
    }
}
