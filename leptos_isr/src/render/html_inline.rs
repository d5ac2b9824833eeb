//! Finds the inline scripts and styles that a page's own code wrote, and reads the scripts of
//! Leptos.

use std::iter::{Peekable, from_fn};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use html5gum::{
    DefaultEmitter, Emitter, ForwardingEmitter, HtmlString, StartTag, Token, Tokenizer,
};
use sha2::{Digest, Sha256};

/// The values of an HTML `type` attribute with which a script runs: a JavaScript MIME type
/// (<https://mimesniff.spec.whatwg.org/#javascript-mime-type>), or a type of its own in HTML's
/// "prepare the script element". Everything else is a data block, which no policy stops.
const RUNS: [&str; 20] = [
    "",
    "module",
    "importmap",
    "speculationrules",
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// The hashes of a page's inline elements, as sources of a policy: each once, in the order in which
/// they stand in the page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inline {
    pub(crate) scripts: Vec<String>,
    pub(crate) styles: Vec<String>,
}

/// Does not look for characters that HTML should not have. They change nothing here, and looking at
/// each character takes most of the time.
struct Lenient(DefaultEmitter);

impl ForwardingEmitter for Lenient {
    type Token = Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = Token> {
        &mut self.0
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }
}

/// Takes `nonce` out of a page.
///
/// Returns the page without the nonce, and the hashes of the inline scripts and styles that carried
/// it. Elements without the nonce were not written by the page's code but came with its content, so
/// they get no hash.
pub(crate) fn seal(html: &str, nonce: &str) -> (String, Inline) {
    let mut inline = Inline::default();
    let mut tokens = tokens(html).peekable();
    while let Some(token) = tokens.next() {
        let Token::StartTag(tag) = token else { continue };
        let list = match tag.name.as_slice() {
            b"script" if is_inline_script(&tag) => &mut inline.scripts,
            b"style" => &mut inline.styles,
            _ => continue,
        };
        if attribute(&tag, "nonce") != Some(nonce.as_bytes()) {
            continue;
        }
        let text = without(&text_of(&mut tokens), nonce);
        let source = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
        if !list.contains(&source) {
            list.push(source);
        }
    }
    (without(html, nonce), inline)
}

/// The first error that was thrown into an `<ErrorBoundary>` while `html` was rendered; `None` if
/// none was. Leptos tells the browser of each, in the scripts that hold the page's data
/// (hydration_context 0.3, `SsrSharedContext::pending_data`).
pub(crate) fn thrown_error(html: &str) -> Option<String> {
    // Most pages have none, and need not be read. What a page shows may contain this text too.
    if !THROWN.iter().any(|thrown| html.contains(thrown)) {
        return None;
    }
    inline_scripts(html).find_map(|script| thrown_in(&script))
}

/// Whether Leptos has sent `html` out of order: with what is drawn while resources load in its place,
/// and scripts after it that put the rest in (tachys 0.2, `OooChunk::push_end_with_nonce`).
pub(crate) fn is_out_of_order(html: &str) -> bool {
    const PUTS_IN: &str = "(function() { let id = \"";
    // As above: most pages need not be read, and a page may show this text.
    html.contains(PUTS_IN) && inline_scripts(html).any(|script| script.starts_with(PUTS_IN))
}

/// What stands before the first error in a script of Leptos, written with the page's other data or
/// as it was streamed.
const THROWN: [&str; 2] = ["__SERIALIZED_ERRORS=[[", "__SERIALIZED_ERRORS.push(["];

/// The first error in a script of Leptos: assignments whose strings are in double quotes.
fn thrown_in(script: &str) -> Option<String> {
    if !script.starts_with("__RESOLVED_RESOURCES") && !script.starts_with("__SERIALIZED_ERRORS") {
        return None;
    }
    // Every second part is a string, which may contain anything.
    let mut code = String::new();
    let mut rest = script;
    while let Some((before, after)) = rest.split_once('"') {
        code.push_str(before);
        let end = string_end(after)?;
        if THROWN.iter().any(|thrown| code.contains(thrown)) {
            return Some(after[..end].to_owned());
        }
        rest = &after[end + 1..];
    }
    None
}

/// Where a string ends that began before `text`: at the first quote that is not escaped.
fn string_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

pub(super) fn tokens(html: &str) -> impl Iterator<Item = Token> {
    let mut emitter = DefaultEmitter::default();
    // After `<script>`, `<style>`, `<title>` and the like comes text, not HTML.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, Lenient(emitter)).flatten()
}

/// The inline scripts that run.
fn inline_scripts(html: &str) -> impl Iterator<Item = String> {
    let mut tokens = tokens(html).peekable();
    from_fn(move || {
        loop {
            if let Token::StartTag(tag) = tokens.next()?
                && *tag.name == b"script"
                && is_inline_script(&tag)
            {
                return Some(text_of(&mut tokens));
            }
        }
    })
}

/// The text up to the next tag.
fn text_of(tokens: &mut Peekable<impl Iterator<Item = Token>>) -> String {
    let mut text = Vec::new();
    while let Some(token) =
        tokens.next_if(|token| matches!(token, Token::String(_) | Token::Error(_)))
    {
        if let Token::String(part) = token {
            text.extend_from_slice(&part);
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Leptos also writes the nonce into `crossorigin`, where a value that is not a keyword means the
/// same as an empty one.
fn without(text: &str, nonce: &str) -> String {
    text.replace(&format!(" nonce=\"{nonce}\""), "").replace(nonce, "")
}

fn is_inline_script(tag: &StartTag<()>) -> bool {
    attribute(tag, "src").is_none()
        && attribute(tag, "type").is_none_or(|kind| {
            let kind = kind.trim_ascii();
            RUNS.iter().any(|runs| kind.eq_ignore_ascii_case(runs.as_bytes()))
        })
}

pub(super) fn attribute<'a>(tag: &'a StartTag<()>, name: &str) -> Option<&'a [u8]> {
    tag.attributes.get(&HtmlString(name.into())).map(|value| value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "c2VjcmV0";

    fn sealed(html: &str) -> (String, Inline) {
        seal(&html.replace('%', NONCE), NONCE)
    }

    fn hash(text: &str) -> String {
        format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
    }

    #[test]
    fn hash_is_the_one_of_the_standard() {
        // The example of Content Security Policy Level 3, section 8.3.
        let (_, inline) = sealed("<script nonce=\"%\">alert('Hello, world.');</script>");
        assert_eq!(inline.scripts, ["'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"]);
    }

    #[test]
    fn each_inline_script_that_runs_and_carries_the_nonce_has_a_hash() {
        for (name, html, text) in [
            ("plain", "<script nonce=\"%\">a()</script>", Some("a()")),
            ("module", "<script type=\"module\" nonce=\"%\">a()</script>", Some("a()")),
            (
                "case and spaces",
                "<SCRIPT TYPE=' Text/JavaScript ' NONCE=%>a()</SCRIPT>",
                Some("a()"),
            ),
            ("import map", "<script type=importmap nonce=%>{}</script>", Some("{}")),
            ("speculation", "<script type=speculationrules nonce=%>{}</script>", Some("{}")),
            ("empty type", "<script type='' nonce=%>a()</script>", Some("a()")),
            (
                "tags inside",
                "<script nonce=%>a('<p><!-- </b>')</script>",
                Some("a('<p><!-- </b>')"),
            ),
            ("ampersand", "<script nonce=%>a &amp;&amp; b</script>", Some("a &amp;&amp; b")),
            ("line ends", "<script nonce=%>a\r\nb\rc</script>", Some("a\nb\nc")),
            ("empty", "<script nonce=%></script>", Some("")),
            ("not ended", "<script nonce=%>a()", Some("a()")),
            ("odd end", "<script nonce=%>a()</script/>", Some("a()")),
            ("JSON", "<script type=application/json nonce=%>{}</script>", None),
            ("from a file", "<script src=/a.js nonce=%></script>", None),
            ("without nonce", "<script>a()</script>", None),
            ("other nonce", "<script nonce=c2Vj>a()</script>", None),
            ("in a comment", "<!-- <script nonce=%>a()</script> -->", None),
            ("in a title", "<title><script nonce=%>a()</script></title>", None),
            ("in an attribute", "<p title='<script nonce=%>a()</script>'>", None),
            ("in a text area", "<textarea><script nonce=%>a()</script></textarea>", None),
            ("as text", "&lt;script nonce=%>a()&lt;/script>", None),
        ] {
            let (_, inline) = sealed(html);
            let expected: Vec<_> = text.map(hash).into_iter().collect();
            assert_eq!(inline.scripts, expected, "{name}");
            assert_eq!(inline.styles, [""; 0], "{name}");
        }
    }

    #[test]
    fn equal_scripts_have_one_hash_and_styles_a_list_of_their_own() {
        let (_, inline) = sealed(
            "<style nonce=%>p{}</style><style>b{}</style>\
             <script nonce=%>b()</script><script nonce=%>a()</script><script nonce=%>b()</script>",
        );
        assert_eq!(inline.scripts, [hash("b()"), hash("a()")]);
        assert_eq!(inline.styles, [hash("p{}")]);
    }

    #[test]
    fn thrown_error_is_read_in_leptos_own_scripts_only() {
        let data = "__RESOLVED_RESOURCES=[];__SERIALIZED_ERRORS=[";
        let rest = "__PENDING_RESOURCES=[0,];__RESOURCE_RESOLVERS=[];";
        let thrown = format!("{data}[1, 0, \"a \\\"b\\\" c\"],[2, 1, \"d\"],];{rest}");
        let streamed =
            "__RESOLVED_RESOURCES[0] = \"x\";__SERIALIZED_ERRORS.push([1, 0, \"late\"]);";
        let quoted = "__RESOLVED_RESOURCES[0] = \"__SERIALIZED_ERRORS=[[1, 0, \\\"no\\\"]\";";
        for (name, html, error) in [
            ("none", format!("<script>{data}];{rest}</script>"), None),
            ("thrown", format!("<p></p><script>{thrown}</script>"), Some(r#"a \"b\" c"#)),
            ("with a nonce", format!("<script nonce=x>{thrown}</script>"), Some(r#"a \"b\" c"#)),
            ("streamed", format!("<script>{streamed}</script>"), Some("late")),
            ("shown in the page", format!("<p>{thrown}</p><pre>{thrown}</pre>"), None),
            ("in a comment", format!("<!-- <script>{thrown}</script> -->"), None),
            ("in an attribute", format!("<p title='<script>{thrown}</script>'></p>"), None),
            ("in the page's data", format!("<script>{quoted}</script>"), None),
            ("in another script", format!("<script>const shown = '{thrown}';</script>"), None),
            ("in a data block", format!("<script type=text/plain>{thrown}</script>"), None),
            ("cut off", format!("<script>{data}[1, 0, \"a"), None),
        ] {
            assert_eq!(thrown_error(&html).as_deref(), error, "{name}");
        }
    }

    #[test]
    fn page_that_was_sent_out_of_order_is_known_by_leptos_own_scripts_only() {
        let script = r#"(function() { let id = "1-";let open = undefined; })()"#;
        for (name, html, is_known) in [
            ("plain", format!("<script>{script}</script>"), true),
            (
                "with a nonce",
                format!(
                    "<!--s-1-o-->Loading<!--s-1-c--><template id=\"1-f\">content</template>\
                     <script nonce=\"x\">{script}</script>"
                ),
                true,
            ),
            ("shown in the page", format!("<pre>{script}</pre>"), false),
            ("in another script", format!("<script>const shown = '{script}';</script>"), false),
            ("of a page in order", "<!--s-1-o--><p></p><!--s-1-c-->".to_owned(), false),
        ] {
            assert_eq!(is_out_of_order(&html), is_known, "{name}");
        }
    }

    #[test]
    fn nothing_of_the_nonce_is_left() {
        let (html, inline) = sealed(
            "<link rel=\"preload\" crossorigin=\"%\"><script type=\"module\" nonce=\"%\">a('%')\
             </script><p>%</p>",
        );
        assert_eq!(
            html,
            "<link rel=\"preload\" crossorigin=\"\"><script type=\"module\">a('')</script><p></p>"
        );
        assert_eq!(inline.scripts, [hash("a('')")]);
    }
}
