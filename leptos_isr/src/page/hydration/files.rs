//! The files of the browser's half, as `cargo leptos build` names them.

use std::{collections::HashMap, env, fs, io, path::Path, sync::Arc};

use leptos::{WasmSplitManifest, nonce::use_nonce, prelude::*};
use tracing::error;

/// What hydrates the whole app; called with the addresses of the two files.
const APP: &str = include_str!("app.js");

/// What hydrates islands; called alike.
const ISLANDS: &str = include_str!("islands.js");

/// The addresses of the two files, and of the parts that are loaded later.
#[derive(Clone)]
pub(crate) struct Files(Arc<Program>);

struct Program {
    js: String,
    wasm: String,
    parts: Option<WasmSplitManifest>,
}

impl Files {
    /// Looks for the files. Logs an error if the list of their hashes is missing where there should
    /// be one.
    pub(crate) fn find(options: &LeptosOptions) -> Self {
        let hashes = if options.hash_files { hashes(options) } else { Ok(HashMap::new()) };
        let hashes = hashes.unwrap_or_else(|error| {
            error!(
                "the pages will not be hydrated: {error}; `cargo leptos build` writes this file"
            );
            HashMap::new()
        });
        Self::new(options, &hashes)
    }

    fn new(options: &LeptosOptions, hashes: &HashMap<String, String>) -> Self {
        let named = |name: &str, kind: &str, otherwise: &str, end: &str| match hashes.get(kind) {
            Some(hash) => format!("{name}.{hash}.{end}"),
            None => format!("{name}{otherwise}.{end}"),
        };
        let (output, folder) = (&*options.output_name, format!("/{}", options.site_pkg_dir));
        // cargo-leptos names the program after the app, and wasm-pack adds this.
        let end = if option_env!("LEPTOS_OUTPUT_NAME").is_none() { "_bg" } else { "" };
        let js = format!("{folder}/{}", named(output, "js", "", "js"));
        let wasm = format!("{folder}/{}", named(output, "wasm", end, "wasm"));

        let manifest = named("__wasm_split_manifest", "manifest", "", "json");
        let manifest = Path::new(&*options.site_root).join(&*options.site_pkg_dir).join(manifest);
        let read = fs::read(&manifest);
        let parts = read.and_then(|text| Ok(serde_json::from_slice(&text)?));
        let parts = match parts {
            Ok(parts) => Some(parts),
            // A build that is not split has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                error!("lazy routes will not load: {}: {error}", manifest.display());
                None
            }
        };
        let parts = parts.map(|parts| {
            let loader = named("__wasm_split", "split", ".______________________", "js");
            WasmSplitManifest(ArcStoredValue::new((folder, parts, loader)))
        });
        Self(Arc::new(Program { js, wasm, parts }))
    }

    /// `begin`, called with the two addresses.
    fn script(&self, begin: &str) -> String {
        let [js, wasm] = [&*self.0.js, &*self.0.wasm].map(serde_json::Value::from);
        format!("{}({js}, {wasm});", begin.trim_end())
    }
}

/// The hashes by kind of file (`js`, `wasm`, `manifest`, `split`).
fn hashes(options: &LeptosOptions) -> io::Result<HashMap<String, String>> {
    let program = env::current_exe()?;
    let file = program.parent().unwrap_or(Path::new(".")).join(&*options.hash_file);
    let text = fs::read_to_string(&file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    Ok(parse(&text))
}

/// Each line is a kind and a hash: `js: 84qMwjT1HUOJ`.
fn parse(text: &str) -> HashMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(kind, hash)| (kind.trim().to_owned(), hash.trim().to_owned())).collect()
}

pub(super) fn loader(options: &LeptosOptions, is_islands: bool) -> impl IntoView + use<> {
    let files = use_context().unwrap_or_else(|| Files::find(options));
    if let Some(parts) = &files.0.parts {
        // Leptos names those that a page needs in its head.
        provide_context(parts.clone());
    }
    let script = files.script(if is_islands { ISLANDS } else { APP });
    let preloads = is_islands.then(|| {
        // What stands outside of islands is not hydrated, so it needs no data in the page.
        if let Some(context) = Owner::current_shared_context() {
            context.set_is_hydrating(false);
        }
        let (js, wasm) = (files.0.js.clone(), files.0.wasm.clone());
        view! {
            <link rel="modulepreload" href=js/>
            <link rel="preload" href=wasm r#as="fetch" crossorigin="anonymous"/>
        }
    });
    view! {
        {preloads}
        <script type="module" nonce=use_nonce() inner_html=script></script>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(hashes: &str) -> String {
        let options = LeptosOptions::builder().output_name("news").site_pkg_dir("pkg").build();
        let script = Files::new(&options, &parse(hashes)).script(APP);
        script.rsplit_once("})").unwrap().1.to_owned()
    }

    #[test]
    fn files_have_the_names_that_the_build_gave_them() {
        let end = if option_env!("LEPTOS_OUTPUT_NAME").is_none() { "_bg" } else { "" };
        let plain = format!("(\"/pkg/news.js\", \"/pkg/news{end}.wasm\");");
        assert_eq!(script(""), plain);
        let hashed = "(\"/pkg/news.3qAk.js\", \"/pkg/news.sEW9.wasm\");";
        assert_eq!(script("js: 3qAk\nwasm: sEW9\ncss: rqAe\n"), hashed);
    }

    #[test]
    fn parts_are_those_of_the_split_build() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pkg")).unwrap();
        let manifest = folder.path().join("pkg/__wasm_split_manifest.2M_0.json");
        fs::write(manifest, r#"{"__search": ["chunk_1.csan"]}"#).unwrap();
        let root = folder.path().to_str().unwrap();
        let options = LeptosOptions::builder().output_name("news").site_pkg_dir("pkg");
        let options = options.site_root(root).build();
        let parts = |hashes| Files::new(&options, &parse(hashes)).0.parts.clone();
        let (folder, parts_of, loader) =
            parts("manifest: 2M_0\nsplit: O14X").unwrap().0.get_value();
        assert_eq!((&*folder, &*loader), ("/pkg", "__wasm_split.O14X.js"));
        assert_eq!(parts_of["__search"], ["chunk_1.csan"]);
        assert!(parts("manifest: another").is_none(), "these are of another build");
    }
}
