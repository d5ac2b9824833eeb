//! The article page by Dioxus fullstack, kept by its incremental renderer in
//! memory and below `static/` of the working directory. It listens where `IP`
//! and `PORT` say.

use std::{env, time::Duration};

use dioxus::{CapturedError, fullstack::reqwest, prelude::*, server::IncrementalRendererConfig};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Article {
    title: String,
    summary: String,
    section: String,
    section_name: String,
    author: String,
    published_at: String,
    body_html: String,
}

#[derive(Clone, Routable)]
enum Route {
    #[route("/articles/:slug")]
    Page { slug: String },
}

fn main() {
    let incremental = IncrementalRendererConfig::new().invalidate_after(Duration::from_secs(60));
    LaunchBuilder::new().with_cfg(ServeConfig::new().incremental(incremental)).launch(App);
}

/// The same articles, by the same API.
async fn article(slug: String) -> Result<Article, CapturedError> {
    let api = env::var("CONTENT_API")?;
    let answer = reqwest::get(format!("{api}/articles/{slug}")).await?;
    Ok(answer.error_for_status()?.json().await?)
}

#[component]
fn App() -> Element {
    rsx! {
        Router::<Route> {}
    }
}

#[component]
fn Page(slug: String) -> Element {
    let article = use_resource(move || article(slug.clone())).suspend()?.cloned()?;
    // Dioxus's own form of data for hydration is 2.7 times as long as the data; the pages of the
    // others carry theirs once.
    let data = serde_json::to_string(&article)?.replace('<', "\\u003c");
    rsx! {
        header {
            nav { aria_label: "Site",
                a { href: "/", "The Newsroom" }
                " "
                a { href: "/search", "Search" }
                " "
                a { href: "/about", "About" }
            }
        }
        main {
            article { class: "article",
                header {
                    p { class: "kicker",
                        a { href: "/sections/{article.section}", "{article.section_name}" }
                    }
                    h1 { "{article.title}" }
                    p { class: "standfirst", "{article.summary}" }
                    p {
                        "By {article.author} "
                        time { datetime: "{article.published_at}", "{article.published_at}" }
                    }
                }
                div { class: "prose", dangerous_inner_html: "{article.body_html}" }
            }
        }
        footer { "Rendered once, stored, and regenerated behind the reader." }
        script { r#type: "application/json", dangerous_inner_html: data }
    }
}
