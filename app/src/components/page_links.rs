//! Links to the pages of a list.

use leptos::{either::Either, prelude::*};

use crate::data::pagination::linked_pages;

/// Links to the previous, the next and some other pages; nothing if there is one page only.
#[component]
pub(crate) fn PageLinks(
    /// The path of the list, without a query.
    path: String,
    /// The number of this page.
    page: u32,
    /// How many pages there are.
    pages: u32,
) -> impl IntoView {
    let to = move |number| page_path(&path, number);
    let previous = (page > 1).then(|| {
        view! { <li><a href=to(page - 1) rel="prev">"Newer"</a></li> }
    });
    let next = (page < pages).then(|| {
        view! { <li><a href=to(page + 1) rel="next">"Older"</a></li> }
    });
    let numbers = linked_pages(page, pages).into_iter().map(|number| match number {
        Some(number) => {
            let current = (number == page).then_some("page");
            Either::Left(view! {
                <li><a href=to(number) aria-current=current>{number.to_string()}</a></li>
            })
        }
        None => Either::Right(view! { <li aria-hidden="true">"…"</li> }),
    });
    let numbers = numbers.collect_view();
    (pages > 1).then(|| {
        view! {
            <nav class="page-links" aria-label="Pages">
                <ul>{previous}{numbers}{next}</ul>
            </nav>
        }
    })
}

/// The address of one page of the list at `path`; the first has no query.
pub(crate) fn page_path(path: &str, number: u32) -> String {
    if number == 1 { path.to_owned() } else { format!("{path}?page={number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_page_has_one_address() {
        assert_eq!(page_path("/sections/a", 1), "/sections/a");
        assert_eq!(page_path("/sections/a", 2), "/sections/a?page=2");
    }
}
