//! Names for addresses, made from text.

use deunicode::deunicode_char;

const MAX_CHARS: usize = 120;

/// Makes the name that `text` gets in addresses: lowercase words joined by single hyphens.
///
/// Latin, Greek and Cyrillic letters become ASCII; letters of other scripts stay, since a
/// transliteration of them depends on the language. What is longer than 120 characters is cut at a
/// hyphen. The slug of a slug is itself. Text without letters and digits gives an empty string.
pub(crate) fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // Accents of decomposed letters, as file names on macOS carry them.
            '\u{300}'..='\u{36f}' => {}
            _ if letter.is_ascii() => push(&mut slug, letter),
            _ if is_transliterated(letter) => {
                let ascii = deunicode_char(letter).unwrap_or_default();
                ascii.chars().for_each(|letter| push(&mut slug, letter));
            }
            _ => push(&mut slug, letter),
        }
    }
    cut(slug.trim_end_matches('-')).to_owned()
}

fn is_transliterated(letter: char) -> bool {
    letter.is_alphanumeric() && matches!(letter, '\0'..'\u{530}' | '\u{1e00}'..='\u{1fff}')
}

fn push(slug: &mut String, letter: char) {
    match letter {
        '\'' | '’' => {}
        _ if letter.is_alphanumeric() => slug.extend(letter.to_lowercase()),
        _ if slug.is_empty() || slug.ends_with('-') => {}
        _ => slug.push('-'),
    }
}

fn cut(slug: &str) -> &str {
    let Some((end, _)) = slug.char_indices().nth(MAX_CHARS) else {
        return slug;
    };
    let (kept, rest) = slug.split_at(end);
    if rest.starts_with('-') {
        return kept;
    }
    kept.rsplit_once('-').map_or(kept, |(whole_words, _)| whole_words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_words_joined_by_hyphens() {
        let cases = [
            ("HTTP caching", "http-caching"),
            ("  What's new -- in 2024?! ", "whats-new-in-2024"),
            ("Don’t panic", "dont-panic"),
            ("Crème brûlée, Ærø & Łódź", "creme-brulee-aero-lodz"),
            ("cre\u{300}me", "creme"),
            ("Straße", "strasse"),
            ("Новости дня", "novosti-dnia"),
            ("Ελλάδα", "ellada"),
            ("日本語のニュース", "日本語のニュース"),
            ("キャッシュ & ISR", "キャッシュ-isr"),
            ("snake_case.and.dots/slashes", "snake-case-and-dots-slashes"),
            ("???", ""),
            ("", ""),
        ];
        for (text, slug) in cases {
            assert_eq!(slugify(text), slug, "{text}");
            assert_eq!(slugify(slug), slug, "the slug of a slug is itself");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_hyphen() {
        let slug = slugify(&"word ".repeat(60));
        assert_eq!(slug.len(), 119);
        assert!(slug.ends_with("-word"));
        assert_eq!(slugify(&slug), slug);
        assert_eq!(slugify(&"x".repeat(300)).len(), MAX_CHARS);
    }
}
