//! Route patterns: `/articles/:slug`, `/docs/*rest`.

use std::{cmp::Ordering, fmt};

use leptos_router::PathSegment;

use crate::{address::path, route::isr::PathParams};

/// A route's path with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoutePattern {
    text: String,
    segments: Vec<Segment>,
    /// Whether its paths end in a slash.
    pub(crate) ends_in_slash: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Static(String),
    Param(String),
    Splat(String),
}

impl RoutePattern {
    /// Parses `/articles/:slug`, `/articles/:slug/` or `/docs/*rest`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err("a route's path must begin with `/`".to_owned());
        };
        let segments = rest.split('/').filter(|part| !part.is_empty()).map(|part| {
            match (part.strip_prefix(':'), part.strip_prefix('*')) {
                (Some(name), _) => Segment::Param(name.to_owned()),
                (_, Some(name)) => Segment::Splat(name.to_owned()),
                _ => Segment::Static(part.to_owned()),
            }
        });
        Self::new(segments.collect(), rest.ends_with('/'))
    }

    /// The pattern of a Leptos route whose optional parameters are expanded.
    ///
    /// Leptos compares a route's text with the address as it is written, so text that browsers
    /// encode must be encoded in the route too.
    ///
    /// # Errors
    ///
    /// Says how the text must be written, or what else is wrong.
    pub(crate) fn from_leptos(path: &[PathSegment]) -> Result<Self, String> {
        let mut segments = Vec::new();
        for segment in path {
            match segment {
                PathSegment::Unit => {}
                PathSegment::Static(text) => {
                    for part in text.split('/').filter(|part| !part.is_empty()) {
                        segments.push(Segment::Static(decoded(part)?));
                    }
                }
                PathSegment::Param(name) | PathSegment::OptionalParam(name) => {
                    segments.push(Segment::Param(name.to_string()));
                }
                PathSegment::Splat(name) => segments.push(Segment::Splat(name.to_string())),
            }
        }
        // `path!` makes a slash at the end a segment; that of an empty index adds nothing.
        let last = path.iter().rev().find(|segment| match segment {
            PathSegment::Unit => false,
            PathSegment::Static(text) => !text.is_empty(),
            _ => true,
        });
        let ends_in_slash = matches!(last, Some(PathSegment::Static(text)) if text.ends_with('/'));
        Self::new(segments, ends_in_slash)
    }

    /// The pattern of a route as axum writes it. Text that is not all of a segment's parameter stays
    /// text.
    pub(crate) fn from_axum(text: &str) -> Self {
        let segments = text.split('/').filter(|part| !part.is_empty()).map(|part| {
            match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => match name.strip_prefix('*') {
                    Some(name) => Segment::Splat(name.to_owned()),
                    None => Segment::Param(name.to_owned()),
                },
                None => Segment::Static(match path::CanonicalPath::parse(&format!("/{part}")) {
                    Ok(path) => path.segments.concat(),
                    Err(_) => part.to_owned(),
                }),
            }
        });
        let ends_in_slash = text.len() > 1 && text.ends_with('/');
        Self { text: text.to_owned(), segments: segments.collect(), ends_in_slash }
    }

    fn new(segments: Vec<Segment>, ends_in_slash: bool) -> Result<Self, String> {
        let ends_in_slash = ends_in_slash && !segments.is_empty();
        let mut text: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        if ends_in_slash || segments.is_empty() {
            text.push('/');
        }
        let pattern = Self { text, segments, ends_in_slash };
        let last = pattern.segments.len().saturating_sub(1);
        for (i, segment) in pattern.segments.iter().enumerate() {
            match segment {
                Segment::Param(name) | Segment::Splat(name) if name.is_empty() => {
                    return Err(format!("`{}` has a parameter without a name", pattern.text));
                }
                Segment::Splat(name) if i != last || ends_in_slash => {
                    return Err(format!("`*{name}` must be the last segment"));
                }
                _ => {}
            }
        }
        Ok(pattern)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// How many segments its paths have; those that end in the rest of a path may have more.
    pub(crate) fn depth(&self) -> usize {
        self.segments.len()
    }

    /// Whether the pattern ends in the rest of a path, which may end in a slash or not.
    pub(crate) fn has_rest(&self) -> bool {
        matches!(self.segments.last(), Some(Segment::Splat(_)))
    }

    /// The pattern without the rest of a path that it ends in, if it does.
    pub(crate) fn without_rest(&self) -> Option<Self> {
        let (_, before) = self.segments.split_last().filter(|_| self.has_rest())?;
        Self::new(before.to_vec(), false).ok()
    }

    /// The names of the parameters, in order.
    pub(crate) fn params(&self) -> Vec<&str> {
        self.segments
            .iter()
            .filter_map(|segment| match segment {
                Segment::Static(_) => None,
                Segment::Param(name) | Segment::Splat(name) => Some(name.as_str()),
            })
            .collect()
    }

    /// The pattern as axum writes it: `/articles/{slug}`, percent-encoded.
    pub(crate) fn to_axum(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Static(text) => path::encode(&[text]),
            Segment::Param(name) => format!("/{{{name}}}"),
            Segment::Splat(name) => format!("/{{*{name}}}"),
        });
        segments.chain(self.ends_in_slash.then(|| "/".to_owned())).collect()
    }

    /// The pattern as the URL Pattern Standard writes that of a `pathname`, percent-encoded.
    ///
    /// Its parameters have names of its own: those of routes need not be identifiers.
    pub(crate) fn to_url_pattern(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        let segments = self.segments.iter().enumerate().map(|(i, segment)| match segment {
            Segment::Static(text) => escaped(&path::encode(&[text])),
            Segment::Param(_) => format!("/:p{i}"),
            Segment::Splat(_) => format!("/:p{i}+"),
        });
        segments.chain(self.ends_in_slash.then(|| "/".to_owned())).collect()
    }

    /// Whether the decoded `segments` are a path of this route.
    pub(crate) fn matches<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> bool {
        let mut rest = segments.into_iter();
        for expected in &self.segments {
            match (expected, rest.next()) {
                (Segment::Static(text), Some(found)) if text == found.as_ref() => {}
                (Segment::Param(_), Some(_)) => {}
                (Segment::Splat(_), Some(_)) => return true,
                _ => return false,
            }
        }
        rest.next().is_none()
    }

    /// Whether every path of `other` is also a path of this route.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let mut others = other.segments.iter();
        for segment in &self.segments {
            match (segment, others.next()) {
                (Segment::Splat(_), Some(_)) => return true,
                (Segment::Param(_), Some(Segment::Static(_) | Segment::Param(_))) => {}
                (Segment::Static(text), Some(Segment::Static(other))) if text == other => {}
                _ => return false,
            }
        }
        others.next().is_none()
    }

    /// Whether a path of `other` is also a path of this route.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let mut others = other.segments.iter();
        for segment in &self.segments {
            match (segment, others.next()) {
                (Segment::Splat(_), Some(_)) | (_, Some(Segment::Splat(_))) => return true,
                (Segment::Static(text), Some(Segment::Static(other))) if text != other => {
                    return false;
                }
                (_, Some(_)) => {}
                (_, None) => return false,
            }
        }
        others.next().is_none()
    }

    /// Whether this pattern ends in the rest of a path where `other`, the same up to there, has a
    /// parameter.
    pub(crate) fn rest_meets_parameter(&self, other: &Self) -> bool {
        let Some((Segment::Splat(_), before)) = self.segments.split_last() else { return false };
        let there = other.segments.get(before.len());
        there.is_some_and(|there| !matches!(there, Segment::Static(_)))
            && before.iter().zip(&other.segments).all(|(a, b)| a.unnamed() == b.unnamed())
    }

    /// Whether both have the same paths, but for the slash at the end.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }

    /// The parameters' values in a path that matches.
    pub(crate) fn values(&self, segments: &[String]) -> Vec<(&str, String)> {
        self.segments
            .iter()
            .enumerate()
            .filter_map(|(i, segment)| match segment {
                Segment::Static(_) => None,
                Segment::Param(name) => {
                    Some((name.as_str(), segments.get(i).cloned().unwrap_or_default()))
                }
                Segment::Splat(name) => {
                    Some((name.as_str(), segments.get(i..).unwrap_or_default().join("/")))
                }
            })
            .collect()
    }

    /// The encoded path with these parameters.
    ///
    /// # Errors
    ///
    /// Names the parameter that has no value, or the segment or path that cannot be one.
    pub(crate) fn fill(&self, params: &PathParams) -> Result<String, String> {
        let names = self.params();
        if let PathParams::InOrder(values) = params
            && values.len() != names.len()
        {
            return Err(self.other_count(values));
        }
        let value = |name: &str| match params {
            PathParams::InOrder(values) => {
                let place = names.iter().position(|known| *known == name);
                Ok(values[place.expect("it is one of the pattern's")].as_str())
            }
            PathParams::Named(pairs) => pairs
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.as_str())
                .ok_or_else(|| format!("the path list gives no value for `{name}`")),
        };
        let mut segments = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Static(text) => segments.push(text.as_str()),
                Segment::Param(name) => segments.push(value(name)?),
                Segment::Splat(name) => segments.extend(value(name)?.split('/')),
            }
        }
        if let Some(segment) = segments.iter().find(|segment| matches!(**segment, "" | "." | ".."))
        {
            return Err(format!("`{segment}` cannot be a segment of a path"));
        }
        let path = path::encode(&segments);
        match path::CanonicalPath::parse(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(format!("`{path}` cannot be a path: {error}")),
        }
    }

    /// Says that a list gives more values, or fewer, than a path has parameters.
    pub(super) fn other_count(&self, values: &[String]) -> String {
        let (values, count) = (values.join("`, `"), self.params().len());
        format!("the path list gives `{values}`, but `{}` has {count} parameters", self.text)
    }

    /// Orders routes so that the most specific of several that match comes first: text before a
    /// parameter, a parameter before the rest of the path. The names of parameters matter only between
    /// routes of the same paths.
    pub(crate) fn by_specificity(&self, other: &Self) -> Ordering {
        let unnamed = self.segments.iter().map(Segment::unnamed);
        let order = unnamed.cmp(other.segments.iter().map(Segment::unnamed));
        order.then_with(|| self.segments.cmp(&other.segments))
    }
}

impl Segment {
    /// The segment without the name of its parameter.
    fn unnamed(&self) -> (u8, &str) {
        match self {
            Self::Static(text) => (0, text),
            Self::Param(_) => (1, ""),
            Self::Splat(_) => (2, ""),
        }
    }
}

/// A text that stands for itself in a URL pattern.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, ':' | '*' | '+' | '?' | '(' | ')' | '{' | '}' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// The text of a Leptos route, decoded.
fn decoded(part: &str) -> Result<String, String> {
    let raw = format!("/{part}");
    let path = path::CanonicalPath::parse(&raw).map_err(|error| format!("`{part}`: {error}"))?;
    if path.text != raw {
        return Err(format!(
            "`{part}` never matches: Leptos compares it with the address as browsers send it; \
             write `{}`",
            &path.text[1..]
        ));
    }
    Ok(path.segments.concat())
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(text) => f.write_str(text),
            Self::Param(name) => write!(f, ":{name}"),
            Self::Splat(name) => write!(f, "*{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> RoutePattern {
        RoutePattern::parse(text).unwrap()
    }

    fn segments(path: &str) -> Vec<String> {
        path::CanonicalPath::parse(path).unwrap().segments
    }

    #[test]
    fn patterns_match_whole_paths() {
        for (route, path, matches) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/articles/:slug", "/articles/a", true),
            ("/articles/:slug", "/articles", false),
            ("/articles/:slug", "/articles/a/b", false),
            ("/articles/:slug", "/articles/a%2Fb", true),
            ("/docs/*rest", "/docs/a/b", true),
            ("/docs/*rest", "/docs", false),
        ] {
            assert_eq!(pattern(route).matches(segments(path)), matches, "{route} {path}");
        }
    }

    #[test]
    fn values_are_decoded_and_fill_the_same_path_again() {
        for (route, path) in [
            ("/articles/:slug", "/articles/%2Fmy-post%2F"),
            ("/:section/:slug", "/caf%C3%A9/a%20b"),
            ("/docs/*rest", "/docs/a/b"),
        ] {
            let pattern = pattern(route);
            let values = pattern.values(&segments(path));
            let named = values.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
            assert_eq!(pattern.fill(&PathParams::Named(named)).as_deref(), Ok(path));
        }
    }

    #[test]
    fn axum_matches_encoded_paths() {
        for (route, axum) in [
            ("/", "/"),
            ("/caf\u{e9}/:id", "/caf%C3%A9/{id}"),
            ("/docs/*rest", "/docs/{*rest}"),
            ("/a/:id/", "/a/{id}/"),
        ] {
            assert_eq!(pattern(route).to_axum(), axum);
        }
    }

    #[test]
    fn pattern_of_axum_is_read_back() {
        for route in ["/", "/caf\u{e9}/:id", "/docs/*rest", "/a/:id/", "/%7Bid%7D/x"] {
            let pattern = pattern(route);
            let back = RoutePattern::from_axum(&pattern.to_axum());
            assert_eq!(
                (&back.segments, back.ends_in_slash),
                (&pattern.segments, pattern.ends_in_slash)
            );
        }
        let file = RoutePattern::from_axum("/{name}.json");
        assert!(!file.covers(&pattern("/:name")) && pattern("/:name").covers(&file));
    }

    #[test]
    fn text_wins_over_a_parameter_and_that_over_the_rest() {
        let mut routes = ["/a/*rest", "/a/:id", "/a/new", "/:any"].map(pattern);
        routes.sort_by(RoutePattern::by_specificity);
        assert_eq!(routes.map(|route| route.text), ["/a/new", "/a/:id", "/a/*rest", "/:any"]);
    }

    #[test]
    fn names_of_parameters_make_no_route_more_specific() {
        let mut routes = ["/:a/*rest", "/:b/:id", "/:c/new"].map(pattern);
        routes.sort_by(RoutePattern::by_specificity);
        assert_eq!(routes.map(|route| route.text), ["/:c/new", "/:b/:id", "/:a/*rest"]);
    }

    #[test]
    fn rest_meets_a_parameter_in_its_place_and_no_text() {
        for (route, other, meets) in [
            ("/*any", "/:page", true),
            ("/*any", "/:page/more", true),
            ("/*any", "/:a/*rest", true),
            ("/:a/*any", "/:b/:page", true),
            ("/*any", "/docs/:page", false),
            ("/docs/*any", "/:page", false),
            ("/docs/*any", "/docs", false),
            ("/:page", "/:other", false),
        ] {
            assert_eq!(
                pattern(route).rest_meets_parameter(&pattern(other)),
                meets,
                "{route} {other}"
            );
        }
    }

    #[test]
    fn route_covers_another_if_it_matches_all_of_its_paths() {
        for (route, other, covers) in [
            ("/a/:id", "/a/new", true),
            ("/a/:id", "/a/:other", true),
            ("/a/*rest", "/a/:id", true),
            ("/a/*rest", "/a/b/*rest", true),
            ("/:any", "/a", true),
            ("/a/new", "/a/:id", false),
            ("/a/:id", "/a/*rest", false),
            ("/a/:id", "/b/new", false),
            ("/a/:id", "/a/new/more", false),
            ("/a/:id/more", "/a/new", false),
            ("/a/*rest", "/a", false),
            ("/:any", "/", false),
        ] {
            assert_eq!(pattern(route).covers(&pattern(other)), covers, "{route} {other}");
        }
    }

    #[test]
    fn routes_overlap_if_they_have_a_path_in_common() {
        for (route, other, overlaps) in [
            ("/a/:id", "/a/new", true),
            ("/a/:id", "/:any/b", true),
            ("/a/*rest", "/:any/b/c", true),
            ("/a/:id", "/a/*rest", true),
            ("/", "/", true),
            ("/a/:id", "/b/:id", false),
            ("/a/:id", "/a", false),
            ("/a/*rest", "/a", false),
            ("/:any", "/", false),
        ] {
            assert_eq!(pattern(route).overlaps(&pattern(other)), overlaps, "{route} {other}");
            assert_eq!(pattern(other).overlaps(&pattern(route)), overlaps, "{other} {route}");
        }
    }

    #[test]
    fn text_of_a_leptos_route_is_compared_decoded() {
        let leptos = |text: &'static str| {
            RoutePattern::from_leptos(&[
                PathSegment::Static(text.into()),
                PathSegment::Param("id".into()),
            ])
        };
        let encoded = leptos("%C3%BCber").unwrap();
        assert!(encoded.matches(segments("/%c3%bcber/a")));
        assert_eq!(encoded.to_axum(), "/%C3%BCber/{id}");
        assert_eq!(leptos("/@me/a.b").unwrap().as_str(), "/@me/a.b/:id");
        for text in ["\u{fc}ber", "%c3%bcber", "%40me", "a b"] {
            let error = leptos(text).unwrap_err();
            assert!(error.contains(text) && error.contains("write `"), "{error}");
        }
        assert!(leptos("100%").unwrap_err().contains("percent-encoding"));
    }

    #[test]
    fn list_without_a_value_names_the_parameter() {
        let route = pattern("/:section/:slug");
        let missing = PathParams::from([("section", "a")]);
        assert!(route.fill(&missing).unwrap_err().contains("`slug`"));
        assert!(route.fill(&"a".into()).unwrap_err().contains("`a`, but `/:section/:slug` has 2"));
        assert!(route.fill(&("a", 1, "b").into()).unwrap_err().contains("`a`, `1`, `b`, but"));
        assert_eq!(route.fill(&("a", 1).into()).as_deref(), Ok("/a/1"));
        let dots = PathParams::from([("section", ".."), ("slug", "a")]);
        assert!(route.fill(&dots).is_err());
    }

    #[test]
    fn list_with_a_value_that_no_path_can_have_names_the_path() {
        let route = pattern("/articles/:slug");
        let error = route.fill(&"a\0b".into()).unwrap_err();
        assert!(error.contains("`/articles/a%00b`") && error.contains("control"), "{error}");
        let error = route.fill(&"a".repeat(5000).into()).unwrap_err();
        assert!(error.contains("longer than 4096 bytes"), "{error}");
    }
}
