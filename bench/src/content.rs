//! Articles to serve: deterministic, and as compressible as prose.

use std::{fmt::Write, fs, io, path::Path};

const WORDS: [&str; 64] = [
    "the", "council", "of", "a", "river", "and", "said", "in", "market", "to", "bridge", "for",
    "mayor", "on", "harbour", "with", "that", "price", "by", "year", "city", "was", "after",
    "report", "from", "people", "school", "it", "at", "energy", "would", "company", "new",
    "weather", "station", "plans", "road", "were", "their", "budget", "public", "week", "which",
    "north", "water", "first", "company", "station", "against", "vote", "between", "summer",
    "workers", "ship", "court", "during", "until", "museum", "island", "garden", "theatre",
    "letter", "winter", "number",
];

/// About how many bytes of Markdown make an article page of 32 kB, its data for
/// hydration included.
const BODY: usize = 13_000;

pub(crate) fn slug(n: usize) -> String {
    format!("article-{n}")
}

/// Writes `count` articles of ten sections, the newest last.
pub(crate) fn write(folder: &Path, count: usize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for n in 0..count {
        let mut text = format!(
            "---\ntitle: Article {n}\ndate: {:04}-{:02}-{:02}\nsection: Section {}\nauthor: A. Writer\n\
             summary: What became of number {n}.\n---\n",
            2000 + n / 336,
            1 + n / 28 % 12,
            1 + n % 28,
            n % 10
        );
        text.push_str(&body(n));
        fs::write(folder.join(format!("{}.md", slug(n))), text)?;
    }
    Ok(())
}

/// Writes those of the section of article `of`, the newest first, as the example `start` reads them.
pub(crate) fn write_json(file: &Path, count: usize, of: usize) -> io::Result<()> {
    let articles = (0..count).rev().filter(|n| n % 10 == of % 10).map(|n| {
        let text = body(n).trim_end().to_owned();
        serde_json::json!({ "slug": slug(n), "title": format!("Article {n}"), "text": text })
    });
    fs::write(file, serde_json::Value::from_iter(articles).to_string())
}

/// Paragraphs of words that a linear congruence picks.
pub(crate) fn body(n: usize) -> String {
    let mut state = n as u64 + 1;
    let mut text = String::with_capacity(BODY + 200);
    let mut words = 0;
    while text.len() < BODY {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = WORDS[(state >> 58) as usize];
        words += 1;
        let end = match words % 80 {
            0 => ".\n\n",
            n if n % 16 == 0 => ". ",
            _ => " ",
        };
        write!(text, "{word}{end}").expect("a string takes everything");
    }
    text
}
