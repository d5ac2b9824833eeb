//! What a page says about itself in the document's head.

use leptos::prelude::*;
use leptos_meta::{Link, Meta, Title};

use crate::{SITE_NAME, SiteUrl};

/// Title, description, address and Open Graph of a public page.
#[component]
pub(crate) fn Head(
    /// The page's title, without the site's name.
    #[prop(into)]
    title: String,
    /// The page in a sentence.
    #[prop(into)]
    description: String,
    /// The path of the page, query included.
    #[prop(into)]
    path: String,
    /// The Open Graph type.
    #[prop(default = "website")]
    kind: &'static str,
) -> impl IntoView {
    let url = use_context::<SiteUrl>().unwrap_or_default().join(&path);
    view! {
        <Title text=title.clone()/>
        <Meta name="description" content=description.clone()/>
        <Link rel="canonical" href=url.clone()/>
        <Meta property="og:site_name" content=SITE_NAME/>
        <Meta property="og:title" content=title/>
        <Meta property="og:description" content=description/>
        <Meta property="og:type" content=kind/>
        <Meta property="og:url" content=url/>
    }
}

/// The title of a page that search engines leave alone.
#[component]
pub(crate) fn PrivateHead(
    /// The page's title, without the site's name.
    #[prop(into)]
    title: String,
) -> impl IntoView {
    view! {
        <Title text=title/>
        <Meta name="robots" content="noindex"/>
    }
}
