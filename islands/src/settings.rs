//! What a visitor may set for their own eyes: theme and text size.
//!
//! Kept in the browser and applied after hydration; no stored page depends on it.

use crate::browser;

/// One of a few values. It stands in `data-<key>` of `<html>`, which the style sheet reads, and in
/// the browser's storage, from where `theme.js` takes it on later visits.
pub(crate) struct Setting {
    key: &'static str,
    values: &'static [&'static str],
    /// The place of the value that counts until the visitor has set one.
    default: usize,
}

/// The colours: as the visitor's system is set, dark on light, or light on dark.
pub(crate) const THEME: Setting =
    Setting { key: "theme", values: &["auto", "light", "dark"], default: 0 };

/// The size of the text, in steps around the default.
pub(crate) const TEXT_SIZE: Setting =
    Setting { key: "size", values: &["-1", "0", "1", "2", "3"], default: 1 };

impl Setting {
    /// The place of what is set among the values.
    pub(crate) fn place(&self) -> usize {
        self.place_of(browser::root_attribute(&self.attribute()).as_deref())
    }

    /// The place of `value`, or of the default for anything that is no value.
    fn place_of(&self, value: Option<&str>) -> usize {
        self.values.iter().position(|it| Some(*it) == value).unwrap_or(self.default)
    }

    /// The value that is set.
    pub(crate) fn value(&self) -> &'static str {
        self.values[self.place()]
    }

    /// The place of the last value.
    pub(crate) fn last(&self) -> usize {
        self.values.len() - 1
    }

    /// The place after `place`; that after the last is the first.
    pub(crate) fn after(&self, place: usize) -> usize {
        if place == self.last() { 0 } else { place + 1 }
    }

    /// Sets the value at `place`, or the last one.
    pub(crate) fn set(&self, place: usize) {
        let value = self.values[place.min(self.last())];
        browser::store(self.key, value);
        browser::set_root_attribute(&self.attribute(), value);
    }

    fn attribute(&self) -> String {
        ["data-", self.key].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_round() {
        assert_eq!([0, 1, 2].map(|place| THEME.after(place)), [1, 2, 0]);
    }

    #[test]
    fn what_was_stored_is_found_and_anything_else_is_the_default() {
        for setting in [THEME, TEXT_SIZE] {
            for (place, value) in setting.values.iter().enumerate() {
                assert_eq!(setting.place_of(Some(value)), place, "{value}");
            }
            for other in [None, Some(""), Some("plaid"), Some("99")] {
                assert_eq!(setting.place_of(other), setting.default, "{other:?}");
            }
        }
    }
}
