//! The button that switches between light, dark and automatic.

use leptos::prelude::*;
use web_sys::{Element, MouseEvent};

use crate::{browser, settings::THEME};

/// A button that names the theme and switches to the next; kept in the browser.
///
/// `theme.js` applies a kept theme before the first paint; this only names it.
#[island]
pub fn ThemeSwitch() -> impl IntoView {
    view! {
        <button type="button" class="theme-switch" use:name on:click:capture=switch>
            "Theme: auto"
        </button>
    }
}

fn switch(click: MouseEvent) {
    THEME.set(THEME.after(THEME.place()));
    if let Some(button) = browser::listener(&click) {
        name(button);
    }
}

fn name(button: Element) {
    button.set_text_content(Some(&["Theme: ", THEME.value()].concat()));
}
