//! Which children of an element are which after it has changed.

/// How far is looked for a child that stays. It bounds the time that long lists take.
const NEAR: usize = 50;

/// A child of an element.
pub(super) trait Child {
    /// Whether nothing is to be done.
    fn is_same(&self, new: &Self) -> bool;

    /// Whether it can be changed into `new`.
    fn may_become(&self, new: &Self) -> bool;

    /// Whether there are hardly two of it, as there are of white space.
    fn is_landmark(&self) -> bool;
}

/// For each of the `new` children, the place of the old one that becomes it; the order stays.
///
/// Children that are the same are found first. What is left between two of them is paired by kind.
pub(super) fn pair<T: Child>(old: &[T], new: &[T]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; new.len()];
    let (mut here, mut there) = (0, 0);
    while let (Some(one), Some(other)) = (old.get(here), new.get(there)) {
        let is_kept = |one: &T, other: &T| one.is_landmark() && one.is_same(other);
        let inserted = || new[there..].iter().take(NEAR).position(|later| is_kept(one, later));
        let removed = || old[here..].iter().take(NEAR).position(|later| is_kept(later, other));
        if one.is_same(other) {
            pairs[there] = Some(here);
            (here, there) = (here + 1, there + 1);
            continue;
        }
        match (inserted(), removed()) {
            (Some(inserted), removed) if removed.is_none_or(|removed| inserted <= removed) => {
                there += inserted;
            }
            (_, Some(removed)) => here += removed,
            _ => (here, there) = (here + 1, there + 1),
        }
    }
    let mut here = 0;
    for there in 0..new.len() {
        if pairs[there].is_none() {
            let end = pairs[there..].iter().flatten().next().map_or(old.len(), |end| *end);
            let of_kind = old[here..end].iter().position(|one| one.may_become(&new[there]));
            pairs[there] = of_kind.map(|place| here + place);
        }
        here = pairs[there].map_or(here, |place| place + 1);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its letter is its kind; `_` is white space.
    impl Child for &str {
        fn is_same(&self, new: &Self) -> bool {
            self == new
        }

        fn may_become(&self, new: &Self) -> bool {
            self[..1] == new[..1]
        }

        fn is_landmark(&self) -> bool {
            *self != "_"
        }
    }

    fn children(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    #[test]
    fn children_that_stay_are_found_and_the_rest_is_paired_by_kind() {
        for (name, old, new, expected) in [
            ("same", "a1 b1", "a1 b1", "0 1"),
            ("first", "", "a1", "-"),
            ("last", "a1", "", ""),
            ("inserted before", "a1 a2 a3", "a0 a1 a2 a3", "- 0 1 2"),
            ("two inserted, two dropped", "a1 a2 a3 a4", "a8 a9 a1 a2", "- - 0 1"),
            ("removed", "a1 a2 a3", "a1 a3", "0 2"),
            ("moved to the front", "a1 a2 a3", "a3 a1 a2", "- 0 1"),
            ("moved to the end", "a1 a2 a3", "a2 a3 a1", "1 2 -"),
            ("changed", "a1 a2 a3", "a1 a9 a3", "0 1 2"),
            ("changed, and another kind before it", "a1 b1", "a1 c1 b2", "0 - 1"),
            ("changed, and another kind before it gone", "a1 c1 b1", "a1 b2", "0 2"),
            ("inserted between spaces", "_ a1 _ a2 _", "_ a9 _ a1 _ a2 _", "0 - - 1 2 3 4"),
            ("removed between spaces", "a9 _ a1 _ a2", "a1 _ a2", "2 3 4"),
            ("space before the first is gone", "_ a1 _ a2", "a1 _ a2", "1 2 3"),
            ("all others", "a1 a2", "b1 b2", "- -"),
            ("pairs keep the order", "b1 a1 c1", "a2 b2 c1", "1 - 2"),
        ] {
            let pairs = pair(&children(old), &children(new));
            let pairs = pairs.iter().map(|it| it.map_or("-".to_owned(), |it| it.to_string()));
            assert_eq!(pairs.collect::<Vec<_>>().join(" "), expected, "{name}");
        }
    }

    #[test]
    fn no_old_child_becomes_two_and_none_is_moved() {
        let mut dice = fastrand::Rng::with_seed(7);
        let mut list = || {
            let word = |_| format!("{}{}", dice.choice(["a", "b"]).unwrap(), dice.u8(0..4));
            (0..8).map(word).collect::<Vec<_>>().join(" ")
        };
        for _ in 0..1000 {
            let (old, new) = (list(), list());
            let places: Vec<_> =
                pair(&children(&old), &children(&new)).into_iter().flatten().collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{old} | {new}: {places:?}");
        }
    }
}
