//! What stands above every page in draft mode.

use leptos::{prelude::*, server_fn::ServerFn};

use crate::data::editor::LeaveDraftMode;

/// Says that the visitor is in draft mode, and lets them leave it.
#[component]
pub(crate) fn DraftBar() -> impl IntoView {
    view! {
        <div class="draft-bar" role="region" aria-label="Draft mode">
            <p><strong>"Draft mode."</strong>" Drafts are shown as if they were published."</p>
            <form method="post" action=LeaveDraftMode::url()>
                <button type="submit">"Leave draft mode"</button>
            </form>
        </div>
    }
}
