//! The form with which the editor writes an article.

use leptos::prelude::*;
use newsroom::ArticleSource;

use super::server_form::ServerForm;
use crate::data::editor::{ArticleForm, SaveArticle};

/// The fields of an article.
#[component]
pub(crate) fn ArticleFormView(
    /// The article to edit; none for a new one.
    article: Option<ArticleSource>,
) -> impl IntoView {
    let is_published = article.as_ref().is_some_and(|article| article.published);
    let form = article.map(ArticleForm::from).unwrap_or_default();
    let new_slug = form.slug.is_empty().then(|| {
        view! {
            <Field name="new_slug" label="Address" hint="Empty: made from the title." is_required=false/>
        }
    });
    view! {
        <ServerForm answer={ServerAction::<SaveArticle>::new()}>
            <input type="hidden" name="form[slug]" value=form.slug/>
            <Field name="title" label="Title" value=form.title/>
            {new_slug}
            <Field name="summary" label="Summary" value=form.summary is_required=false/>
            <Field name="section" label="Section" value=form.section/>
            <Field name="author" label="Author" value=form.author/>
            <label for="body_markdown">"Body, in Markdown"</label>
            <textarea id="body_markdown" name="form[body_markdown]" rows="24" required spellcheck="true">
                {form.body_markdown}
            </textarea>
            <Buttons is_published/>
        </ServerForm>
    }
}

#[component]
fn Field(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] value: String,
    #[prop(optional)] hint: &'static str,
    #[prop(default = true)] is_required: bool,
) -> impl IntoView {
    let hint_id = (!hint.is_empty()).then(|| format!("{name}-hint"));
    let hint = hint_id.clone().map(|id| view! { <p class="hint" id=id>{hint}</p> });
    view! {
        <label for=name>{label}</label>
        <input id=name name=format!("form[{name}]") value=value required=is_required
            aria-describedby=hint_id autocomplete="off"/>
        {hint}
    }
}

/// The first button is the one that Enter presses: it leaves readers where they are.
#[component]
fn Buttons(is_published: bool) -> impl IntoView {
    let buttons = if is_published {
        [("publish", "Publish changes"), ("draft", "Withdraw to draft")]
    } else {
        [("draft", "Save draft"), ("publish", "Publish")]
    };
    let buttons = buttons.map(|(intent, label)| {
        view! {
            <button type="submit" name="form[intent]" value=intent>{label}</button>
        }
    });
    view! {
        <div class="buttons">{buttons.into_iter().collect_view()}</div>
    }
}
