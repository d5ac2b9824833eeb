//! What the browser loads: the files, and which crates the program is made of.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

use crate::{Result, site::site_root};

/// How many crates are listed.
const CRATES: usize = 12;

/// Where the build left what is looked at.
#[derive(Args)]
pub(crate) struct Options {
    /// The browser's half as the compiler left it, with names: by default in the target folder
    #[arg(long)]
    program: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    files(&site_root().join("pkg"))?;
    let program = match &options.program {
        Some(program) => program.clone(),
        // Beside `release/bench`, where cargo-leptos builds the browser's half.
        None => std::env::current_exe()?
            .ancestors()
            .nth(2)
            .ok_or("this program is in no folder")?
            .join("front/wasm32-unknown-unknown/wasm-release/islands.wasm"),
    };
    let bytes = fs::read(&program).map_err(|error| format!("{}: {error}", program.display()))?;
    crates(&bytes)
}

/// A file of the site and the lengths of its forms.
#[derive(Default)]
struct Lengths {
    plain: u64,
    brotli: u64,
}

fn files(folder: &Path) -> Result<()> {
    let mut files: BTreeMap<String, Lengths> = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let entry = entry?;
        let (name, len) =
            (entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len());
        match name.strip_suffix(".br") {
            Some(plain) => files.entry(plain.to_owned()).or_default().brotli = len,
            None if [".wasm", ".js", ".css"].iter().any(|end| name.ends_with(end)) => {
                files.entry(name).or_default().plain = len;
            }
            None => {}
        }
    }
    println!("| file | bytes | brotli |\n|---|--:|--:|");
    for (name, Lengths { plain, brotli }) in files.iter().filter(|(_, file)| file.plain > 0) {
        // The hash in a name, and that of a function, differ from build to build.
        let mut parts = name.split('.');
        let (stem, end) = (parts.next().unwrap_or_default(), parts.next_back().unwrap_or_default());
        let stem = match stem.rsplit_once('_') {
            Some((stem, number)) if number.len() > 15 => stem,
            _ => stem,
        };
        let name = format!("{stem}.{end}");
        let brotli = if *brotli == 0 { String::new() } else { brotli.to_string() };
        println!("| `{name}` | {plain} | {brotli} |");
    }
    println!();
    Ok(())
}

/// The code of each crate, before wasm-opt has taken away what it can.
fn crates(bytes: &[u8]) -> Result<()> {
    let mut imported = 0;
    let mut lengths = Vec::new();
    let mut names = HashMap::new();
    let mut data = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => lengths.push(body.as_bytes().len()),
            Payload::DataSection(section) => data = len(&section.range()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(subsections) = section.as_known() {
                    for subsection in subsections {
                        if let Name::Function(functions) = subsection? {
                            for naming in functions {
                                let naming = naming?;
                                names.insert(naming.index, naming.name);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut sums: HashMap<String, usize> = HashMap::new();
    for (index, len) in (imported..).zip(&lengths) {
        let name = names.get(&index).copied().unwrap_or_default();
        *sums.entry(crate_of(name)).or_default() += len;
    }
    let all: usize = lengths.iter().sum();
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, len)| std::cmp::Reverse(*len));
    println!("| crate | share of the code |\n|---|--:|");
    let share = |len: usize| 100.0 * len as f64 / all as f64;
    for (name, len) in sums.iter().take(CRATES) {
        println!("| {name} | {:.1} % |", share(*len));
    }
    let rest: usize = sums.iter().skip(CRATES).map(|(_, len)| len).sum();
    println!("| others | {:.1} % |", share(rest));
    println!(
        "\nAll parts of the program, before wasm-opt and without compression: {all} bytes of code, \
         {data} of data. Code that is made for a crate's types from another's generic functions \
         counts to the other."
    );
    Ok(())
}

fn len(range: &std::ops::Range<u64>) -> u64 {
    range.end - range.start
}

/// The crate of a function, by its name.
fn crate_of(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // `<T as a::b>::c` is `a`'s, `<a::B as c::D>::e` too.
    let name = name.trim_start_matches(['<', '&', '_', '*']);
    let name = name.strip_prefix("T as ").or(name.strip_prefix("F as ")).unwrap_or(name);
    let end = name.find("::").unwrap_or(0);
    let first = &name[..end];
    let is_name = first.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && !first.is_empty() { first.to_owned() } else { "not told".to_owned() }
}
