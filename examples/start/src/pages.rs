//! What each route draws.

use leptos::{form::ActionForm, prelude::*};
use leptos_meta::Title;
use leptos_router::{
    LazyRoute,
    hooks::{use_params_map, use_query_map},
    lazy_route,
};

use crate::data::{Article, List, Sign, read_article, read_guests, read_list};

/// Draws what was read, once it is there.
fn read<T, V>(
    resource: Resource<Result<T, ServerFnError>>,
    draw: impl Fn(T) -> V + Copy + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition>
            <ErrorBoundary fallback=|_| "This cannot be shown just now.">
                {move || Suspend::new(async move { resource.await.map(draw) })}
            </ErrorBoundary>
        </Transition>
    }
}

/// There is no such page.
pub fn missing() -> impl IntoView {
    view! { <h1>"Not found"</h1> }
}

#[component]
pub fn Home() -> impl IntoView {
    let newest = Resource::new(|| (), |()| read_list(1));
    view! { <h1>"Start"</h1> {read(newest, draw_links)} }
}

#[component]
pub fn ListPage() -> impl IntoView {
    let query = use_query_map();
    let page = move || query.read().get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let list = Resource::new(page, read_list);
    let draw = |list: List| {
        let (page, is_last) = (list.page, list.is_last);
        let newer =
            (page > 1).then(|| view! { <a href=format!("/list?page={}", page - 1)>"Newer"</a> });
        let older =
            (!is_last).then(|| view! { <a href=format!("/list?page={}", page + 1)>"Older"</a> });
        view! { {draw_links(list)} <p>"Page "{page}" "{newer}" "{older}</p> }
    };
    view! { <Title text="All articles"/> <h1>"All articles"</h1> {read(list, draw)} }
}

fn draw_links(list: List) -> impl IntoView {
    let link = |(slug, title)| view! { <li><a href=format!("/articles/{slug}")>{title}</a></li> };
    view! { <ul>{list.articles.into_iter().map(link).collect_view()}</ul> }
}

#[component]
pub fn ArticlePage() -> impl IntoView {
    let params = use_params_map();
    let slug = move || params.read().get("slug").unwrap_or_default();
    let article = Resource::new(slug, read_article);
    let newest = Resource::new(|| (), |()| read_list(1));
    let draw = |article| match article {
        Some(article) => draw_article(article).into_any(),
        None => missing().into_any(),
    };
    view! { {read(article, draw)} <h2>"Newest"</h2> {read(newest, draw_links)} }
}

fn draw_article(article: Article) -> impl IntoView {
    let paragraph = |text: &str| view! { <p>{text.to_owned()}</p> };
    view! {
        <Title text=article.title.clone()/>
        <h1>{article.title}</h1>
        {article.text.split("\n\n").map(paragraph).collect_view()}
    }
}

#[component]
pub fn GuestBook() -> impl IntoView {
    let sign = ServerAction::<Sign>::new();
    let guests = Resource::new(move || sign.version().get(), |_| read_guests());
    let draw = |guests: Vec<String>| {
        let item = |name| view! { <li>{name}</li> };
        view! { <ul>{guests.into_iter().map(item).collect_view()}</ul> }
    };
    view! {
        <Title text="Guest book"/>
        <h1>"Guest book"</h1>
        <ActionForm action=sign>
            <label>"Your name " <input name="name" required autocomplete="off"/></label>
            <button>"Sign"</button>
        </ActionForm>
        {read(guests, draw)}
    }
}

/// Few open this page, so its code is in a file of its own, which is loaded with it.
pub struct About;

#[lazy_route]
impl LazyRoute for About {
    fn data() -> Self {
        Self
    }

    fn view(_about: Self) -> AnyView {
        view! {
            <Title text="About"/>
            <h1>"About"</h1>
            <p>"A small site whose pages are stored. Each is rendered once, and again when its period is over or
                what it shows has changed."</p>
        }
        .into_any()
    }
}
