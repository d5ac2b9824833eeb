//! What visitors get of a page at its public address, compared with what the server says of it.

use serde_json::{Value, json};

use crate::{report::Finding, server::Answer};

/// What came from a public address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// How long a cache in front has had it, in seconds.
    pub(crate) age: Option<u64>,
    pub(crate) etag: String,
    pub(crate) build: String,
    pub(crate) cache_status: String,
    pub(crate) cdn_cache_control: String,
    pub(crate) location: String,
    pub(crate) vary: String,
    pub(crate) sets_cookie: bool,
}

impl Seen {
    pub(crate) fn of(answer: &Answer) -> Self {
        // There is one for each cache on the way, in as many headers.
        let all = answer.headers.get_all("cache-status").iter();
        let all: Vec<_> = all.filter_map(|value| value.to_str().ok()).collect();
        Self {
            status: answer.status.as_u16(),
            age: answer.header("age").parse().ok(),
            etag: answer.header("etag").to_owned(),
            build: answer.header("x-isr-build").to_owned(),
            cache_status: all.join(", "),
            cdn_cache_control: answer.header("cdn-cache-control").to_owned(),
            location: answer.header("location").to_owned(),
            vary: answer.header("vary").to_ascii_lowercase(),
            sets_cookie: answer.headers.contains_key("set-cookie"),
        }
    }

    /// What the engine says of how it answered.
    pub(crate) fn engine(&self) -> &str {
        let members = self.cache_status.split(',').map(str::trim);
        members.into_iter().find(|member| member.starts_with("isr")).unwrap_or_default()
    }

    /// Whether it is a page from the engine's store.
    pub(crate) fn is_stored(&self) -> bool {
        let engine = self.engine();
        engine.contains("; hit") || engine.contains("; stored")
    }

    /// Whether it was rendered for whoever asked, and not stored.
    fn is_made_anew(&self) -> bool {
        !self.engine().is_empty() && !self.is_stored() && !self.is_cached()
    }

    /// Whether a cache in front has answered.
    pub(crate) fn is_cached(&self) -> bool {
        let others = self.cache_status.split(',').map(str::trim);
        self.age.is_some()
            || others.filter(|one| !one.starts_with("isr")).any(|one| one.contains("hit"))
    }

    pub(crate) fn json(&self) -> Value {
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        json!({
            "status": self.status,
            "age": self.age,
            "etag": text(&self.etag),
            "build": text(&self.build),
            "cache_status": text(&self.cache_status),
            "cdn_cache_control": text(&self.cdn_cache_control),
        })
    }

    pub(crate) fn text(&self) -> String {
        let age = self.age.map_or_else(|| "none".to_owned(), |age| format!("{age} s in a cache"));
        let or_none =
            |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        format!(
            "  status        {}\n  Age           {age}\n  ETag          {}\n  x-isr-build   {}\n  Cache-Status  {}\n",
            self.status,
            or_none(&self.etag),
            or_none(&self.build),
            or_none(&self.cache_status),
        )
    }
}

/// Whether both are the same page, in whatever encoding.
pub(crate) fn is_same_page(report: &Value, seen: &Seen) -> bool {
    let stored = report["stored"]["etag"].as_str();
    stored.is_none_or(|stored| page_of_etag(stored) == page_of_etag(&seen.etag))
}

/// An ETag without what a proxy or an encoding adds.
fn page_of_etag(etag: &str) -> &str {
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    etag.split_once('-').map_or(etag, |(page, _)| page)
}

/// What differs from what the server says of the page.
pub(crate) fn compared(report: &Value, seen: &Seen) -> Vec<Finding> {
    if seen.engine().contains("detail=draft") {
        return vec![Finding::new(
            "the draft cookie makes this answer private",
            "it is rendered for whoever has the cookie, past the store, so it says nothing of what others see",
            "unset ISR_COOKIE, or end draft mode: `DELETE /_isr/draft`",
        )];
    }
    let mut found = Vec::new();
    if (500..600).contains(&seen.status) {
        found.push(Finding::new(
            format!("the public address answers {}", seen.status),
            "visitors get an error",
            "if Cache-Status above is of the engine, see why its renders fail; otherwise ask what is in front",
        ));
        return found;
    }
    let (build, status) = (report["build"].as_str(), report["stored"]["status"].as_u64());
    if (300..400).contains(&seen.status)
        && status.is_some_and(|status| !(300..400).contains(&status))
    {
        found.push(Finding::new(
            format!("the public address redirects to {}", seen.location),
            "this page is not what visitors get there",
            "ask for the address to which it redirects",
        ));
        return found;
    }
    let who = if seen.is_cached() { "a cache in front" } else { "another server" };
    match build {
        Some(build) if seen.build.is_empty() => found.push(Finding::new(
            format!("the answer names no build, and the server's is `{build}`"),
            "open pages do not learn of a new build",
            "let `x-isr-build` pass through what is in front, or see whether this is the site's address",
        )),
        Some(build) if build != seen.build => found.push(Finding::new(
            format!("{who} answers with a page of the build `{}`, and the server's is `{build}`", seen.build),
            "visitors see the site of that build",
            "wait until the deployment is through; if it is, purge the CDN: it should be told (`Builder::cdn`)",
        )),
        _ => {}
    }
    if !seen.is_made_anew() && !is_same_page(report, seen) {
        found.push(match (seen.etag.is_empty(), seen.is_cached()) {
            (true, _) => Finding::new(
                "the answer has no ETag",
                "it cannot be told whether it is the stored page, and browsers fetch it whole each time",
                "let `ETag` pass through what is in front, as with nginx's `gzip` off for this site",
            ),
            (false, true) => Finding::new(
                format!("a cache in front answers with an older page{}", since(seen.age)),
                "visitors see that one until its time there is over",
                "purge it there; if it should be told of purges, see `isr_outbound_waiting` and the log",
            ),
            (false, false) => Finding::new(
                "another page than the stored one is answered, and no cache says that it did",
                "another server, or a cache that does not say so, answers with an older page",
                "compare `replica` of each server; if they share a ledger, one may be cut off from it",
            ),
        });
    }
    found
}

fn since(age: Option<u64>) -> String {
    age.map_or_else(String::new, |age| format!(", which it has had for {age} s"))
}

/// What is wrong with how an answer may be kept.
pub(crate) fn cdn_headers(seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    if seen.engine().is_empty() {
        found.push(Finding::new(
            "the public answer has no `Cache-Status` of the engine",
            "it cannot be told from outside how a page was answered",
            "let `Cache-Status` pass through what is in front, or see whether this is the site's address",
        ));
    }
    if !seen.is_stored() {
        let is_page = seen.status < 300 || [404, 410].contains(&seen.status);
        if !seen.engine().is_empty() && is_page {
            found.push(Finding::new(
                format!("the answer is no stored page (`{}`)", seen.engine()),
                "what caches in front get of stored pages cannot be looked at",
                "ask for the address of a stored page, without a draft's cookie; `isr why` says what this one is",
            ));
        }
        return found;
    }
    if seen.cdn_cache_control.is_empty() && !seen.is_cached() {
        found.push(Finding::new(
            "`CDN-Cache-Control` is missing",
            "caches in front ask for each page, unless the one that read it has removed it",
            "let it pass; for caches that do not read it, set `Builder::shared_cache`",
        ));
    }
    if seen.sets_cookie {
        found.push(Finding::new(
            "a stored answer sets a cookie",
            "a shared cache may give one visitor's cookie to others, or keeps no page at all",
            "set it for visitors alone, by a layer within `Engine::wrap_with` or from a dynamic route",
        ));
    }
    let others = seen.vary.split(',').map(str::trim);
    let others: Vec<_> = others.filter(|name| !matches!(*name, "" | "accept-encoding")).collect();
    if !others.is_empty() {
        found.push(Finding::new(
            format!("`Vary` names {}", others.join(", ")),
            "caches in front keep a page once for each of its values",
            "remove it: a stored page is the same for all",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Value {
        json!({ "page": "/a", "build": "two", "stored": { "etag": "\"11\"", "status": 200 } })
    }

    fn seen() -> Seen {
        Seen {
            status: 200,
            etag: "\"11-br\"".to_owned(),
            build: "two".to_owned(),
            cache_status: "isr; hit; ttl=60".to_owned(),
            cdn_cache_control: "public, max-age=60".to_owned(),
            vary: "accept-encoding".to_owned(),
            ..Seen::default()
        }
    }

    #[test]
    fn each_way_for_visitors_to_get_another_page_is_said() {
        let etag = |etag: &str| etag.to_owned();
        let cached = "isr; hit; ttl=60, edge; hit; ttl=20".to_owned();
        let draft = "isr; fwd=bypass; detail=draft".to_owned();
        for (seen, begins) in [
            (seen(), vec![]),
            (Seen { etag: etag("W/\"11\""), age: Some(40), ..seen() }, vec![]),
            (
                Seen { etag: etag("\"10-gzip\""), age: Some(40), ..seen() },
                vec!["a cache in front answers with an older page, which it has had for 40 s"],
            ),
            (
                Seen { etag: etag("\"10\""), cache_status: cached, build: "one".into(), ..seen() },
                vec![
                    "a cache in front answers with a page of the build `one`, and the server's is `two`",
                    "a cache in front answers with an older page",
                ],
            ),
            (Seen { etag: etag("\"10\""), ..seen() }, vec!["another page than the stored one"]),
            (Seen { etag: etag(""), ..seen() }, vec!["the answer has no ETag"]),
            (
                Seen {
                    etag: etag(""),
                    cache_status: "isr; fwd=stale; fwd-status=200".into(),
                    ..seen()
                },
                vec![],
            ),
            (Seen { build: etag(""), ..seen() }, vec!["the answer names no build"]),
            (Seen { status: 502, ..seen() }, vec!["the public address answers 502"]),
            (
                Seen { status: 301, location: "https://www".into(), ..seen() },
                vec!["the public address redirects to https://www"],
            ),
            (
                Seen { cache_status: draft, etag: etag("\"x\""), ..seen() },
                vec!["the draft cookie makes this answer private"],
            ),
        ] {
            let found = compared(&report(), &seen);
            let is_said = found.iter().zip(&begins).all(|(one, begin)| one.what.starts_with(begin));
            assert!(is_said && found.len() == begins.len(), "{seen:?}: {found:#?}");
        }
    }

    #[test]
    fn page_that_is_not_stored_is_not_compared() {
        let report = json!({ "page": "/a", "build": "two", "stored": null });
        assert!(compared(&report, &Seen { etag: String::new(), ..seen() }).is_empty());
    }

    #[test]
    fn headers_that_keep_caches_from_their_work_are_found() {
        for (seen, begins) in [
            (seen(), None),
            (Seen { cdn_cache_control: String::new(), ..seen() }, Some("`CDN-Cache-Control` is")),
            (Seen { cdn_cache_control: String::new(), age: Some(1), ..seen() }, None),
            (Seen { sets_cookie: true, ..seen() }, Some("a stored answer sets a cookie")),
            (
                Seen { vary: "accept-encoding, cookie".into(), ..seen() },
                Some("`Vary` names cookie"),
            ),
            (Seen { cache_status: "edge; hit".into(), ..seen() }, Some("the public answer has no")),
            (
                Seen { cache_status: "isr; fwd=bypass".into(), sets_cookie: true, ..seen() },
                Some("the answer is no stored page (`isr; fwd=bypass`)"),
            ),
            (
                Seen {
                    cache_status: "isr; fwd=miss; fwd-status=502".into(),
                    status: 502,
                    ..seen()
                },
                None,
            ),
        ] {
            let found = cdn_headers(&seen);
            let what = found.first().map(|finding| finding.what.as_str());
            let is_right = match begins {
                Some(begin) => what.is_some_and(|what| what.starts_with(begin)),
                None => what.is_none(),
            };
            assert!(is_right && found.len() < 2, "{seen:?}: {found:#?}");
        }
    }
}
