//! Who wrote an article, and when.

use leptos::prelude::*;

use crate::data::date::day;

/// Author and day; what is not known is left out.
#[component]
pub(crate) fn Byline(
    /// Who wrote it; may be empty.
    author: String,
    /// When it was published, RFC 3339; may be empty.
    published_at: String,
) -> impl IntoView {
    let author = (!author.is_empty()).then(|| view! { <span class="author">{author}</span> });
    let date = (!published_at.is_empty()).then(|| {
        let day = day(&published_at);
        view! { <time datetime=published_at>{day}</time> }
    });
    view! { <p class="byline">{author}{date}</p> }
}
