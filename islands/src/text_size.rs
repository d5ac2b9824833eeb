//! The control that sets the size of the text.

use leptos::prelude::*;
use web_sys::{Element, MouseEvent};

use crate::{browser, settings::TEXT_SIZE};

/// Two buttons; what they set is kept in the browser.
#[island]
pub fn TextSizeControl() -> impl IntoView {
    view! {
        <div class="text-size" role="group" aria-label="Text size" use:disable_ends>
            <button type="button" on:click:capture=|click| set(&click, TEXT_SIZE.place().saturating_sub(1))>
                <span aria-hidden="true">"A−"</span>
                <span class="visually-hidden">"Smaller text"</span>
            </button>
            <button type="button" on:click:capture=|click| set(&click, TEXT_SIZE.place() + 1)>
                <span aria-hidden="true">"A+"</span>
                <span class="visually-hidden">"Larger text"</span>
            </button>
        </div>
    }
}

fn set(click: &MouseEvent, place: usize) {
    TEXT_SIZE.set(place);
    if let Some(buttons) = browser::listener(click).and_then(|button| button.parent_element()) {
        disable_ends(buttons);
    }
}

/// Disables the button that leads no further.
fn disable_ends(buttons: Element) {
    let ends = [
        (buttons.first_element_child(), TEXT_SIZE.place() == 0),
        (buttons.last_element_child(), TEXT_SIZE.place() == TEXT_SIZE.last()),
    ];
    for (button, is_end) in ends {
        if let Some(button) = button {
            let _ = button.toggle_attribute_with_force("disabled", is_end);
        }
    }
}
