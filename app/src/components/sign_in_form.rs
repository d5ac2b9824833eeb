//! The form with which the editor signs in.

use leptos::{form::ActionForm, prelude::*};

use crate::data::editor::SignIn;

/// Asks for the password; says what was wrong with the last one.
#[component]
pub(crate) fn SignInForm(
    /// Sends the password.
    sign_in: ServerAction<SignIn>,
) -> impl IntoView {
    let refused = move || {
        let failure = sign_in.value().get()?.err()?;
        Some(view! { <p class="error" role="alert">{failure.to_string()}</p> })
    };
    view! {
        <div class="notice">
            <h1>"Sign in"</h1>
            <ActionForm action=sign_in>
                <label for="password">"Password"</label>
                <input id="password" name="password" type="password" required autocomplete="current-password"/>
                <button type="submit" disabled=move || sign_in.pending().get()>"Sign in"</button>
                {refused}
            </ActionForm>
        </div>
    }
}
