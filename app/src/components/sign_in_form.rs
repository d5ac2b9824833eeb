//! The form with which the editor signs in.

use leptos::prelude::*;

use super::server_form::ServerForm;
use crate::data::editor::SignIn;

/// Asks for the password; says what was wrong with the last one.
#[component]
pub(crate) fn SignInForm() -> impl IntoView {
    view! {
        <div class="notice">
            <h1>"Sign in"</h1>
            <ServerForm answer={ServerAction::<SignIn>::new()}>
                <label for="password">"Password"</label>
                <input id="password" name="password" type="password" required autocomplete="current-password"/>
                <button type="submit">"Sign in"</button>
            </ServerForm>
        </div>
    }
}
