//! Cache headers that every cache can read.

use std::{collections::HashMap, time::Duration};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use proptest::{collection::vec, prelude::*, sample::select};

use super::freshness::{age, lifetime, purged};
use crate::rules::{
    cache_status::{CacheStatus, Forward, past, ttl},
    freshness::{Freshness, freshness},
    headers::{CdnLifetime, CdnReach, is_not_modified},
    shared_cache::{CDN_CACHE_CONTROL, SharedCache},
};

/// How long a shared cache may keep a page that is stale already.
const A_COUPLE_OF_SECONDS: u64 = 2;

fn is_token(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c))
}

/// RFC 9651, section 3.3.1: at most 15 digits.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 9651, section 3.3.3.
fn is_string(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if matches!(chars.next(), Some('"' | '\\')) => {}
            '\\' | '"' => return false,
            ' '..='~' => {}
            _ => return false,
        }
    }
    true
}

/// The parameters of a structured field that is one item, a token; RFC 9651, section 3.1.2.
fn item(value: &HeaderValue) -> Option<HashMap<String, String>> {
    let text = value.to_str().ok()?;
    let mut parts = Vec::new();
    let (mut is_quoted, mut start, mut is_escaped) = (false, 0, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            ',' if !is_quoted => return None,
            _ => {}
        }
    }
    parts.push(&text[start..]);
    let mut parts = parts.into_iter();
    if !is_token(parts.next()?) {
        return None;
    }
    parts
        .map(|part| {
            let (name, value) = part.trim_start_matches(' ').split_once('=').unzip();
            let name = name.unwrap_or(part.trim_start_matches(' '));
            let is_name = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
                && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '*'));
            let is_value = value.is_none_or(|v| is_token(v) || is_integer(v) || is_string(v));
            (is_name && is_value).then(|| (name.to_owned(), value.unwrap_or("?1").to_owned()))
        })
        .collect()
}

/// The members of `CDN-Cache-Control`, a structured dictionary (RFC 9213, section 2.1).
fn directives(value: &HeaderValue) -> Option<HashMap<String, Option<u64>>> {
    value
        .to_str()
        .ok()?
        .split(", ")
        .map(|member| match member.split_once('=') {
            None => is_token(member).then(|| (member.to_owned(), None)),
            Some((name, value)) if is_token(name) && is_integer(value) => {
                Some((name.to_owned(), Some(value.parse().ok()?)))
            }
            Some(_) => None,
        })
        .collect()
}

fn status() -> impl Strategy<Value = CacheStatus> {
    let ttl = || {
        prop_oneof![
            any::<i64>(),
            any::<u64>().prop_map(|n| ttl(Duration::from_secs(n))),
            any::<u64>().prop_map(|n| past(Duration::from_secs(n))),
            Just(ttl(Duration::MAX)),
        ]
    };
    let detail = || {
        select(vec![
            "purged",
            "not-listed",
            "watch",
            "",
            "two words",
            "1st",
            "a;b=c",
            "a,b",
            "\"",
            "\\",
            "\u{e9}",
            "a\r\nb",
        ])
    };
    let code = (100..1000_u16).prop_map(|code| StatusCode::from_u16(code).unwrap());
    prop_oneof![
        (proptest::option::of(ttl()), proptest::option::of(detail()))
            .prop_map(|(ttl, detail)| CacheStatus::Hit { ttl, detail }),
        (select(vec![Forward::Miss, Forward::Stale]), code, any::<bool>())
            .prop_map(|(why, status, stored)| CacheStatus::Forwarded { why, status, stored }),
        ttl().prop_map(|ttl| CacheStatus::StaleIfError { ttl }),
        detail().prop_map(|detail| CacheStatus::Bypass { detail }),
    ]
}

/// An entity tag of few characters; RFC 9110, section 8.8.3. Commas and quotes of its neighbours
/// must not confuse the parser.
fn entity_tag() -> impl Strategy<Value = String> {
    let chars = vec(select(vec!['a', '0', ',', '*', 'W', '/', '!', '\u{a0}']), 0..4);
    (any::<bool>(), chars).prop_map(|(is_weak, chars)| {
        let opaque = String::from_iter(chars);
        if is_weak { format!("W/\"{opaque}\"") } else { format!("\"{opaque}\"") }
    })
}

proptest! {
    #[test]
    fn shared_caches_never_keep_a_page_longer_than_the_server_would(
        (lifetime, age) in lifetime().prop_flat_map(|l| (Just(l), age(l))), purged in purged(),
        reach in select(vec![CdnReach::Purged, CdnReach::Unpurged]),
    ) {
        let found = freshness(lifetime, Some(age), purged);
        let mut headers = HeaderMap::new();
        let cdn = CdnLifetime::of(lifetime, found, reach);
        SharedCache::default().add_lifetime(cdn, &mut headers);
        let header = &headers[CDN_CACHE_CONTROL];
        let directives = directives(header).expect("a structured dictionary");
        let max_age = directives["max-age"].unwrap();
        match found {
            Freshness::Fresh { left: Some(left) } => prop_assert!(max_age <= left.as_secs().max(1)),
            Freshness::Fresh { left: None } => {}
            _ => prop_assert!(max_age <= A_COUPLE_OF_SECONDS),
        }
        if let (Some(limit), Some(Some(window))) =
            (lifetime.expire, directives.get("stale-while-revalidate"))
        {
            let left = limit.saturating_sub(age).as_secs().saturating_add(A_COUPLE_OF_SECONDS);
            prop_assert!(max_age + window <= left, "{:?}, {} s left", header, left);
        }
    }

    #[test]
    fn cache_status_is_one_structured_item(status in status()) {
        let header = status.to_header();
        let params = item(&header);
        prop_assert!(params.is_some(), "{:?}", header);
        let params = params.unwrap_or_default();
        // A hit was not forwarded, and a forwarded request was no hit; RFC 9211, section 2.
        prop_assert!(params.contains_key("hit") != params.contains_key("fwd"), "{:?}", header);
    }

    #[test]
    fn if_none_match_compares_whole_tags(
        mut tags in vec(entity_tag(), 0..4), ours in entity_tag(), has_ours: bool,
        at in any::<usize>(), gap in select(vec![",", ", ", " ,", " , ,"]), lines in 1..3_usize,
    ) {
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        let strong = opaque(&ours);
        if has_ours {
            tags.insert(at % (tags.len() + 1), ours);
        }
        let mut request = HeaderMap::new();
        for line in tags.chunks(tags.len().div_ceil(lines).max(1)) {
            let value = HeaderValue::from_bytes(line.join(gap).as_bytes()).unwrap();
            request.append(header::IF_NONE_MATCH, value);
        }
        let is_among = tags.iter().any(|tag| opaque(tag) == strong);
        let etag = HeaderValue::from_bytes(strong.as_bytes()).unwrap();
        // Our own tags are hexadecimal, so none with a comma has to be found.
        if !strong.contains(',') {
            prop_assert_eq!(is_not_modified(&request, &etag), is_among, "{:?}", request);
        }
    }
}
