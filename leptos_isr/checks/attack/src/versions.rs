//! What pages are made of: versions that an attack raises before each purge, so that a page tells
//! which purges it has seen.

use std::{fmt, str::FromStr};

pub(crate) const PAGES: usize = 96;
pub(crate) const GROUPS: usize = 8;

/// What a page is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    own: u64,
    group: u64,
    all: u64,
}

/// What a purge reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Page(usize),
    Group(usize),
    Everything,
}

/// A version for each page, each group and everything.
#[derive(Debug)]
pub(crate) struct Table {
    own: [u64; PAGES],
    group: [u64; GROUPS],
    all: u64,
}

impl Scope {
    /// One at random, and the part of a purge's JSON that names it.
    pub(crate) fn random(rng: &mut fastrand::Rng) -> (Self, String) {
        let (page, group) = (rng.usize(..PAGES), rng.usize(..GROUPS));
        match rng.u8(..100) {
            0..40 => (Self::Page(page), format!(r#""paths":["/p/{page}"]"#)),
            40..70 => (Self::Page(page), format!(r#""tags":["page-{page}"]"#)),
            70..97 => (Self::Group(group), format!(r#""tags":["none","group-{group}"]"#)),
            _ => (Self::Everything, r#""prefixes":["/p"]"#.to_owned()),
        }
    }

    pub(crate) fn reaches(self, page: usize) -> bool {
        match self {
            Self::Page(it) => it == page,
            Self::Group(group) => group == page % GROUPS,
            Self::Everything => true,
        }
    }
}

impl Table {
    pub(crate) fn of(&self, page: usize) -> Versions {
        Versions { own: self.own[page], group: self.group[page % GROUPS], all: self.all }
    }

    fn version(&mut self, scope: Scope) -> &mut u64 {
        match scope {
            Scope::Page(page) => &mut self.own[page],
            Scope::Group(group) => &mut self.group[group],
            Scope::Everything => &mut self.all,
        }
    }

    pub(crate) fn raise(&mut self, scope: Scope) -> u64 {
        let version = self.version(scope);
        *version += 1;
        *version
    }

    pub(crate) fn raise_to(&mut self, scope: Scope, to: u64) {
        let version = self.version(scope);
        *version = to.max(*version);
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { own: [0; PAGES], group: [0; GROUPS], all: 0 }
    }
}

impl Versions {
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            own: self.own.max(other.own),
            group: self.group.max(other.group),
            all: self.all.max(other.all),
        }
    }

    pub(crate) fn are_at_least(self, least: Self) -> bool {
        self.most(least) == self
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.own, self.group, self.all)
    }
}

impl FromStr for Versions {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split('.').map(str::parse).collect::<Result<Vec<_>, _>>();
        match numbers.as_deref() {
            Ok(&[own, group, all]) => Ok(Self { own, group, all }),
            _ => Err("versions are three numbers with points between them"),
        }
    }
}
