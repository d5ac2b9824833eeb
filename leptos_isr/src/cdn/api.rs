//! What a CDN is told when pages are purged.

use std::{collections::BTreeSet, fmt};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;
use serde_json::json;

use super::ids::PurgeId;
use crate::{order::purge::Purge, rules::headers};

/// Fastly takes 256 keys in one request.
const FASTLY_KEYS: usize = 256;

/// How long one `Surrogate-Key` header may be, in bytes, unless a single key is longer.
const FASTLY_HEADER: usize = 8 << 10;

/// Cloudflare takes 100 tags or addresses in one request, and 30 prefixes.
const CLOUDFLARE_ITEMS: usize = 30;

/// A CDN, or another server, that is told of each purge; see
/// [`Builder::cdn`](crate::Builder::cdn).
///
/// A CDN knows pages by tag only if the tags are sent with them: switch on
/// [`Builder::cache_tag`](crate::Builder::cache_tag). A CDN is told a path as the address on the
/// site, without a query, so pages with query parameters are reached by tag and prefix only. `site`
/// is how readers reach the site, such as `https://news.example`. Secrets are sent as headers.
///
/// An `https` address needs a TLS feature of the crate `reqwest` in your app,
/// or a client of your own in [`FetchSettings`](crate::data::FetchSettings).
///
/// # Examples
///
/// ```
/// use leptos_isr::{Engine, purge::Cdn, route::RouteTable};
///
/// # fn main() -> Result<(), leptos_isr::Error> {
/// let cdn = Cdn::cloudflare("023e105f4ecef8ad", "an API token", "https://news.example");
/// let isr = Engine::builder(RouteTable::new()).cache_tag(true).cdn(cdn).build()?;
/// # let _ = isr; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Cdn {
    kind: Kind,
    api: String,
    token: String,
    site: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Fastly { service: String },
    Cloudflare { zone: String },
    Url,
}

/// One request to a CDN's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Cdn {
    /// Tells Fastly, [by surrogate key and address](https://www.fastly.com/documentation/reference/api/purging/).
    /// `token` is an API token that may purge the service.
    ///
    /// Soft purges stay soft. Fastly reads keys from `Surrogate-Key`, so copy `Cache-Tag` there in
    /// VCL, with spaces for the commas:
    /// `set beresp.http.Surrogate-Key = regsuball(beresp.http.Cache-Tag, ",", " ");`. Fastly cannot
    /// purge by prefix. A purge of `/` is sent as a purge of everything, which is hard. Other
    /// prefixes are left out, with a warning.
    pub fn fastly(
        service: impl Into<String>,
        token: impl Into<String>,
        site: impl Into<String>,
    ) -> Self {
        Self {
            kind: Kind::Fastly { service: service.into() },
            api: "https://api.fastly.com".to_owned(),
            token: token.into(),
            site: site.into(),
        }
    }

    /// Tells Cloudflare, [by tag, address and prefix](https://developers.cloudflare.com/cache/how-to/purge-cache/).
    /// `token` is an API token that may purge the zone's cache.
    ///
    /// Every purge is hard there: Cloudflare has no soft purges.
    pub fn cloudflare(
        zone: impl Into<String>,
        token: impl Into<String>,
        site: impl Into<String>,
    ) -> Self {
        Self {
            kind: Kind::Cloudflare { zone: zone.into() },
            api: "https://api.cloudflare.com".to_owned(),
            token: token.into(),
            site: site.into(),
        }
    }

    /// Tells any server: each [`Purge`] is sent as JSON by a POST to `url`, with `token` as the
    /// bearer token. Another engine's `/_isr/purge` takes that.
    ///
    /// The header `x-isr-purge-ids` names the purges, so servers may tell each other in a circle:
    /// each does a purge once, and passes it on once.
    pub fn url(url: impl Into<String>, token: impl Into<String>) -> Self {
        Self { kind: Kind::Url, api: url.into(), token: token.into(), site: String::new() }
    }

    /// Sets another address of the API, such as `http://127.0.0.1:8080`, for tests and proxies.
    #[must_use]
    pub fn api(mut self, address: impl Into<String>) -> Self {
        self.api = address.into();
        self
    }

    /// What tells this CDN from others, in the queue and in the log.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            Kind::Fastly { service } => format!("fastly {service}"),
            Kind::Cloudflare { zone } => format!("cloudflare {zone}"),
            Kind::Url => self.api.clone(),
        }
    }

    /// Whether the purge is done, as far as the body of a successful answer says. Only Cloudflare's
    /// says it.
    pub(super) fn is_done(&self, body: &[u8]) -> bool {
        match self.kind {
            Kind::Cloudflare { .. } => serde_json::from_slice::<serde_json::Value>(body)
                .is_ok_and(|answer| answer["success"] == true),
            Kind::Fastly { .. } | Kind::Url => true,
        }
    }

    /// # Errors
    ///
    /// Says which setting is wrong.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        match &self.kind {
            Kind::Fastly { service: id } | Kind::Cloudflare { zone: id } => {
                if !is_id(id) {
                    return Err(format!("`{id}` is not an id; copy the id: letters and digits"));
                }
                check_address("site", &self.site)?;
            }
            Kind::Url => {}
        }
        check_address("API's", &self.api)?;
        match HeaderValue::try_from(&self.token) {
            Ok(token) if !token.is_empty() => Ok(()),
            _ => Err("its token is empty, or cannot be sent as a header; copy it again".to_owned()),
        }
    }

    /// The requests that tell the CDN of `purge`, whose paths are canonical. Another server learns
    /// its ids.
    pub(super) fn calls(&self, purge: &Purge, ids: &[PurgeId]) -> Vec<Call> {
        match &self.kind {
            Kind::Fastly { service } => self.fastly_calls(service, purge),
            Kind::Cloudflare { zone } => self.cloudflare_calls(zone, purge),
            Kind::Url => {
                let body = serde_json::to_string(purge).expect("texts can be written as JSON");
                let mut call = self.call(self.api.clone(), body);
                call.headers.extend([PurgeId::header(ids)]);
                vec![call]
            }
        }
    }

    fn fastly_calls(&self, service: &str, purge: &Purge) -> Vec<Call> {
        let api = self.api.trim_end_matches('/');
        let call = |path: String, is_soft: bool| {
            let mut call = self.call(format!("{api}{path}"), String::new());
            call.headers.remove(header::AUTHORIZATION);
            call.headers.insert(HeaderName::from_static("fastly-key"), secret(&self.token));
            if is_soft {
                let name = HeaderName::from_static("fastly-soft-purge");
                call.headers.insert(name, HeaderValue::from_static("1"));
            }
            call
        };
        if purge.prefixes.iter().any(|prefix| prefix == "/") {
            return vec![call(format!("/service/{service}/purge_all"), false)];
        }
        if !purge.prefixes.is_empty() {
            tracing::warn!(prefixes = ?purge.prefixes,
                "Fastly cannot purge by prefix: purge by tag, or `/` for everything");
        }
        let mut calls = Vec::new();
        for keys in fastly_keys(&encoded(&purge.tags)) {
            let mut call = call(format!("/service/{service}/purge"), !purge.hard);
            let keys = HeaderValue::try_from(keys).expect("encoded tags are visible ASCII");
            call.headers.insert(HeaderName::from_static("surrogate-key"), keys);
            calls.push(call);
        }
        let host = self.host();
        for path in unique(&purge.paths) {
            calls.push(call(format!("/purge/{host}{path}"), !purge.hard));
        }
        calls
    }

    fn cloudflare_calls(&self, zone: &str, purge: &Purge) -> Vec<Call> {
        let url = format!("{}/client/v4/zones/{zone}/purge_cache", self.api.trim_end_matches('/'));
        let (site, host) = (self.site.trim_end_matches('/'), self.host());
        let files = unique(&purge.paths).into_iter().map(|path| format!("{site}{path}"));
        let prefixes = unique(&purge.prefixes).into_iter();
        let prefixes = prefixes.map(|path| format!("{host}{}", path.trim_end_matches('/')));
        let lists = [
            ("tags", encoded(&purge.tags)),
            ("files", files.collect()),
            ("prefixes", prefixes.collect()),
        ];
        let mut calls = Vec::new();
        for (name, items) in &lists {
            for items in items.chunks(CLOUDFLARE_ITEMS) {
                calls.push(self.call(url.clone(), json!({*name: items}).to_string()));
            }
        }
        calls
    }

    fn call(&self, url: String, body: String) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, secret(&format!("Bearer {}", self.token)));
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Call { url, headers, body }
    }

    /// The site's address without its scheme.
    fn host(&self) -> &str {
        let site = self.site.trim_end_matches('/');
        site.split_once("://").map_or(site, |(_, host)| host)
    }
}

impl fmt::Debug for Cdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cdn")
            .field("kind", &self.kind)
            .field("api", &self.api)
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

fn check_address(whose: &str, address: &str) -> Result<(), String> {
    let wrong = || {
        format!(
            "the {whose} address `{address}` is not a plain http or https URL; \
             write it as `https://news.example`"
        )
    };
    let url = Url::parse(address).map_err(|_| wrong())?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if is_web && url.query().is_none() && url.fragment().is_none() { Ok(()) } else { Err(wrong()) }
}

fn secret(text: &str) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("the token was checked");
    value.set_sensitive(true);
    value
}

fn unique(list: &[String]) -> BTreeSet<&String> {
    list.iter().collect()
}

/// Tags as pages carry them, each once.
fn encoded(tags: &[String]) -> Vec<String> {
    let tags = unique(tags).into_iter().filter(|tag| !tag.is_empty());
    tags.map(|tag| headers::encoded_tag(tag)).collect()
}

/// The values of the `Surrogate-Key` headers, each within the limits.
fn fastly_keys(keys: &[String]) -> Vec<String> {
    let mut lists: Vec<(usize, String)> = Vec::new();
    for key in keys {
        match lists.last_mut() {
            Some((len, text)) if *len < FASTLY_KEYS && text.len() + key.len() < FASTLY_HEADER => {
                *len += 1;
                text.push(' ');
                text.push_str(key);
            }
            _ => lists.push((1, key.clone())),
        }
    }
    lists.into_iter().map(|(_, text)| text).collect()
}
