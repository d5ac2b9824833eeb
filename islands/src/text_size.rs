//! The control that sets the size of the text.

use leptos::prelude::*;

use crate::{browser, settings::TextSize};

/// Two buttons; what they set is kept in the browser.
#[island]
pub fn TextSizeControl() -> impl IntoView {
    let size = RwSignal::new(TextSize::default());
    Effect::new(move || {
        size.set(TextSize::from_stored(browser::stored(TextSize::KEY).as_deref()));
    });
    let set = move |new: TextSize| {
        browser::store(TextSize::KEY, new.to_stored().as_deref());
        size.set(new);
    };
    view! {
        <div class="text-size" role="group" aria-label="Text size">
            <button type="button" disabled=move || size.get().is_smallest()
                on:click=move |_| set(size.get().smaller())>
                <span aria-hidden="true">"A−"</span>
                <span class="visually-hidden">"Smaller text"</span>
            </button>
            <button type="button" disabled=move || size.get().is_largest()
                on:click=move |_| set(size.get().larger())>
                <span aria-hidden="true">"A+"</span>
                <span class="visually-hidden">"Larger text"</span>
            </button>
        </div>
    }
}
