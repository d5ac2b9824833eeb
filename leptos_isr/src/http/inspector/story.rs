//! All that is known of one page.

use std::time::{Duration, SystemTime};

use super::{
    html::{Html, fact, html},
    pages::class,
    shown::{bytes, list_link, moment, set_by, took},
};
use crate::{
    engine::inspect::{
        advice::Advice,
        list::PageQuery,
        report::{
            PageReport, PageState, PurgeReport, RegenerationState, Regenerations, RenderReport,
            StoredPage,
        },
        why::{number, shown},
    },
    order::{origins::PurgeSource, purge::Scope},
    stats::RenderOutcome,
};

/// The page's `<main>`.
pub(super) fn story(out: &mut Html, report: &PageReport, advice: Option<&Advice>) {
    html!(out; "<main data-follows><h1 class=\"path\">" (report.page) "</h1><p class=\"why "
        (class(report.state)) "\">" (report.why) "</p>");
    if let Some(advice) = advice {
        html!(out; "<p class=\"soft\" id=\"advice\">" (advice.sentence) "</p>");
    }
    if report.state != PageState::NotAPage {
        deeds(out, report);
    }
    html!(out; "<dl>");
    if let Some(stored) = &report.stored {
        page_facts(out, stored);
    }
    under_way(out, report);
    if let Some(route) = &report.route {
        let query = PageQuery { route: Some(route.clone()), ..PageQuery::default() };
        fact(out, "Route", |out| {
            html!(out; "<a class=\"path\" href=\"" (list_link(&query)) "#pages\">" (route) "</a>");
        });
    }
    fact(out, "Build", |out| html!(out; (report.build.as_deref().unwrap_or("none"))));
    fact(out, "Server", |out| html!(out; "<code>" (report.replica) "</code>"));
    html!(out; "</dl>");
    last_purge(out, report);
    if let Some(stored) = &report.stored {
        tags(out, stored);
        reads(out, stored);
    }
    renders(out, report);
    html!(out; "</main>");
}

/// The buttons.
fn deeds(out: &mut Html, report: &PageReport) {
    let path = report.page.split('?').next().unwrap_or_default();
    html!(out; "<form method=\"post\"><button name=\"do\" value=\"regenerate\">Regenerate</button></form>\
        <form method=\"post\"><input type=\"hidden\" name=\"do\" value=\"ask\"><label>Purge\
        <select name=\"scope\"><option value=\"path:" (path) "\">this path</option><option value=\"prefix:"
        (path) "\">this path and what is below it</option>");
    for tag in report.stored.iter().flat_map(|stored| &stored.tags) {
        html!(out; "<option value=\"tag:" (tag.tag) "\">the tag " (tag.tag) "</option>");
    }
    html!(out; "</select></label><button name=\"kind\" value=\"soft\">Purge softly…</button>\
        <button name=\"kind\" value=\"hard\">Purge hard…</button></form>");
}

fn ago(out: &mut Html, at: SystemTime, age: Duration) {
    html!(out; "<time datetime=\"" (moment(at)) "\" title=\"" (moment(at)) "\">" (shown(age)) "</time>");
}

fn page_facts(out: &mut Html, stored: &StoredPage) {
    fact(out, "Age", |out| ago(out, stored.rendered_at, stored.age));
    fact(out, "Fresh for", |out| match (stored.period, &stored.period_set_by) {
        (Some(period), Some(by)) => {
            html!(out; (shown(period)) " <span class=\"soft\">by " (set_by(by)) "</span>");
        }
        _ => html!(out; "until it is purged"),
    });
    if let Some(set) = stored.period_override {
        fact(out, "Set for its route", |out| html!(out; (shown(set))));
    }
    fact(out, "Servable for", |out| match stored.expire {
        Some(expire) => html!(out; (shown(expire))),
        None => html!(out; "any time"),
    });
    fact(out, "Requests", |out| html!(out; (number(stored.requests))));
    fact(out, "Rendered after its period", |out| regenerations(out, stored.by_time));
    fact(out, "Rendered after purges", |out| regenerations(out, stored.by_purge));
    if let Some(at) = stored.last_change {
        fact(out, "Last other than before", |out| {
            html!(out; "<time datetime=\"" (moment(at)) "\">" (moment(at)) "</time>");
        });
    }
    fact(out, "Status", |out| html!(out; (stored.status)));
    fact(out, "Sizes", |out| {
        for (n, form) in stored.forms.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            html!(out; (comma) "<span class=\"whole\">" (form.encoding) " " (bytes(form.bytes as u64))
                "</span>");
        }
    });
    fact(out, "ETag", |out| html!(out; "<code>" (stored.etag) "</code>"));
}

fn regenerations(out: &mut Html, all: Regenerations) {
    match all.count {
        0 => html!(out; "never"),
        times => html!(out; (times) " times, " (all.changed) " changed"),
    }
}

fn under_way(out: &mut Html, report: &PageReport) {
    match report.regeneration {
        Some(RegenerationState::Running) => {
            fact(out, "Regeneration", |out| html!(out; "running"));
        }
        Some(RegenerationState::Queued { place }) => {
            fact(out, "Regeneration", |out| html!(out; "place " (place) " in the queue"));
        }
        None => {}
    }
    if let Some(failing) = &report.failing {
        fact(
            out,
            "Failed in a row",
            |out| html!(out; "<span class=\"failed\">" (failing.failures) "</span>"),
        );
        fact(out, "Next try", |out| match failing.retry_in {
            Duration::ZERO => html!(out; "with the next request"),
            wait => html!(out; "in " (shown(wait)) " at the earliest"),
        });
    }
}

fn last_purge(out: &mut Html, report: &PageReport) {
    let Some(purge) = &report.last_purge else { return };
    html!(out; "<h2>Last purge</h2><dl>");
    if let Some(at) = purge.at {
        fact(out, "Made", |out| {
            ago(out, at, report.at.duration_since(at).unwrap_or_default());
            html!(out; " ago");
        });
    }
    fact(out, "By", |out| html!(out; (maker(purge))));
    fact(out, "Through", |out| match &purge.through {
        Scope::Path(_) => html!(out; "its path"),
        Scope::Prefix(prefix) => html!(out; "the prefix <code>" (prefix) "</code>"),
        Scope::Tag(tag) => html!(out; "the tag <code>" (tag) "</code>"),
    });
    fact(out, "Kind", |out| html!(out; (if purge.hard { "hard" } else { "soft" })));
    fact(out, "The stored page", |out| match (&report.stored, purge.has_reached) {
        (None, _) => html!(out; "there is none"),
        (_, true) => html!(out; "is from before it"),
        (_, false) => html!(out; "is from after it"),
    });
    if let Some(replica) = &purge.replica {
        fact(out, "Server", |out| html!(out; "<code>" (replica) "</code>"));
    }
    html!(out; "</dl>");
}

fn maker(purge: &PurgeReport) -> String {
    match &purge.by {
        Some(PurgeSource::Code) => "the app’s code".to_owned(),
        Some(PurgeSource::Api) => "a call of /_isr/purge".to_owned(),
        Some(PurgeSource::Inspector) => "the inspector".to_owned(),
        Some(PurgeSource::Webhook(name)) => format!("the webhook {name}"),
        Some(PurgeSource::Again) => "a purge before, once more".to_owned(),
        Some(PurgeSource::LostPurges) => "the engine, since the ledger had lost purges".to_owned(),
        Some(PurgeSource::NewBuild) => "the engine, since a new build began to serve".to_owned(),
        Some(PurgeSource::Unknown) | None => "not known".to_owned(),
    }
}

fn tags(out: &mut Html, stored: &StoredPage) {
    if stored.tags.is_empty() {
        return;
    }
    html!(out; "<h2>Tags</h2><table class=\"stacks\"><thead><tr><th scope=\"col\">Tag</th>\
        <th scope=\"col\">From</th></tr></thead><tbody>");
    for tag in &stored.tags {
        html!(out; "<tr data-key=\"tag " (tag.tag) "\"><th scope=\"row\"><code>" (tag.tag)
            "</code></th><td data-is=\"from\">" (set_by(&tag.set_by)) "</td></tr>");
    }
    html!(out; "</tbody></table>");
}

fn reads(out: &mut Html, stored: &StoredPage) {
    if stored.reads.is_empty() {
        return;
    }
    html!(out; "<h2>Made of</h2><table class=\"stacks\"><thead><tr><th scope=\"col\">Read</th>\
        <th scope=\"col\" class=\"n\">Age</th></tr></thead><tbody>");
    for read in &stored.reads {
        let query = PageQuery { read: Some(read.name.clone()), ..PageQuery::default() };
        html!(out; "<tr data-key=\"read " (read.name) "\"><th scope=\"row\"><a class=\"path\" href=\""
            (list_link(&query)) "#pages\">" (read.name)
            "</a></th><td class=\"n\" data-is=\"age\">");
        ago(out, read.read_at, read.age);
        html!(out; "</td></tr>");
    }
    html!(out; "</tbody></table><p class=\"soft\">");
    if stored.more_reads > 0 {
        html!(out; "And " (number(stored.more_reads.into())) " more. ");
    }
    html!(out; "Each leads to the pages that were made of it too.</p>");
}

fn renders(out: &mut Html, report: &PageReport) {
    html!(out; "<h2>Last renders</h2>");
    if report.renders.is_empty() {
        return html!(out; "<p class=\"soft\">None is known to this server.</p>");
    }
    html!(out; "<table class=\"stacks\"><thead><tr><th scope=\"col\">Began</th><th scope=\"col\">Why</th>\
        <th scope=\"col\" class=\"n\">Took</th><th scope=\"col\">Gave</th></tr></thead><tbody>");
    for render in &report.renders {
        render_row(out, report, render);
    }
    html!(out; "</tbody></table>");
}

fn render_row(out: &mut Html, report: &PageReport, render: &RenderReport) {
    html!(out; "<tr data-key=\"render " (humantime::format_rfc3339_micros(render.began))
        "\"><th scope=\"row\">");
    ago(out, render.began, report.at.duration_since(render.began).unwrap_or_default());
    html!(out; " ago</th><td data-is=\"why\">" (render.reason.as_str()) "</td><td class=\"n\" data-is=\"took\">"
        (took(render.duration)) "</td><td data-is=\"gave\">");
    match render.outcome {
        RenderOutcome::New => html!(out; "a first page"),
        RenderOutcome::Changed => html!(out; "another page"),
        RenderOutcome::Same => html!(out; "the same page"),
        RenderOutcome::Gone => html!(out; "that there is none"),
        RenderOutcome::Unstored => html!(out; "a page that is not stored"),
        RenderOutcome::Failed | RenderOutcome::Timeout => {
            html!(out; "<span class=\"failed\">a failure</span>");
        }
    }
    if let Some(error) = &render.error {
        html!(out; "<div class=\"error\">" (error) "</div>");
    }
    html!(out; "</td></tr>");
}
