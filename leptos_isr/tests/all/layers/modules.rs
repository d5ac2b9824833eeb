//! The modules of a crate, and the files that its paths lead to.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::parse::Source;

/// The text of each file below `src`.
pub(super) type Files = BTreeMap<String, String>;

/// No chain of re-exports is as long; a name may lead to itself.
const LONGEST: usize = 16;

/// The first is the crate's root.
pub(super) struct Modules(Vec<Module>);

struct Module {
    file: String,
    parent: usize,
    /// More than one if `cfg` chooses.
    children: BTreeMap<String, Vec<usize>>,
    source: Source,
}

pub(super) struct Import {
    pub(super) line: usize,
    pub(super) path: String,
    /// It is re-exported, and not used by who does that.
    pub(super) is_face: bool,
}

/// By the files from which and to which they lead.
pub(super) type Imports = BTreeMap<(String, String), Import>;

impl Modules {
    pub(super) fn of(files: &Files) -> Self {
        let mut modules = Self(Vec::new());
        modules.add(files, "lib.rs", Path::new(""), 0, Source::parse(&files["lib.rs"]));
        modules
    }

    /// `folder` is where the files of its children are.
    fn add(&mut self, files: &Files, file: &str, folder: &Path, parent: usize, mut source: Source) {
        let (id, declared) = (self.0.len(), std::mem::take(&mut source.modules));
        let children = BTreeMap::new();
        self.0.push(Module { file: file.to_owned(), parent, children, source });
        for child in declared {
            let child_id = self.0.len();
            self.0[id].children.entry(child.name.clone()).or_default().push(child_id);
            let folder = folder.join(&child.name);
            if let Some(source) = child.inline {
                self.add(files, file, &folder, id, source);
                continue;
            }
            let path = match child.path {
                Some(path) => Path::new(file).with_file_name(path),
                None => folder.with_extension("rs"),
            };
            let found = [path, folder.join("mod.rs")];
            let found = found.iter().find_map(|path| files.get_key_value(path.to_str()?));
            let (found, text) = found.unwrap_or_else(|| panic!("{file}: `mod {}`", child.name));
            self.add(files, found, &folder, id, Source::parse(text));
        }
    }

    pub(super) fn files(&self) -> BTreeSet<&str> {
        self.0.iter().map(|module| &*module.file).collect()
    }

    /// The places of `impl Engine`.
    pub(super) fn engine_impls(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0
            .iter()
            .flat_map(|module| module.source.engine_impls.iter().map(|line| (&*module.file, *line)))
    }

    /// One for each pair of files of which the first imports from the second.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (id, Module { file, source, .. }) in self.0.iter().enumerate() {
            for named in source.uses.iter().chain(&source.paths) {
                let is_face = named.is_public && !source.words.contains(&named.name);
                for to in self.resolve(id, &named.path, LONGEST) {
                    let to = &self.0[to].file;
                    let key = (file.clone(), to.clone());
                    let is_new = imports.get(&key).is_none_or(|old| old.is_face && !is_face);
                    if to != file && is_new {
                        let path = named.path.join("::");
                        imports.insert(key, Import { line: named.line, path, is_face });
                    }
                }
            }
        }
        imports
    }

    /// The modules that define what `path` names in `module`; none if another crate does.
    fn resolve(&self, module: usize, path: &[String], left: usize) -> Vec<usize> {
        let parent = self.0[module].parent;
        match path.first().map(String::as_str) {
            Some("crate") => self.within(0, &path[1..], left),
            Some("self") => self.within(module, &path[1..], left),
            Some("super") => self.within(parent, &path[1..], left),
            _ => self.named(module, path, left),
        }
    }

    /// The same for a path that begins in `module`.
    fn within(&self, module: usize, path: &[String], left: usize) -> Vec<usize> {
        let Some(name) = path.first().filter(|name| *name != "*") else { return vec![module] };
        if name == "super" {
            return self.within(self.0[module].parent, &path[1..], left);
        }
        let Module { children, source, .. } = &self.0[module];
        let is_of = |source: &Source| source.items.contains(name);
        if children.contains_key(name) || source.uses.iter().any(|named| named.name == *name) {
            return self.named(module, path, left);
        }
        let globs = source.uses.iter().filter(|named| named.name == "*" && !is_of(source));
        let found = globs.filter(|_| left > 0).flat_map(|glob| {
            let of = self.resolve(module, &glob.path, left - 1).into_iter();
            of.flat_map(|of| match is_of(&self.0[of].source) {
                true => vec![of],
                false => self.named(of, path, left - 1),
            })
        });
        let found: Vec<_> = found.collect();
        if found.is_empty() { vec![module] } else { found }
    }

    /// By the child or the `use` item of this name in `module`.
    fn named(&self, module: usize, path: &[String], left: usize) -> Vec<usize> {
        let [name, rest @ ..] = path else { return vec![module] };
        let Module { children, source, .. } = &self.0[module];
        if let Some(children) = children.get(name) {
            return children.iter().flat_map(|child| self.within(*child, rest, left)).collect();
        }
        let uses = source.uses.iter().filter(|named| left > 0 && named.name == *name);
        uses.flat_map(|named| self.resolve(module, &[&named.path, rest].concat(), left - 1))
            .collect()
    }
}
