//! Which page of a list is asked for, and which others are linked.

/// The number of a page in a list, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageNumber(u32);

impl PageNumber {
    /// The first page.
    pub const FIRST: Self = Self(1);

    /// Reads the value of a query parameter; without one it is the first page.
    ///
    /// Only the canonical spelling is a page number, so that no page has two
    /// addresses: `01`, `+1`, `0` and words are none.
    #[must_use]
    pub fn from_query(value: Option<&str>) -> Option<Self> {
        let Some(value) = value else { return Some(Self::FIRST) };
        let number: u32 = value.parse().ok().filter(|number| *number > 0)?;
        (number.to_string() == value).then_some(Self(number))
    }

    /// All page numbers in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=u32::MAX).map(Self)
    }

    /// The number itself.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// How many pages `total` items fill, at least one.
#[must_use]
pub fn page_count(total: u64, per_page: u32) -> u32 {
    let pages = total.div_ceil(u64::from(per_page.max(1))).max(1);
    u32::try_from(pages).unwrap_or(u32::MAX)
}

/// The pages to link from `current`: the ends, the neighbours, and `None` where pages are left out.
#[must_use]
pub fn linked_pages(current: u32, last: u32) -> Vec<Option<u32>> {
    let near = current.saturating_sub(1).max(1)..=current.saturating_add(1).min(last);
    let mut linked = Vec::new();
    let mut previous = 0;
    for page in [1].into_iter().chain(near).chain([last]).filter(|page| *page <= last) {
        match page.saturating_sub(previous) {
            // An end that is a neighbour, or the current page.
            0 => continue,
            1 => {}
            2 => linked.push(Some(page - 1)),
            _ => linked.push(None),
        }
        linked.push(Some(page));
        previous = page;
    }
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_pages() {
        for (value, number) in [
            (None, Some(1)),
            (Some("1"), Some(1)),
            (Some("12"), Some(12)),
            (Some("0"), None),
            (Some("01"), None),
            (Some("+1"), None),
            (Some("-1"), None),
            (Some(""), None),
            (Some("two"), None),
            (Some("4294967296"), None),
        ] {
            assert_eq!(PageNumber::from_query(value).map(PageNumber::number), number, "{value:?}");
        }
    }

    #[test]
    fn a_list_fills_at_least_one_page() {
        for (total, pages) in
            [(0, 1), (1, 1), (12, 1), (13, 2), (24, 2), (25, 3), (u64::MAX, u32::MAX)]
        {
            assert_eq!(page_count(total, 12), pages, "{total}");
        }
    }

    #[test]
    fn ends_and_neighbours_are_linked() {
        let written = |current, last| {
            let pages = linked_pages(current, last);
            let words =
                pages.iter().map(|page| page.map_or("…".to_owned(), |page| page.to_string()));
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(written(1, 1), "1");
        assert_eq!(written(1, 3), "1 2 3");
        assert_eq!(written(1, 9), "1 2 … 9");
        assert_eq!(written(4, 9), "1 2 3 4 5 … 9");
        assert_eq!(written(5, 9), "1 … 4 5 6 … 9");
        assert_eq!(written(9, 9), "1 … 8 9");
    }
}
