//! What a visitor may set for their own eyes: theme and text size.
//!
//! Kept in the browser and applied after hydration; no stored page depends on it.

/// The colours of the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the visitor's system is set.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Where the browser stores it.
    pub(crate) const KEY: &'static str = "theme";

    /// Reads what was stored; anything else is [`Theme::Auto`].
    pub(crate) fn from_stored(value: Option<&str>) -> Self {
        match value {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::Auto,
        }
    }

    /// What to store; nothing for [`Theme::Auto`].
    pub(crate) fn to_stored(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// Its name on the button.
    pub(crate) fn name(self) -> &'static str {
        self.to_stored().unwrap_or("auto")
    }

    /// What the button switches to.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Auto => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Auto,
        }
    }
}

/// The size of the text, in steps around the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextSize(usize);

impl TextSize {
    /// Where the browser stores it.
    pub(crate) const KEY: &'static str = "size";
    /// What is stored for each, from the smallest to the largest; nothing for the default.
    const STEPS: [Option<&'static str>; 5] = [Some("-1"), None, Some("1"), Some("2"), Some("3")];

    /// Reads what was stored; anything else is the default.
    pub(crate) fn from_stored(value: Option<&str>) -> Self {
        let step = Self::STEPS.iter().position(|step| *step == value);
        step.map_or_else(Self::default, Self)
    }

    /// What to store; nothing for the default.
    pub(crate) fn to_stored(self) -> Option<&'static str> {
        Self::STEPS[self.0]
    }

    /// One step larger, unless it is the largest.
    pub(crate) fn larger(self) -> Self {
        if self.is_largest() { self } else { Self(self.0 + 1) }
    }

    /// One step smaller, unless it is the smallest.
    pub(crate) fn smaller(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Whether it cannot grow.
    pub(crate) fn is_largest(self) -> bool {
        self.0 == Self::STEPS.len() - 1
    }

    /// Whether it cannot shrink.
    pub(crate) fn is_smallest(self) -> bool {
        self.0 == 0
    }
}

impl Default for TextSize {
    fn default() -> Self {
        Self(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theme_survives_storing() {
        for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::from_stored(theme.to_stored()), theme);
        }
        assert_eq!(Theme::from_stored(Some("plaid")), Theme::Auto);
    }

    #[test]
    fn theme_button_goes_round() {
        assert_eq!(Theme::Auto.next().next().next(), Theme::Auto);
    }

    #[test]
    fn text_size_stays_in_range() {
        let mut size = TextSize::default();
        for _ in 0..9 {
            size = size.larger();
        }
        assert!(size.is_largest());
        assert_eq!(TextSize::from_stored(size.to_stored()), size);
        for _ in 0..9 {
            size = size.smaller();
        }
        assert!(size.is_smallest());
        assert_eq!(TextSize::from_stored(Some("99")), TextSize::default());
    }
}
