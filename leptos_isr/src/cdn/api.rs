//! What a CDN is told when pages are purged.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use reqwest::Url;
use serde_json::json;

use crate::{
    data::fetch::client,
    order::{purge::Purge, purge_id::PurgeId},
    rules::{
        shared_cache::{SURROGATE_KEY, XKEY},
        tag_list,
    },
    tls,
};

/// Fastly takes 256 keys in one request.
const KEYS: usize = 256;

/// How long the header with them may be, in bytes, unless a single key is longer: Varnish takes
/// lines of 8 KiB.
const KEYS_HEADER: usize = 8000;

/// Cloudflare takes 100 tags or addresses in one request, and 30 prefixes.
const CLOUDFLARE_ITEMS: usize = 30;

/// Tells Varnish that a purge is soft. The configurations in the guide read this and the next two.
const PURGE_SOFT: HeaderName = HeaderName::from_static("x-isr-soft");

/// Tells Varnish which addresses to ban: a regular expression.
const BAN: HeaderName = HeaderName::from_static("x-isr-ban");

/// Has nginx ask for a page anew: the token.
const REFRESH: HeaderName = HeaderName::from_static("x-isr-refresh");

/// A CDN, or another server, that is told of each purge; see
/// [`Builder::cdn`](crate::Builder::cdn).
///
/// A CDN knows pages by tag only if the tags are sent with them: switch on
/// [`Builder::cache_tag`](crate::Builder::cache_tag). A CDN is told a path as the address on the
/// site, without a query, so pages with query parameters are reached by tag and prefix only. `site`
/// is how readers reach the site, such as `https://news.example`. Secrets are sent as headers.
///
/// An `https` address needs the feature `tls`, which is a default, or a TLS feature of the crate
/// `reqwest` in your app.
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
    Varnish,
    Nginx,
    Url,
}

/// One request to a CDN's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Cdn {
    /// Tells Fastly, [by surrogate key and address](https://www.fastly.com/documentation/reference/api/purging/).
    /// `token` is an API token that may purge the service.
    ///
    /// Soft purges stay soft. [`SharedCache::Fastly`](crate::purge::SharedCache::Fastly) sends the
    /// headers that Fastly reads. Fastly cannot purge by prefix. A purge of `/` is sent as a purge of
    /// everything, which is hard. Other prefixes are left out, with a warning.
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

    /// Tells Varnish, by tag (with its module `xkey`), address and prefix.
    ///
    /// `address` is where Varnish listens. It is sent `PURGE` and `BAN` with `token` as the bearer
    /// token. The guide's chapter "Behind a proxy or CDN" has the VCL that does them. Pages need the
    /// headers of [`SharedCache::Varnish`](crate::purge::SharedCache::Varnish). Soft purges stay soft,
    /// those by prefix are hard.
    pub fn varnish(
        address: impl Into<String>,
        token: impl Into<String>,
        site: impl Into<String>,
    ) -> Self {
        Self { kind: Kind::Varnish, api: address.into(), token: token.into(), site: site.into() }
    }

    /// Tells nginx, by address only: its `proxy_cache` knows no tags and cannot drop a page.
    ///
    /// `address` is where nginx listens. It is asked for the page with `token` in `x-isr-refresh`,
    /// and takes it from the engine anew, by the `proxy_cache_bypass` in the guide. Tags and prefixes
    /// are left out: pages that they reach stay for five minutes at most, and are served as stale
    /// for as long. With this, shared caches count as not reached by purges, whatever other CDN is
    /// told.
    pub fn nginx(
        address: impl Into<String>,
        token: impl Into<String>,
        site: impl Into<String>,
    ) -> Self {
        Self { kind: Kind::Nginx, api: address.into(), token: token.into(), site: site.into() }
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
            Kind::Varnish => format!("varnish {}", shown(&self.api)),
            Kind::Nginx => format!("nginx {}", shown(&self.api)),
            Kind::Url => shown(&self.api),
        }
    }

    /// Whether it is on this machine, as another one is on each other machine.
    pub(super) fn is_local(&self) -> bool {
        let Some(host) =
            Url::parse(&self.api).ok().and_then(|url| url.host_str().map(str::to_owned))
        else {
            return false;
        };
        let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
    }

    /// Whether a purge by tag reaches what is kept there.
    pub(crate) fn purges_by_tag(&self) -> bool {
        !matches!(self.kind, Kind::Nginx)
    }

    /// Whether the answer is that of the page, whatever its status. A refusal is 403.
    pub(super) fn answers_with_pages(&self) -> bool {
        matches!(self.kind, Kind::Nginx)
    }

    /// Whether the purge is done, as far as the body of a successful answer says. Only Cloudflare's
    /// says it.
    pub(super) fn is_done(&self, body: &[u8]) -> bool {
        match self.kind {
            Kind::Cloudflare { .. } => serde_json::from_slice::<serde_json::Value>(body)
                .is_ok_and(|answer| answer["success"] == true),
            Kind::Fastly { .. } | Kind::Varnish | Kind::Nginx | Kind::Url => true,
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
            Kind::Varnish | Kind::Nginx => drop(check_address("site", &self.site)?),
            Kind::Url => {}
        }
        let api = check_address("API's", &self.api)?;
        tls::check(&api).map_err(|problem| format!("its address is `{api}`, and {problem}"))?;
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
            Kind::Varnish => self.varnish_calls(purge),
            Kind::Nginx => self.nginx_calls(purge),
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
        for keys in lists_of_keys(&encoded(&purge.tags)) {
            let mut call = call(format!("/service/{service}/purge"), !purge.hard);
            call.headers.insert(SURROGATE_KEY, keys);
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

    fn varnish_calls(&self, purge: &Purge) -> Vec<Call> {
        let call = |method: &[u8], path: &str| {
            let mut call = self.call_at(method, path);
            call.headers.insert(header::AUTHORIZATION, secret(&format!("Bearer {}", self.token)));
            call
        };
        let purge_call = |path: &str| {
            let mut call = call(b"PURGE", path);
            if !purge.hard {
                call.headers.insert(PURGE_SOFT, HeaderValue::from_static("1"));
            }
            call
        };
        let mut calls = Vec::new();
        for keys in lists_of_keys(&encoded(&purge.tags)) {
            let mut call = purge_call("/");
            call.headers.insert(XKEY, keys);
            calls.push(call);
        }
        calls.extend(unique(&purge.paths).into_iter().map(|path| purge_call(path)));
        for prefix in unique(&purge.prefixes) {
            let mut call = call(b"BAN", "/");
            let pattern = HeaderValue::try_from(pattern_of_prefix(prefix));
            call.headers.insert(BAN, pattern.expect("a canonical path is visible ASCII"));
            calls.push(call);
        }
        calls
    }

    fn nginx_calls(&self, purge: &Purge) -> Vec<Call> {
        let call = |path: &String| {
            // nginx asks with GET, and keeps the whole page.
            let mut call = self.call_at(b"HEAD", path);
            call.headers.insert(REFRESH, secret(&self.token));
            call
        };
        unique(&purge.paths).into_iter().map(call).collect()
    }

    /// A request for an address of the site, to be sent where the cache is.
    fn call_at(&self, method: &[u8], path: &str) -> Call {
        let method = Method::from_bytes(method).expect("a name is a method");
        let site = Url::parse(&self.site).expect("the site's address was checked");
        let host = site.host_str().unwrap_or_default();
        let host = site.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let host = HeaderValue::try_from(host).expect("a parsed host is visible ASCII");
        let url = format!("{}{path}", self.api.trim_end_matches('/'));
        let headers = HeaderMap::from_iter([(header::HOST, host)]);
        Call { method, url, headers, body: String::new() }
    }

    fn call(&self, url: String, body: String) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, secret(&format!("Bearer {}", self.token)));
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Call { method: Method::POST, url, headers, body }
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

fn check_address(whose: &str, address: &str) -> Result<Url, String> {
    let wrong = || {
        format!(
            "the {whose} address `{address}` is not a plain http or https URL; \
             write it as `https://news.example`"
        )
    };
    let url = Url::parse(address).map_err(|_| wrong())?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if is_web && url.query().is_none() && url.fragment().is_none() { Ok(url) } else { Err(wrong()) }
}

fn secret(text: &str) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("the token was checked");
    value.set_sensitive(true);
    value
}

fn unique(list: &[String]) -> BTreeSet<&String> {
    list.iter().collect()
}

/// Tags in all forms in which pages carry them, each once.
fn encoded(tags: &[String]) -> Vec<String> {
    let tags = unique(tags).into_iter().filter(|tag| !tag.is_empty());
    tags.flat_map(|tag| tag_list::forms(tag)).collect()
}

/// The values of the headers with these keys, each within the limits.
fn lists_of_keys(keys: &[String]) -> Vec<HeaderValue> {
    let mut lists: Vec<(usize, String)> = Vec::new();
    for key in keys {
        match lists.last_mut() {
            Some((len, text)) if *len < KEYS && text.len() + key.len() < KEYS_HEADER => {
                *len += 1;
                text.push(' ');
                text.push_str(key);
            }
            _ => lists.push((1, key.clone())),
        }
    }
    let values = lists.into_iter().map(|(_, text)| HeaderValue::try_from(text));
    values.map(|value| value.expect("encoded tags are visible ASCII")).collect()
}

/// A regular expression for the addresses of a path and all below it.
fn pattern_of_prefix(prefix: &str) -> String {
    let mut pattern = "^".to_owned();
    for character in prefix.trim_end_matches('/').chars() {
        if !character.is_ascii_alphanumeric() {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + "([/?]|$)"
}

/// An address as the log, metrics and the ledger have it: without a user.
pub(super) fn shown(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) if !url.authority().contains('@') => address.to_owned(),
        Ok(url) => client::shown(&url),
        Err(_) => address.to_owned(),
    }
}
