//! How the pages of several builds share the limit of their folder.

use std::path::{Path, PathBuf};

/// What the pages of other builds take, as it was when they were counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OtherBuilds {
    /// The bytes of those that stay.
    kept: u64,
    /// What may go. The last one goes first.
    spare: Vec<PageFolder>,
}

/// A part of the pages of another build, small enough to be removed while a page is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageFolder {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl OtherBuilds {
    /// Adds the pages of a build that stay.
    pub(super) fn keep(&mut self, pages: impl IntoIterator<Item = PageFolder>) {
        self.kept += pages.into_iter().map(|folder| folder.bytes).sum::<u64>();
    }

    /// Adds the pages of a build that go when room is short, after those of builds added before.
    pub(super) fn spare(&mut self, pages: impl IntoIterator<Item = PageFolder>) {
        self.spare.splice(0..0, pages);
    }

    /// Keeps `folder`, which was to go, and what else there is of its build.
    pub(super) fn keep_build_of(&mut self, folder: PageFolder) {
        let build = folder.path.parent().map(Path::to_owned);
        let of_build = |other: &mut PageFolder| other.path.parent() == build.as_deref();
        let others: Vec<_> = self.spare.extract_if(.., of_build).collect();
        self.keep(others.into_iter().chain([folder]));
    }

    pub(super) fn bytes(&self) -> u64 {
        self.kept + self.spare.iter().map(|folder| folder.bytes).sum::<u64>()
    }

    /// What goes next while the pages of this build take `own` bytes.
    pub(super) fn next_to_go(&mut self, own: u64, limit: u64) -> Option<PageFolder> {
        let is_over = own + self.bytes() > limit;
        self.spare.pop_if(|_| is_over)
    }

    /// How many bytes the pages of this build may take: half of `limit`, whatever the others take.
    pub(super) fn room(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.bytes()).max(limit / 2)
    }

    /// Whether all pages take more than `limit` though this build takes no more than its half.
    pub(super) fn are_too_large(&self, own: u64, limit: u64) -> bool {
        own.min(limit / 2) + self.bytes() > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str) -> PageFolder {
        PageFolder { path: path.into(), bytes: 10 }
    }

    #[test]
    fn this_build_has_what_others_leave_and_at_least_half() {
        for (kept, limit, room) in
            [(0, 100, 100), (30, 100, 70), (50, 100, 50), (99, 100, 50), (500, 100, 50), (9, 0, 0)]
        {
            let others = OtherBuilds { kept, spare: Vec::new() };
            assert_eq!(others.room(limit), room, "{kept} of {limit}");
            let is_over = room + kept > limit;
            assert_eq!(others.are_too_large(room, limit), is_over, "{kept} of {limit}");
            // More is on its way out.
            assert_eq!(others.are_too_large(room + 1, limit), is_over, "{kept} of {limit}");
        }
    }

    #[test]
    fn what_others_can_spare_goes_only_while_all_take_more_than_the_limit() {
        let mut others = OtherBuilds { kept: 30, spare: Vec::new() };
        others.spare([folder("a/00"), folder("a/01")]);
        others.spare([folder("b/00")]);
        assert_eq!(others.next_to_go(40, 100), None);
        for path in ["a/01", "a/00", "b/00"] {
            assert_eq!(others.next_to_go(90, 100), Some(folder(path)));
        }
        assert_eq!((others.next_to_go(90, 100), others.bytes()), (None, 30));
    }

    #[test]
    fn build_that_is_in_use_after_all_stays_as_a_whole() {
        let mut others = OtherBuilds::default();
        others.spare([folder("a/00"), folder("a/01")]);
        others.spare([folder("b/00")]);
        let of_a = others.next_to_go(11, 40).unwrap();
        assert_eq!(of_a, folder("a/01"));
        others.keep_build_of(of_a);
        assert_eq!((others.kept, others.bytes()), (20, 30));
        assert_eq!(others.next_to_go(11, 40), Some(folder("b/00")));
        assert_eq!((others.next_to_go(40, 40), others.bytes()), (None, 20));
    }
}
