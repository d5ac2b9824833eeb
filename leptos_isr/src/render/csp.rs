//! The `Content-Security-Policy` of pages.
//!
//! A page's code marks the inline scripts and styles that it writes itself with a nonce, as Leptos
//! does with its own. A page that is sent as it is rendered has that nonce in its header. A stored
//! page cannot: a nonce that everybody gets protects nobody. So the nonce is taken out of a stored
//! page, and its header has the hash of each element that carried it.

use std::fmt::Write;

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use leptos::nonce::Nonce;
use tracing::warn;

use crate::{
    address::key::Key,
    error::Error,
    render::html_inline::{self, Inline},
};

/// The longest header, in bytes. Proxies commonly allow 8 KiB for all headers of a response.
const MAX_HEADER: usize = 8 << 10;

/// The directives of Content Security Policy Level 3, section 6, and those that have a
/// specification of their own.
const DIRECTIVES: [&str; 25] = [
    "base-uri",
    "child-src",
    "connect-src",
    "default-src",
    "fenced-frame-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "report-to",
    "report-uri",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "upgrade-insecure-requests",
];

/// The words that have a meaning only in quotes.
const KEYWORDS: [&str; 8] = [
    "allow-duplicates",
    "none",
    "report-sample",
    "script",
    "self",
    "unsafe-eval",
    "unsafe-hashes",
    "wasm-unsafe-eval",
];

/// A checked policy, to which the sources of each page are added.
#[derive(Debug)]
pub(crate) struct Csp {
    directives: Vec<Directive>,
    /// Which directives get the sources of inline scripts and styles.
    script: usize,
    style: usize,
}

#[derive(Debug)]
struct Directive {
    name: String,
    values: Vec<String>,
}

/// The policy of one page while it is rendered.
#[derive(Debug)]
pub(crate) struct PagePolicy<'a> {
    csp: &'a Csp,
    nonce: Nonce,
}

impl Csp {
    /// Parses a policy.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Csp`] if the policy would not do what its author meant.
    pub(crate) fn parse(policy: &str) -> Result<Self, Error> {
        let mut directives: Vec<Directive> = Vec::new();
        for text in policy.split(';').map(str::trim_ascii).filter(|text| !text.is_empty()) {
            let directive = Directive::parse(text)?;
            if directives.iter().any(|earlier| earlier.name == directive.name) {
                return Err(wrong(text, "browsers ignore a second one; make it one directive"));
            }
            directives.push(directive);
        }
        let place = |element: &str, all: &str, remedy: &str| {
            let find = |name: &str| directives.iter().position(|known| known.name == name);
            find(element).or_else(|| find(all)).ok_or_else(|| {
                let problem = format!(
                    "it has no `{all}` to which the page's own elements can be added; \
                     add `{remedy}`"
                );
                wrong(policy, problem)
            })
        };
        let script =
            place("script-src-elem", "script-src", "script-src 'self' 'wasm-unsafe-eval'")?;
        let style = place("style-src-elem", "style-src", "style-src 'self'")?;
        Ok(Self { directives, script, style })
    }

    /// Gives the page's code a nonce, in an extension of the request that renders it.
    pub(crate) fn begin(&self, request: &mut Request) -> PagePolicy<'_> {
        let nonce = Nonce::new();
        request.extensions_mut().insert(nonce.clone());
        PagePolicy { csp: self, nonce }
    }

    fn header(&self, scripts: &[String], styles: &[String]) -> HeaderValue {
        let mut header = String::new();
        for (place, directive) in self.directives.iter().enumerate() {
            let added = match place {
                _ if place == self.script => scripts,
                _ if place == self.style => styles,
                _ => &[],
            };
            // 'none' means "nothing" only when it stands alone.
            let values = match added.is_empty() || directive.values != ["'none'"] {
                true => directive.values.as_slice(),
                false => &[],
            };
            header.push_str(if place == 0 { "" } else { "; " });
            header.push_str(&directive.name);
            for value in values.iter().chain(added) {
                write!(header, " {value}").expect("a string can be written to");
            }
        }
        HeaderValue::try_from(header).expect("the policy is ASCII, and so are base64 and nonces")
    }
}

impl Directive {
    fn parse(text: &str) -> Result<Self, Error> {
        if let Some(letter) =
            text.chars().find(|letter| !matches!(letter, ' '..='~') || *letter == ',')
        {
            let problem = format!(
                "{letter:?} cannot stand in a policy; write ASCII, and percent-encode it in URLs"
            );
            return Err(wrong(text, problem));
        }
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        if !DIRECTIVES.contains(&name.as_str()) {
            let problem = format!("there is no directive `{name}`; is it misspelt?");
            return Err(wrong(text, problem));
        }
        let values = words.map(|word| checked(&name, word)).collect::<Result<_, _>>();
        Ok(Self { name, values: values.map_err(|problem| wrong(text, problem))? })
    }
}

/// A value of a directive, or why it would not do what its author meant.
fn checked(directive: &str, word: &str) -> Result<String, String> {
    if matches!(directive, "sandbox" | "report-to" | "report-uri" | "trusted-types") {
        return Ok(word.to_owned());
    }
    let bare = word.trim_matches('\'').to_ascii_lowercase();
    let is_hash = ["sha256-", "sha384-", "sha512-"].iter().any(|hash| bare.starts_with(hash));
    let is_keyword = KEYWORDS.contains(&bare.as_str());
    let problem = match bare.as_str() {
        "unsafe-inline" => {
            "would let injected scripts and styles run. Take it out: the engine adds each page's \
             own inline elements to its policy; mark those of your code with `nonce=use_nonce()`"
        }
        "strict-dynamic" => {
            "stops all scripts that are loaded from files, since a stored page has no nonce for \
             them. Take it out and name their origins"
        }
        "inline-speculation-rules" => {
            "is ignored by browsers beside the hashes and nonces that the engine adds. Take it out \
             and name the rules in a header, as `Builder::speculation_rules` does, or mark them \
             with `nonce=use_nonce()`"
        }
        _ if bare.starts_with("nonce-") => {
            "would be the same for everybody. Take it out; each page gets one of its own"
        }
        _ if word.starts_with('\'') && !is_keyword && !is_hash => {
            "is not a keyword of a policy; is it misspelt?"
        }
        // Without quotes, a word is the name of a host; `script` may well be one.
        _ if !word.starts_with('\'') && (is_keyword && bare != "script" || is_hash) => {
            return Err(format!("`{word}` without quotes is a host; write `'{word}'`"));
        }
        _ => return Ok(word.to_owned()),
    };
    Err(format!("`{word}` {problem}"))
}

fn wrong(given: &str, problem: impl Into<String>) -> Error {
    Error::Csp { given: given.to_owned(), problem: problem.into() }
}

impl PagePolicy<'_> {
    /// Sets the policy of a page that is rendered to be stored, and returns its
    /// body without the nonce.
    ///
    /// A page may have so many inline scripts that the header would be too long. Then none of them
    /// gets into the policy: the page can be read, but does not hydrate.
    pub(crate) fn seal(
        self,
        (key, route): (&Key, &str),
        headers: &mut HeaderMap,
        body: Bytes,
    ) -> Bytes {
        if !is_html(headers) {
            return body;
        }
        let (body, inline) = match std::str::from_utf8(&body) {
            Ok(html) => {
                let (html, inline) = html_inline::seal(html, &self.nonce);
                (html.into(), inline)
            }
            // Browsers hash UTF-8, so inline scripts in another encoding are not allowed to run.
            Err(_) => (body, Inline::default()),
        };
        let mut policy = self.csp.header(&inline.scripts, &inline.styles);
        if policy.len() > MAX_HEADER {
            warn!(isr.key = %key, route, bytes = policy.len(), limit = MAX_HEADER,
                scripts = inline.scripts.len(), styles = inline.styles.len(),
                "the page's Content-Security-Policy is too long, so its inline scripts and styles \
                 are left out and the page does not hydrate: write fewer inline scripts, and load \
                 data in fewer resources, each of which writes a script");
            policy = self.csp.header(&[], &[]);
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
        body
    }

    /// Sets the policy of a page that is sent as it is rendered.
    pub(crate) fn send_with(self, headers: &mut HeaderMap) {
        if is_html(headers) {
            let source = [format!("'nonce-{}'", self.nonce)];
            let policy = self.csp.header(&source, &source);
            headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
        }
    }
}

pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(policy: &str, scripts: &[&str], styles: &[&str]) -> String {
        let own = |sources: &[&str]| sources.iter().map(ToString::to_string).collect::<Vec<_>>();
        let header = Csp::parse(policy).unwrap().header(&own(scripts), &own(styles));
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn sources_are_added_where_inline_elements_are_decided() {
        for (name, policy, expected) in [
            (
                "both",
                "default-src 'none'; script-src 'self';style-src 'self';",
                "default-src 'none'; script-src 'self' S; style-src 'self' T",
            ),
            (
                "elements",
                "Script-Src 'self'; script-src-elem 'self'; style-src-elem a.example; style-src 'self'",
                "script-src 'self'; script-src-elem 'self' S; style-src-elem a.example T; \
                 style-src 'self'",
            ),
            ("nothing else", "script-src 'none'; style-src", "script-src S; style-src T"),
        ] {
            assert_eq!(header(policy, &["S"], &["T"]), expected, "{name}");
        }
        assert_eq!(
            header("script-src 'none'; style-src 'none'", &[], &[]),
            "script-src 'none'; style-src 'none'"
        );
    }

    #[test]
    fn wrong_policy_is_an_error_that_names_the_part_and_the_remedy() {
        let rest = "; script-src 'self'; style-src 'self'";
        for (part, remedy) in [
            ("skript-src 'self'", "misspelt"),
            ("img-src 'selff'", "misspelt"),
            ("img-src self", "write `'self'`"),
            ("script-src-attr sha256-AAAA", "write `'sha256-AAAA'`"),
            ("script-src-elem 'unsafe-inline'", "nonce=use_nonce()"),
            ("style-src-attr 'Unsafe-Inline'", "Take it out"),
            ("default-src 'nonce-abc'", "each page gets one of its own"),
            ("script-src-elem 'strict-dynamic'", "name their origins"),
            ("script-src-elem 'inline-speculation-rules'", "`Builder::speculation_rules`"),
            ("default-src inline-speculation-rules", "Take it out"),
            ("img-src é.example", "write ASCII"),
            ("img-src a.example, b.example", "',' cannot stand"),
            ("img-src a.example\nb.example", "cannot stand"),
            ("style-src 'none'", "one directive"),
        ] {
            let error = Csp::parse(&format!("{part}{rest}")).unwrap_err().to_string();
            assert!(error.contains(remedy), "{part}: {error}");
            assert!(error.contains(part.split(' ').next().unwrap()), "{part}: {error}");
        }
        for (policy, remedy) in [
            ("", "add `script-src"),
            ("default-src 'self'", "add `script-src"),
            ("default-src 'self'; script-src 'self'", "add `style-src"),
        ] {
            let error = Csp::parse(policy).unwrap_err().to_string();
            assert!(error.contains(remedy), "{policy}: {error}");
        }
    }

    #[test]
    fn policy_is_for_html_alone() {
        for (kind, expected) in [
            (Some("text/html"), true),
            (Some("Text/HTML; charset=utf-8"), true),
            (Some("text/html-like"), false),
            (Some("application/atom+xml"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(kind) = kind {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            assert_eq!(is_html(&headers), expected, "{kind:?}");
        }
    }
}
