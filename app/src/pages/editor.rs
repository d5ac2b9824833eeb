//! `/editor`

use leptos::{either::Either, form::ActionForm, prelude::*};
use leptos_router::hooks::use_query_map;
use newsroom::ArticleOverview;

use crate::{
    components::{
        article_form::ArticleFormView,
        head::PrivateHead,
        outcome::{once_read, outcome},
        sign_in_form::SignInForm,
    },
    data::{
        date::day,
        editor::{Door, SaveArticle, SignIn, SignOut, read_overview},
        site::edit_path,
    },
};

/// The editor's desk: sign-in, all articles, a form for a new one at `?new=article`.
///
/// Rendered for each visitor, never stored; 404 where there is no editor.
#[component]
pub(crate) fn EditorPage() -> impl IntoView {
    let (sign_in, sign_out) = (ServerAction::<SignIn>::new(), ServerAction::<SignOut>::new());
    let save = ServerAction::<SaveArticle>::new();
    let query = use_query_map();
    let is_new = Memo::new(move |_| query.read().get_str("new").is_some());
    let desk = Resource::new(
        move || (sign_in.version().get(), sign_out.version().get(), is_new.get()),
        |_| read_overview(),
    );
    once_read(move || async move {
        let door = desk.await.map(|door| (door != Door::Absent).then_some(door));
        outcome(door, move |door| match door {
            Door::Open(articles) => {
                Either::Left(view! { <Desk articles sign_out save is_new=is_new.get_untracked()/> })
            }
            _ => Either::Right(view! {
                <PrivateHead title="Editor"/>
                <SignInForm sign_in/>
            }),
        })
    })
}

#[component]
fn Desk(
    articles: Vec<ArticleOverview>,
    sign_out: ServerAction<SignOut>,
    save: ServerAction<SaveArticle>,
    is_new: bool,
) -> impl IntoView {
    let work = if is_new {
        Either::Left(view! {
            <h1>"New article"</h1>
            <ArticleFormView article=None save/>
        })
    } else {
        Either::Right(view! {
            <h1>"Articles"</h1>
            <Deleted/>
            <Overview articles/>
        })
    };
    view! {
        <PrivateHead title="Editor"/>
        <div class="editor">
            <div class="editor-bar">
                <a href="/editor">"All articles"</a>
                <a href="/editor?new=article">"New article"</a>
                <ActionForm action=sign_out>
                    <button type="submit">"Sign out"</button>
                </ActionForm>
            </div>
            {work}
        </div>
    }
}

#[component]
fn Deleted() -> impl IntoView {
    let query = use_query_map();
    move || {
        let is_deleted = query.read().get_str("deleted").is_some();
        is_deleted.then(|| view! { <p class="done" role="status">"The article is deleted."</p> })
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
