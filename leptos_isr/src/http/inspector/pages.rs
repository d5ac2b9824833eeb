//! The pages in memory, sorted and searched.

use super::{
    html::{Html, html},
    shown::{bytes, list_link, page_link, took},
};
use crate::engine::{
    Engine,
    inspect::{
        list::{PageList, PageOrder, PageQuery, PageRow},
        report::PageState,
        why::{number, shown},
    },
};

impl Engine {
    /// Ends the page's `<main>`. Without a list another is being made.
    pub(super) fn list_view(&self, out: &mut Html, query: &PageQuery, list: Option<&PageList>) {
        html!(out; "<h2 id=\"pages\">Pages</h2>");
        sorts(out, query);
        self.filter(out, query);
        match list {
            Some(list) => table(out, query, list),
            None => {
                html!(out; "<p class=\"why wrong\">Another list is being made: reload in a few \
                seconds.</p>")
            }
        }
        html!(out; "</main>");
    }

    fn filter(&self, out: &mut Html, query: &PageQuery) {
        html!(out; "<search><form action=\"/_isr/#pages\"><input type=\"hidden\" name=\"sort\" value=\""
            (query.sort.as_str()) "\"><label>Path contains<input type=\"search\" name=\"search\" value=\""
            (query.search.as_deref().unwrap_or_default()) "\"></label><label>Route<select name=\"route\">\
            <option value=\"\">all</option>");
        for route in self.0.routes.iter().filter(|route| route.policy().is_some()) {
            let is_chosen = query.route.as_deref() == Some(route.path());
            html!(out; "<option");
            if is_chosen {
                html!(out; " selected");
            }
            html!(out; ">" (route.path()) "</option>");
        }
        html!(out; "</select></label>");
        if let Some(read) = &query.read {
            html!(out; "<input type=\"hidden\" name=\"read\" value=\"" (read) "\">");
        }
        html!(out; "<button>Search</button></form></search>");
        if let Some(read) = &query.read {
            let all = PageQuery { read: None, after: None, ..query.clone() };
            html!(out; "<p>Only pages that were made of the read <code>" (read) "</code>. <a href=\""
                (list_link(&all)) "#pages\">All pages</a></p>");
        }
    }
}

fn sorts(out: &mut Html, query: &PageQuery) {
    html!(out; "<nav aria-label=\"Sort\"><span class=\"soft\">Most</span>");
    for sort in PageOrder::ALL {
        let link = list_link(&PageQuery { sort, after: None, ..query.clone() });
        html!(out; "<a href=\"" (link) "#pages\"");
        if sort == query.sort {
            html!(out; " aria-current=\"true\"");
        }
        html!(out; ">" (sort.as_str()) "</a>");
    }
    html!(out; "</nav>");
}

/// The columns, and by what each is sorted.
const COLUMNS: [(&str, Option<PageOrder>); 8] = [
    ("State", None),
    ("Age", None),
    ("Stale for", Some(PageOrder::Staleness)),
    ("Requests", Some(PageOrder::Demand)),
    ("Render time", Some(PageOrder::Cost)),
    ("Same again", Some(PageOrder::Waste)),
    ("Size", Some(PageOrder::Size)),
    ("Failures", Some(PageOrder::Errors)),
];

fn table(out: &mut Html, query: &PageQuery, list: &PageList) {
    html!(out; "<table class=\"stacks\"><caption>");
    let of = if query.after.is_some() { "further ones" } else { "the first" };
    html!(out; (shown_of(list, of)) "</caption><thead><tr><th scope=\"col\">Page</th>");
    for (name, sort) in COLUMNS {
        let class = if matches!(name, "State") { "" } else { "n" };
        html!(out; "<th scope=\"col\" class=\"" (class) "\"");
        if sort == Some(query.sort) {
            html!(out; " aria-sort=\"descending\"");
        }
        html!(out; ">" (name) "</th>");
    }
    html!(out; "</tr></thead><tbody>");
    list.pages.iter().for_each(|page| row(out, page));
    html!(out; "</tbody></table>");
    html!(out; "<nav aria-label=\"Parts of the list\">");
    if query.after.is_some() {
        let first = PageQuery { after: None, ..query.clone() };
        html!(out; "<a href=\"" (list_link(&first)) "#pages\">First pages</a>");
    }
    if let Some(next) = &list.next {
        let next = PageQuery { after: Some(next.clone()), ..query.clone() };
        html!(out; "<a rel=\"next\" href=\"" (list_link(&next)) "#pages\">Next pages</a>");
    }
    html!(out; "</nav>");
}

fn shown_of(list: &PageList, which: &str) -> String {
    let matching = super::shown::pages(list.matching);
    match list.pages.len() {
        all if all == list.matching => matching,
        some => format!("{matching}, {which} {some} of them"),
    }
}

fn row(out: &mut Html, page: &PageRow) {
    html!(out; "<tr data-key=\"page " (page.page) "\"><th scope=\"row\"><a class=\"path\" href=\""
        (page_link(&page.page)) "\">" (page.page) "</a>");
    if let Some(error) = &page.error {
        html!(out; "<div class=\"error\">" (error) "</div>");
    }
    let state = page.state.unwrap_or(PageState::Missing);
    html!(out; "</th><td class=\"state " (class(state)) "\">" (class(state)) "</td>");
    let stale_for = match page.stale_for.is_zero() {
        true => "–".to_owned(),
        false => shown(page.stale_for),
    };
    let same = match page.regenerations {
        0 => "–".to_owned(),
        all => format!("{} of {}", number(page.unchanged.into()), number(all.into())),
    };
    let render_time = match page.renders {
        0 => "–".to_owned(),
        renders => format!("{} in {}", took(page.render_time), number(renders)),
    };
    for (label, value) in [
        ("age", page.age.map_or("–".to_owned(), shown)),
        ("stale for", stale_for),
        ("requests", number(page.requests)),
        ("render time", render_time),
        ("same again", same),
        ("size", bytes(page.bytes as u64)),
    ] {
        html!(out; "<td class=\"n\" data-is=\"" (label) "\">" (value) "</td>");
    }
    let class = if page.failures > 0 { "n failed" } else { "n" };
    html!(out; "<td class=\"" (class) "\" data-is=\"failures\">" (page.failures) "</td></tr>");
}

/// The word for a state, which is its class in the style too.
pub(super) fn class(state: PageState) -> &'static str {
    match state {
        PageState::Fresh => "fresh",
        PageState::Stale => "stale",
        PageState::Expired => "expired",
        PageState::Purged => "purged",
        PageState::Missing => "missing",
        PageState::NotAPage => "no page",
    }
}
