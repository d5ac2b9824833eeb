//! Reads a module of Rust: what it declares, and the paths that it names.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const DEFINING: [&str; 8] = ["const", "enum", "fn", "static", "struct", "trait", "type", "union"];

/// A module, of a file or within one, without what exists only in tests.
#[derive(Default)]
pub(super) struct Source {
    pub(super) items: BTreeSet<String>,
    pub(super) modules: Vec<Declared>,
    /// Its own `use` items.
    pub(super) uses: Vec<Named>,
    /// All other paths.
    pub(super) paths: Vec<Named>,
    /// What paths and names in its code begin with.
    pub(super) words: BTreeSet<String>,
    /// The lines with `impl Engine`.
    pub(super) engine_impls: Vec<usize>,
}

pub(super) struct Declared {
    pub(super) name: String,
    /// Of `#[path = "…"]`.
    pub(super) path: Option<String>,
    pub(super) inline: Option<Source>,
}

pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    /// What a `use` item calls it; `*` for all that is in it.
    pub(super) name: String,
    pub(super) is_public: bool,
}

impl Source {
    pub(super) fn parse(text: &str) -> Self {
        Self::of(text.parse().unwrap())
    }

    fn of(module: TokenStream) -> Self {
        let mut source = Self::default();
        source.walk(module, true);
        source
    }

    fn walk(&mut self, tokens: TokenStream, is_top: bool) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let (mut at, mut path) = (0, None);
        while let Some(token) = tokens.get(at) {
            let (before, after) = (&tokens[..at], &tokens[at + 1..]);
            let is_next = |text| after.first().is_some_and(|next| is(next, text));
            at += 1;
            match token {
                TokenTree::Group(group) if ends_with(before, "#") => {
                    let attribute = group.stream().to_string().replace([' ', '"'], "");
                    path = attribute.strip_prefix("path=").map(str::to_owned).or(path);
                    if attribute == "cfg(test)" {
                        let end = after.iter().position(|token| is(token, ";") || is_block(token));
                        at += end.map_or(after.len(), |end| end + 1);
                    }
                }
                // `pub(in crate::store)` imports nothing.
                TokenTree::Group(group) if !ends_with(before, "pub") => {
                    self.walk(group.stream(), false);
                }
                TokenTree::Ident(word) if is_top && word == "mod" => {
                    let inline = after.get(1).filter(|token| is_block(token)).and_then(inside);
                    at += 1 + usize::from(inline.is_some());
                    let (name, inline) = (after[0].to_string(), inline.map(Self::of));
                    self.modules.push(Declared { name, path: path.take(), inline });
                }
                TokenTree::Ident(word) if is_top && word == "use" => {
                    let is_public = before.iter().rev().take(2).any(|token| is(token, "pub"));
                    let mut found = paths(&tokens, &mut at, &[]);
                    found.iter_mut().for_each(|named| named.is_public = is_public);
                    self.uses.append(&mut found);
                }
                TokenTree::Ident(word) if !is_continued(before) => {
                    if is_top && DEFINING.iter().any(|keyword| word == keyword) {
                        self.items.extend(after.first().map(TokenTree::to_string));
                    }
                    if word == "impl" && is_next("Engine") {
                        self.engine_impls.push(word.span().start().line);
                    }
                    self.words.insert(word.to_string());
                    at -= 1;
                    self.paths.append(&mut paths(&tokens, &mut at, &[]));
                }
                _ => {}
            }
        }
    }
}

/// The paths of `a::b::{c, d::*, e as f}` at `at`, which then is where they end.
fn paths(tokens: &[TokenTree], at: &mut usize, before: &[String]) -> Vec<Named> {
    let Some(token) = tokens.get(*at) else { return Vec::new() };
    *at += 1;
    if let Some(inner) = inside(token) {
        let inner: Vec<_> = inner.into_iter().collect();
        let inner = inner.split(|token| is(token, ","));
        return inner.flat_map(|part| paths(part, &mut 0, before)).collect();
    }
    let mut path = [before, &[token.to_string()]].concat();
    if let Some([one, other, next]) = tokens.get(*at..*at + 3)
        && is(one, ":")
        && is(other, ":")
        && (matches!(next, TokenTree::Ident(_)) || is(next, "*") || is_block(next))
    {
        *at += 2;
        return paths(tokens, at, &path);
    }
    path.pop_if(|last| last == "self" && !before.is_empty());
    let name = match tokens.get(*at..*at + 2) {
        Some([keyword, alias]) if is(keyword, "as") => alias.to_string(),
        _ => path[path.len() - 1].clone(),
    };
    vec![Named { line: token.span().start().line, path, name, is_public: false }]
}

/// Whether what comes next belongs to the path or the expression before it.
fn is_continued(before: &[TokenTree]) -> bool {
    let colons = before.iter().rev().take(2).filter(|token| is(token, ":"));
    ends_with(before, ".") || colons.count() == 2
}

fn ends_with(before: &[TokenTree], text: &str) -> bool {
    before.last().is_some_and(|last| is(last, text))
}

/// Whether the token is this word or this sign.
fn is(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(_) | TokenTree::Punct(_)) && token.to_string() == text
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn inside(token: &TokenTree) -> Option<TokenStream> {
    if let TokenTree::Group(group) = token { Some(group.stream()) } else { None }
}
