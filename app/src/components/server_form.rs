//! A form that is sent to a server function.

use islands::form::SendInPlace;
use leptos::{
    prelude::*,
    server_fn::{ServerFn, error::FromServerFnError},
};

/// The form of the server function `S`. What was typed stays when that refuses it; without a script
/// the page is loaded again, and says why.
#[component]
pub(crate) fn ServerForm<S>(
    /// Knows what the function answered to a form that was sent without a script: it stands in the
    /// page's address.
    answer: ServerAction<S>,
    /// The fields and buttons.
    children: Children,
) -> impl IntoView
where
    S: ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: FromServerFnError + ToString + Send + Sync + 'static,
{
    let refused = answer.value().with_untracked(|answer| {
        let refusal = answer.as_ref()?.as_ref().err()?.to_string();
        Some(view! { <p class="error" role="alert">{refusal}</p> })
    });
    view! {
        <SendInPlace>
            <form method="post" action=S::url()>
                {children()}
                {refused}
            </form>
        </SendInPlace>
    }
}
