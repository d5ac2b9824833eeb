//! `/editor`

use leptos::{either::Either, prelude::*, server_fn::ServerFn};
use newsroom::ArticleOverview;

use super::{page, query};
use crate::{
    components::{article_form::ArticleFormView, head::PrivateHead, sign_in_form::SignInForm},
    data::{
        date::day,
        editor::{Door, SignOut, overview},
        site::edit_path,
    },
};

/// The editor's desk: sign-in, all articles, a form for a new one at `?new=article`.
///
/// Rendered for each visitor, never stored; 404 where there is no editor.
#[component]
pub(crate) fn EditorPage() -> impl IntoView {
    page(async {
        Ok(match overview().await? {
            Door::Absent => None,
            Door::SignedOut => Some(Either::Left(view! {
                <PrivateHead title="Editor"/>
                <SignInForm/>
            })),
            Door::Open(articles) => Some(Either::Right(view! { <Desk articles/> })),
        })
    })
}

#[component]
fn Desk(articles: Vec<ArticleOverview>) -> impl IntoView {
    let work = if query("new").is_some() {
        Either::Left(view! {
            <h1>"New article"</h1>
            <ArticleFormView article=None/>
        })
    } else {
        let deleted = query("deleted").map(|_| {
            view! { <p class="done" role="status">"The article is deleted."</p> }
        });
        Either::Right(view! {
            <h1>"Articles"</h1>
            {deleted}
            <Overview articles/>
        })
    };
    view! {
        <PrivateHead title="Editor"/>
        <div class="editor">
            <div class="editor-bar">
                <a href="/editor">"All articles"</a>
                <a href="/editor?new=article">"New article"</a>
                <form method="post" action=SignOut::url()>
                    <button type="submit">"Sign out"</button>
                </form>
            </div>
            {work}
        </div>
    }
}

#[component]
fn Overview(articles: Vec<ArticleOverview>) -> impl IntoView {
    let rows = articles.into_iter().map(|article| {
        let status = if article.published { "Published" } else { "Draft" };
        view! {
            <tr>
                <th scope="row"><a href=edit_path(&article.slug)>{article.title}</a></th>
                <td><span class="status" data-status=status>{status}</span></td>
                <td>{article.section}</td>
                <td>{article.author}</td>
                <td>{article.published_at.as_deref().map(day)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="All articles">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Title"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Section"</th>
                        <th scope="col">"Author"</th>
                        <th scope="col">"Published"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
