//! Compressed forms of the site's files, beside the files: `newsroom.wasm.br`, `newsroom.wasm.gz`.
//!
//! They are made once, by `server prerender`, as small as the formats allow; a
//! file is sent in the form that the browser accepts.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// What is worth compressing; images and fonts are compressed already.
const TEXTS: [&str; 8] = ["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"];

/// The least length at which a compressed form is worth a longer header.
const MIN_LEN: usize = 512;

/// The best that brotli can do; a build of the server without optimisation
/// would take minutes for it.
const QUALITY: u32 = if cfg!(debug_assertions) { 2 } else { 11 };

const WINDOW: u32 = 24;

/// Compresses the files below `folder`. A form that is not smaller than its file is not kept.
///
/// # Errors
///
/// Returns what could not be read or written.
pub fn compress_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            compress_files(&path)?;
            continue;
        }
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if !TEXTS.contains(&end) {
            continue;
        }
        let plain = fs::read(&path)?;
        if plain.len() < MIN_LEN {
            continue;
        }
        for (ending, encoded) in [("br", brotli(&plain)?), ("gz", gzip(&plain)?)] {
            let beside = path.with_extension(format!("{end}.{ending}"));
            if encoded.len() < plain.len() {
                fs::write(beside, encoded)?;
            }
        }
    }
    Ok(())
}

fn brotli(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, QUALITY, WINDOW);
    writer.write_all(plain)?;
    Ok(writer.into_inner())
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(plain)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn texts_get_compressed_forms_beside_them_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = "the same again and again ".repeat(100);
        fs::create_dir(at("pkg")).unwrap();
        for name in ["pkg/site.wasm", "robots.txt", "photo.png"] {
            fs::write(at(name), &text).unwrap();
        }
        fs::write(at("short.css"), "a {}").unwrap();
        compress_files(folder.path()).unwrap();
        let mut decoded = String::new();
        let form = fs::read(at("pkg/site.wasm.br")).unwrap();
        brotli::Decompressor::new(&*form, 4096).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, text);
        decoded.clear();
        let form = fs::read(at("robots.txt.gz")).unwrap();
        flate2::read::GzDecoder::new(&*form).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, text);
        for name in ["photo.png.br", "short.css.br", "short.css.gz"] {
            assert!(!at(name).exists(), "{name}");
        }
        // A second build finds the forms there and makes none of them.
        compress_files(folder.path()).unwrap();
        assert!(!at("pkg/site.wasm.br.gz").exists());
    }
}
