//! The button that switches between light, dark and automatic.

use leptos::prelude::*;

use crate::{browser, settings::Theme};

/// A button that names the theme and switches to the next; kept in the browser.
///
/// `theme.js` applies a kept theme before the first paint; this only names it.
#[island]
pub fn ThemeSwitch() -> impl IntoView {
    let theme = RwSignal::new(Theme::Auto);
    Effect::new(move || theme.set(Theme::from_stored(browser::stored(Theme::KEY).as_deref())));
    let switch = move |_| {
        let next = theme.get().next();
        browser::store(Theme::KEY, next.to_stored());
        theme.set(next);
    };
    view! {
        <button type="button" class="theme-switch" on:click=switch>
            "Theme: "{move || theme.get().name()}
        </button>
    }
}
