//! The control that sets the size of the text.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, MouseEvent};

use crate::{browser, settings::TEXT_SIZE};

/// Two buttons; what they set is kept in the browser.
#[island]
pub fn TextSizeControl() -> impl IntoView {
    view! {
        <div
            class="text-size"
            role="group"
            aria-label="Text size"
            on:click:capture=set
            use:disable_ends
        >
            <button type="button" value="smaller">
                <span aria-hidden="true">"A−"</span>
                <span class="visually-hidden">"Smaller text"</span>
            </button>
            <button type="button" value="larger">
                <span aria-hidden="true">"A+"</span>
                <span class="visually-hidden">"Larger text"</span>
            </button>
        </div>
    }
}

fn set(click: MouseEvent) {
    let pressed = click.target().map(JsCast::unchecked_into::<Element>);
    let pressed = pressed.and_then(|it| it.closest("button").ok()?);
    match pressed.and_then(|button| button.get_attribute("value")).as_deref() {
        Some("smaller") => TEXT_SIZE.set(TEXT_SIZE.place().saturating_sub(1)),
        Some("larger") => TEXT_SIZE.set(TEXT_SIZE.place() + 1),
        _ => return,
    }
    if let Some(buttons) = browser::listener(&click) {
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
