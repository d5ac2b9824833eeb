//! A purge of a page or of what carries its tags: the form, and what it would reach.

use super::{
    html::{Html, html},
    shown::{page_link, pages},
};
use crate::{
    address::tag::Tag,
    engine::{dry_run::PurgeDryRun, inspect::why::number},
    order::purge::{Purge, Scope},
};

/// What is to be purged, as a form says it.
pub(super) struct PurgeForm {
    scope: Scope,
    hard: bool,
}

impl PurgeForm {
    /// Reads the fields `scope`, such as `tag:articles`, and `kind`.
    pub(super) fn of(scope: Option<String>, kind: Option<String>) -> Result<Self, String> {
        let scope = scope.unwrap_or_default();
        let (what, name) = scope.split_once(':').unwrap_or_default();
        let scope = match what {
            "path" => Scope::Path(name.to_owned()),
            "prefix" => Scope::Prefix(name.to_owned()),
            "tag" => Scope::Tag(Tag::new(name)),
            _ => return Err("`scope` says what is to be purged".to_owned()),
        };
        match kind.as_deref() {
            Some("soft") => Ok(Self { scope, hard: false }),
            Some("hard") => Ok(Self { scope, hard: true }),
            _ => Err("`kind` is `soft` or `hard`".to_owned()),
        }
    }

    pub(super) fn to_purge(&self) -> Purge {
        let mut purge = Purge { hard: self.hard, ..Purge::default() };
        match &self.scope {
            Scope::Path(path) => purge.paths.push(path.clone()),
            Scope::Prefix(prefix) => purge.prefixes.push(prefix.clone()),
            Scope::Tag(tag) => purge.tags.push(tag.to_string()),
        }
        purge
    }

    fn kind(&self) -> &'static str {
        if self.hard { "hard" } else { "soft" }
    }
}

/// What a purge would reach, and the way to do it or to go back to the page at `path`.
pub(super) fn ask(out: &mut Html, path: &str, form: &PurgeForm, reached: &PurgeDryRun) {
    html!(out; "<main><h1>Purge</h1><p class=\"why\">A " (form.kind()) " purge of ");
    match &form.scope {
        Scope::Path(path) => html!(out; "<code>" (path) "</code>"),
        Scope::Prefix(prefix) => html!(out; "<code>" (prefix) "</code> and what is below it"),
        Scope::Tag(tag) => html!(out; "what carries the tag <code>" (tag) "</code>"),
    }
    html!(out; " reaches <strong>" (pages(reached.pages)) "</strong>");
    if reached.data > 0 {
        html!(out; " and " (number(reached.data as u64)) " stored answers of data routes");
    }
    let what_follows = match form.hard {
        true => {
            "The next visitor of a page waits for a render; the old page is served only if that fails."
        }
        false => "A page is served as it is until it has been regenerated.",
    };
    html!(out; ".</p><p>" (what_follows) "</p>");
    if !reached.complete {
        html!(out; "<p class=\"wrong\">Not every stored page was looked at: it may reach more.</p>");
    }
    if reached.unreadable > 0 {
        html!(out; "<p class=\"wrong\">" (pages(reached.unreadable))
            " in the store could not be read, and are not counted.</p>");
    }
    sample(out, reached);
    confirm(out, path, form, reached);
    html!(out; "</main>");
}

fn sample(out: &mut Html, reached: &PurgeDryRun) {
    html!(out; "<ul>");
    for page in &reached.sample {
        html!(out; "<li><a class=\"path\" href=\"" (page_link(page)) "\">" (page) "</a></li>");
    }
    html!(out; "</ul>");
    let others = reached.pages.saturating_sub(reached.sample.len());
    if others > 0 {
        html!(out; "<p class=\"soft\">and " (number(others as u64)) " more</p>");
    }
}

fn confirm(out: &mut Html, path: &str, form: &PurgeForm, reached: &PurgeDryRun) {
    let (what, name) = match &form.scope {
        Scope::Path(path) => ("path", path.as_str()),
        Scope::Prefix(prefix) => ("prefix", prefix.as_str()),
        Scope::Tag(tag) => ("tag", tag.as_str()),
    };
    html!(out; "<form method=\"post\"><input type=\"hidden\" name=\"scope\" value=\"" (what) ":" (name)
        "\"><input type=\"hidden\" name=\"kind\" value=\"" (form.kind())
        "\"><button class=\"main\" name=\"do\" value=\"purge\">Purge " (pages(reached.pages))
        "</button><a href=\"" (page_link(path)) "\">Cancel</a></form>");
}
