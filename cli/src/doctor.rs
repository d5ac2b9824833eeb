//! `isr doctor`: what is wrong with the server and what is in front of it.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    public::{self, Seen},
    report::{Finding, Report, Verdict, json_of},
    server::{Answer, Server, page_of},
    text::{counted, plain},
    why::visited,
};

/// How far the clocks may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);

/// How long a CDN may take to be told of a purge, in seconds.
const TELLING: f64 = 60.0;

/// The beginning of the line that says what the Redis evicts.
const EVICTS: &str = "isr_ledger_info{eviction=\"";

/// How many failing pages are named.
const NAMED: usize = 3;

/// What was looked at, and what was found.
#[derive(Default)]
struct Checks {
    done: Vec<&'static str>,
    found: Vec<Finding>,
}

impl Checks {
    fn add(&mut self, check: &'static str, found: impl IntoIterator<Item = Finding>) {
        self.done.push(check);
        self.found.extend(found);
    }

    fn report(self) -> Report {
        let Self { done, found } = self;
        let lines: String = found.iter().map(|finding| finding.line() + "\n").collect();
        let text = match found.is_empty() {
            true => format!("nothing found. Looked at: {}", done.join(", ")),
            false => format!(
                "{lines}\n{}. Looked at: {}",
                counted(found.len() as u64, "finding"),
                done.join(", ")
            ),
        };
        let json = json!({ "findings": json_of(&found), "checks": done });
        Report { text, json, verdict: Verdict::of(!found.is_empty()) }
    }
}

pub(crate) fn doctor(server: &Server, page: Option<&str>) -> Result<Report, Failure> {
    let page = page.map(public_page).transpose()?;
    let mut checks = Checks::default();
    let alive = server.get("/_isr/alive", &[])?;
    if !alive.status.is_success() {
        return Err(alive.refusal());
    }
    checks.add("clock", clock(alive.header("date"), SystemTime::now()));
    checks.add("ready", ready(&server.get("/_isr/ready", &[])?));
    let pages = server.get("/_isr/pages", &[("sort", "errors"), ("limit", "200")])?;
    let is_believed = pages.status.is_success();
    checks.add("token", token(&pages));
    if is_believed {
        checks.add("pages", failing(&pages.json()?));
        let answer = server.get("/_isr/metrics", &[])?;
        checks.add("metrics", metrics(&answer));
        if let Some(works) = value(&answer.text, "isr_store_works ") {
            checks.add("store", store(works));
        }
        if let Some(evicts) = value(&answer.text, EVICTS) {
            let has_limit =
                value(&answer.text, "isr_store_limit_bytes{tier=\"shared\"} ").is_some();
            checks.add("eviction policy", eviction_policy(evicts, has_limit));
        }
    }
    match page {
        Some((url, path)) if is_believed => {
            let (report, seen) = visited(server, &url, &path)?;
            checks.add("what visitors get", public::compared(&report, &seen));
            checks.add("headers for CDNs", public::cdn_headers(&seen));
        }
        Some((url, _)) => {
            let seen = Seen::of(&server.visit(&url)?);
            checks.add("headers for CDNs", public::cdn_headers(&seen));
        }
        None => {}
    }
    Ok(checks.report())
}

/// The public address of a page, and its path and query.
fn public_page(page: &str) -> Result<(Url, String), Failure> {
    let (url, path) = page_of(page)?;
    let url = url.ok_or_else(|| {
        let remedy = "say the page's public address, as in https://example.org/";
        Failure::Usage(format!("`{page}` is a path: {remedy}"))
    })?;
    Ok((url, path))
}

/// Compares the clocks by a `Date` that has just come, which is in whole seconds.
fn clock(date: &str, now: SystemTime) -> Option<Finding> {
    let Ok(date) = httpdate::parse_http_date(date) else {
        return Some(Finding::new(
            "the server's answers have no `Date`",
            "caches in front cannot tell how old a page is",
            "let it pass through what is in front",
        ));
    };
    let end = date + Duration::from_secs(1);
    let (apart, order) = match (date.duration_since(now), now.duration_since(end)) {
        (Ok(ahead), _) => (ahead, "ahead of"),
        (_, Ok(behind)) => (behind, "behind"),
        _ => return None,
    };
    (apart > CLOCK_DIFFERENCE).then(|| {
        Finding::new(
            format!("the server's clock is {} s {order} this machine's", apart.as_secs()),
            "ages and periods are wrong by as much on one of them",
            "set both by NTP",
        )
    })
}

fn ready(answer: &Answer) -> Vec<Finding> {
    let mut found = Vec::new();
    if !answer.status.is_success() {
        found.push(Finding::new(
            format!("the server is not ready ({})", answer.status.as_u16()),
            "load balancers send visitors elsewhere",
            "it starts or shuts down: see its log if that lasts",
        ));
    }
    let said: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    if said["ledger"] == "cut off" {
        found.push(Finding::new(
            "the server is cut off from the ledger",
            "it does not know what others purge, and serves pages from before",
            "see the server's log for the cause, and whether it reaches the Redis",
        ));
    }
    found
}

fn token(answer: &Answer) -> Option<Finding> {
    match answer.status {
        status if status.is_success() => None,
        StatusCode::UNAUTHORIZED => Some(Finding::new(
            "the token is not accepted (401)",
            "pages and metrics cannot be looked at, and purges from here are refused",
            "set ISR_TOKEN, or --token-file, to the one that the server has",
        )),
        StatusCode::NOT_FOUND => Some(Finding::new(
            "there is no `/_isr/pages` (404)",
            "pages and metrics cannot be looked at",
            "give the server a token (`Builder::token`), or a version that has this",
        )),
        status => Some(Finding::new(
            format!("`/_isr/pages` answers {}", status.as_u16()),
            "pages and metrics cannot be looked at",
            "see the server's log, and what is in front of it",
        )),
    }
}

/// Pages whose renders fail, and those that leave nothing to store.
fn failing(list: &Value) -> Vec<Finding> {
    let pages = list["pages"].as_array().into_iter().flatten();
    let rows: Vec<_> = pages.filter(|page| page["failures"].as_u64() > Some(0)).collect();
    let (failed, unstored): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|page| page["error"].is_string());
    let mut found = Vec::new();
    if !failed.is_empty() {
        let named = failed.iter().take(NAMED);
        let named: Vec<_> = named
            .map(|page| format!("{}: {}", plain(&page["page"]), plain(&page["error"])))
            .collect();
        let count = counted(failed.len() as u64, "page");
        found.push(Finding::new(
            format!("renders of {count} fail, such as {}", named.join("; ")),
            "visitors get an old page, or an error",
            "mend what the pages read; `isr why` says when each is tried next, `isr regenerate` tries now",
        ));
    }
    if !unstored.is_empty() {
        let named = unstored.iter().take(NAMED).map(|page| plain(&page["page"]));
        let (count, named) =
            (counted(unstored.len() as u64, "page"), named.collect::<Vec<_>>().join(", "));
        found.push(Finding::new(
            format!("{count} of stored routes may not be stored, such as {named}"),
            "each visitor waits for a render",
            "the server's log says why: a cookie, `no_store`, or `Cache-Control` of the page's own",
        ));
    }
    found
}

fn metrics(answer: &Answer) -> Option<Finding> {
    if !answer.status.is_success() {
        return Some(Finding::new(
            format!("there is no `/_isr/metrics` ({})", answer.status.as_u16()),
            "nobody is told when pages fail or a CDN is not told of purges, and store and eviction policy cannot be looked at",
            "enable the feature `metrics` of `leptos_isr`, and collect them",
        ));
    }
    let told = answer.text.lines().filter(|line| line.starts_with("isr_outbound_oldest_seconds{"));
    let late = told
        .filter_map(|line| line.rsplit_once(' '))
        .find(|(_, seconds)| seconds.parse::<f64>().is_ok_and(|seconds| seconds > TELLING));
    late.map(|(cdn, seconds)| {
        Finding::new(
            format!("a purge has waited {seconds} s to be told to a CDN ({cdn})"),
            "the CDN serves pages from before it",
            "the server's log says what the CDN answers: its token, its limits, or that it is down",
        )
    })
}

/// What follows `name` in the metrics.
fn value<'a>(metrics: &'a str, name: &str) -> Option<&'a str> {
    metrics.lines().find_map(|line| line.strip_prefix(name))
}

fn store(works: &str) -> Option<Finding> {
    (works == "0").then(|| {
        Finding::new(
            "the store keeps no new pages",
            "a restart begins without them, and other servers render them anew",
            "the server's log says why: a disk that is full or read-only, a store that does not answer, \
             or a server that stores nothing (`Builder::bypass`, `cargo leptos watch`)",
        )
    })
}

/// Whether purges stay in the Redis once its memory is full.
fn eviction_policy(evicts: &str, has_limit: bool) -> Option<Finding> {
    let (what, so) = match evicts.split('"').next() {
        Some("anything") => (
            "the Redis evicts purges too once its memory is full (`maxmemory-policy allkeys-…`)",
            "if it does, all pages count as purged; a server that connects anew refuses it, and is cut off",
        ),
        Some("nothing") => (
            "the Redis refuses what is new once its memory is full (`maxmemory-policy noeviction`)",
            "if it does, no page is shared any more, and purges are answered by 503",
        ),
        _ => return None,
    };
    let remedy = "set `maxmemory-policy volatile-lru`, which evicts pages only: by `CONFIG SET` at once, \
                  and in its configuration for its next start";
    has_limit.then(|| Finding::new(what, so, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;
    use std::time::UNIX_EPOCH;

    fn answer(status: u16, text: &str) -> Answer {
        Answer {
            asked: String::new(),
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn clock_that_differs_by_more_than_two_seconds_is_found() {
        let now = UNIX_EPOCH + Duration::from_millis(1_800_000_000_500);
        let found = |millis: u64| {
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(millis));
            clock(&date, now).map(|finding| finding.what)
        };
        for millis in [1_800_000_000_000, 1_799_999_998_000, 1_800_000_002_000] {
            assert_eq!(found(millis), None, "{millis}");
        }
        let ahead = found(1_800_000_060_000).unwrap();
        assert_eq!(ahead, "the server's clock is 59 s ahead of this machine's");
        let behind = found(1_799_999_990_000).unwrap();
        assert_eq!(behind, "the server's clock is 9 s behind this machine's");
        assert!(clock("", now).is_some());
    }

    #[test]
    fn server_that_is_not_ready_or_cut_off_is_found() {
        for (status, text, count) in [
            (200, r#"{"ready":true,"ledger":"connected"}"#, 0),
            (200, r#"{"ready":true}"#, 0),
            (503, r#"{"ready":false}"#, 1),
            (200, r#"{"ready":true,"ledger":"cut off"}"#, 1),
        ] {
            assert_eq!(ready(&answer(status, text)).len(), count, "{text}");
        }
    }

    #[test]
    fn failing_pages_are_named_apart_from_those_that_may_not_be_stored() {
        let page = |page: &str, failures: u32, error: Option<&str>| json!({ "page": page, "failures": failures, "error": error });
        let down = Some("the source is down");
        let list = [page("/a", 3, down), page("/b", 1, None), page("/c", 0, None)];
        let found: Vec<_> =
            failing(&json!({ "pages": list })).into_iter().map(|one| one.what).collect();
        assert_eq!(
            found,
            [
                "renders of 1 page fail, such as /a: the source is down",
                "1 page of stored routes may not be stored, such as /b"
            ]
        );
        assert!(failing(&json!({ "pages": [page("/c", 0, None)] })).is_empty());
    }

    #[test]
    fn store_that_keeps_nothing_is_found() {
        let works = |metrics| value(metrics, "isr_store_works ").map(store);
        assert_eq!(works("isr_store_works 1\nisr_live_streams 0\n"), Some(None));
        assert_eq!(works("isr_live_streams 0\n"), None);
        let found = works("# TYPE isr_store_works gauge\nisr_store_works 0\n").flatten().unwrap();
        assert!(found.remedy.contains("the server's log"), "{found:?}");
    }

    #[test]
    fn eviction_policy_that_endangers_purges_is_found_where_the_memory_has_a_limit() {
        for (evicts, has_limit, says) in [
            ("pages", true, None),
            ("anything", false, None),
            ("nothing", false, None),
            ("what a later version says", true, None),
            ("anything", true, Some("evicts purges too")),
            ("nothing", true, Some("refuses what is new")),
        ] {
            let line = format!("# EOF\n{EVICTS}{evicts}\"}} 1\n");
            let found = eviction_policy(value(&line, EVICTS).unwrap(), has_limit);
            assert_eq!(found.is_some(), says.is_some(), "{evicts}");
            if let Some((found, says)) = found.zip(says) {
                assert!(found.what.contains(says), "{found:?}");
                assert!(found.remedy.contains("volatile-lru"), "{found:?}");
            }
        }
        assert_eq!(value("isr_live_streams 0\n", EVICTS), None);
    }

    #[test]
    fn metrics_that_are_missing_or_tell_of_a_late_cdn_are_found() {
        assert!(metrics(&answer(404, "")).is_some());
        let late = |seconds: &str| {
            format!("# TYPE x gauge\nisr_outbound_oldest_seconds{{cdn=\"a\"}} {seconds}\n")
        };
        assert_eq!(metrics(&answer(200, &late("2.5"))), None);
        let found = metrics(&answer(200, &late("120.5"))).unwrap();
        assert!(found.what.contains("120.5 s") && found.what.contains("cdn=\"a\""), "{found:?}");
    }
}
