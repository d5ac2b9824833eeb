//! Links to all sections.

use leptos::prelude::*;
use newsroom::Section;

use crate::data::site::section_path;

/// Links to `sections`; nothing if there are none.
#[component]
pub(crate) fn SectionNav(sections: Vec<Section>) -> impl IntoView {
    (!sections.is_empty()).then(|| {
        let links = sections.into_iter().map(|section| {
            view! { <li><a href=section_path(&section.slug)>{section.name}</a></li> }
        });
        view! {
            <nav class="section-nav" aria-label="Sections">
                <ul>{links.collect_view()}</ul>
            </nav>
        }
    })
}
