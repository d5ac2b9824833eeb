//! What a check has found.

use leptos_isr::check::{CheckReport, Problem};

/// The problems of a page.
pub(crate) fn problems<'a>(report: &'a CheckReport, page: &str) -> Vec<&'a Problem> {
    let findings = report.routes.iter().flat_map(|route| &route.findings);
    findings.filter(|finding| finding.page == page).map(|finding| &finding.problem).collect()
}
