//! The modules of a crate, and what paths in them lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::buffer::Cursor;
use syn::parse::{ParseStream, Parser};

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
    /// Something of another crate, or a local variable.
    External,
}

pub(super) struct Import {
    /// The name that it has here.
    pub(super) name: String,
    pub(super) path: Vec<String>,
    /// Whether other modules can use the name: `pub use`, `pub(crate) use`.
    pub(super) is_public: bool,
}

/// A module in a file of its own or within another's.
pub(super) struct Module {
    pub(super) parent: Option<usize>,
    pub(super) file: usize,
    /// Where the files of its submodules are.
    pub(super) folder: PathBuf,
    pub(super) children: BTreeMap<String, usize>,
    pub(super) imports: Vec<Import>,
    pub(super) globs: Vec<Vec<String>>,
    /// The names of items that it defines.
    pub(super) items: BTreeSet<String>,
    /// Paths in its code.
    pub(super) paths: BTreeSet<Vec<String>>,
}

/// The modules of a crate, without those of its unit tests. The first is the root.
#[derive(Default)]
pub(super) struct Crate {
    pub(super) files: Vec<PathBuf>,
    pub(super) modules: Vec<Module>,
}

impl Crate {
    pub(super) fn read(root: &Path) -> Self {
        let mut sources = Self::default();
        let folder = root.parent().unwrap().to_owned();
        sources.read_file(root.to_owned(), None, folder);
        sources
    }

    fn read_file(&mut self, path: PathBuf, parent: Option<usize>, folder: PathBuf) -> usize {
        let source = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.files.push(path);
        let module = self.add(parent, self.files.len() - 1, folder);
        let parser = |input: ParseStream<'_>| {
            input.step(|cursor| {
                self.scan(*cursor, module);
                let mut end = *cursor;
                while let Some((_, rest)) = end.token_tree() {
                    end = rest;
                }
                Ok(((), end))
            })
        };
        parser.parse_str(&source).unwrap();
        module
    }

    fn add(&mut self, parent: Option<usize>, file: usize, folder: PathBuf) -> usize {
        self.modules.push(Module {
            parent,
            file,
            folder,
            children: BTreeMap::new(),
            imports: Vec::new(),
            globs: Vec::new(),
            items: BTreeSet::new(),
            paths: BTreeSet::new(),
        });
        self.modules.len() - 1
    }

    /// Adds what these tokens define and use to the module that they are in.
    fn scan(&mut self, mut cursor: Cursor<'_>, module: usize) {
        let mut is_public = false;
        // One dot is before a field or a method, two are a range.
        let mut dots = 0;
        while !cursor.eof() {
            if let Some(rest) = after_test_item(cursor) {
                cursor = rest;
                continue;
            }
            let (was_public, was_dots) = (is_public, dots);
            (is_public, dots) = (false, 0);
            if let Some((_, rest)) = cursor.lifetime() {
                cursor = rest;
            } else if let Some((name, rest)) = cursor.ident() {
                cursor = rest;
                match name.to_string().as_str() {
                    "pub" => {
                        is_public = true;
                        if let Some((_, _, _, rest)) = cursor.any_group() {
                            cursor = rest;
                        }
                    }
                    "mod" => cursor = self.submodule(cursor, module),
                    // `use<'a>` is a bound.
                    "use" if !starts_with(cursor, '<') => {
                        cursor = self.import(cursor, module, Vec::new(), was_public);
                    }
                    "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" => {
                        if let Some((name, _)) = cursor.ident() {
                            self.modules[module].items.insert(name.to_string());
                        }
                    }
                    "macro_rules" => {
                        let name = cursor.punct().and_then(|(_, rest)| rest.ident());
                        if let Some((name, _)) = name {
                            self.modules[module].items.insert(name.to_string());
                        }
                    }
                    first => {
                        let mut path = vec![first.to_owned()];
                        while let Some((name, rest)) = separator(cursor).and_then(Cursor::ident) {
                            path.push(name.to_string());
                            cursor = rest;
                        }
                        if was_dots != 1 {
                            self.modules[module].paths.insert(path);
                        }
                    }
                }
            } else if let Some((inside, _, _, rest)) = cursor.any_group() {
                self.scan(inside, module);
                cursor = rest;
            } else {
                if starts_with(cursor, '.') {
                    dots = was_dots + 1;
                }
                cursor = cursor.token_tree().unwrap().1;
            }
        }
    }

    /// Reads `NAME;` or `NAME { … }` behind `mod`.
    fn submodule<'a>(&mut self, cursor: Cursor<'a>, parent: usize) -> Cursor<'a> {
        let (name, rest) = cursor.ident().unwrap();
        let name = name.to_string();
        let (folder, file) = (
            self.modules[parent].folder.clone(),
            self.modules[parent].file,
        );
        let own = folder.join(&name);
        let (child, rest) = if let Some((inside, _, _, rest)) = rest.any_group() {
            let child = self.add(Some(parent), file, own);
            self.scan(inside, child);
            (child, rest)
        } else {
            let path = folder.join(format!("{name}.rs"));
            let path = if path.exists() {
                path
            } else {
                own.join("mod.rs")
            };
            (self.read_file(path, Some(parent), own), rest)
        };
        self.modules[parent].children.insert(name, child);
        rest
    }

    /// Reads one tree of a `use`, behind `prefix`.
    fn import<'a>(
        &mut self,
        mut cursor: Cursor<'a>,
        module: usize,
        mut prefix: Vec<String>,
        is_public: bool,
    ) -> Cursor<'a> {
        // A leading `::` is before the name of another crate, which an empty name is too.
        if let Some(rest) = separator(cursor) {
            prefix.push(String::new());
            cursor = rest;
        }
        loop {
            if let Some((mut inside, _, _, rest)) = cursor.any_group() {
                while !inside.eof() {
                    inside = self.import(inside, module, prefix.clone(), is_public);
                    inside = inside.punct().map_or(inside, |(_, rest)| rest);
                }
                return rest;
            }
            let Some((segment, rest)) = cursor.ident() else {
                // `*`
                self.modules[module].globs.push(prefix);
                return cursor.token_tree().unwrap().1;
            };
            let segment = segment.to_string();
            if segment != "self" || prefix.is_empty() {
                prefix.push(segment);
            }
            cursor = rest;
            if let Some(rest) = separator(cursor) {
                cursor = rest;
                continue;
            }
            let mut name = prefix.last().unwrap().clone();
            if let Some((_, rest)) = cursor.ident() {
                let (alias, rest) = rest.ident().unwrap();
                name = alias.to_string();
                cursor = rest;
            }
            self.modules[module].imports.push(Import {
                name,
                path: prefix,
                is_public,
            });
            return cursor;
        }
    }

    /// What a path in the code of a module leads to.
    pub(super) fn resolve(&self, module: usize, path: &[String], depth: usize) -> Target {
        let Some((first, rest)) = path.split_first() else {
            return Target::Module(module);
        };
        let parent = |module: usize| {
            self.modules[module]
                .parent
                .map_or(Target::External, Target::Module)
        };
        let mut at = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => parent(module),
            name => {
                let found = self.find(module, name, rest.is_empty(), depth);
                found.unwrap_or(Target::External)
            }
        };
        for (i, segment) in rest.iter().enumerate() {
            let Target::Module(module) = at else {
                break;
            };
            let is_last = i + 1 == rest.len();
            at = match segment.as_str() {
                "super" => parent(module),
                // Items that macros define are not known by name.
                name => {
                    let found = self.find(module, name, is_last, depth);
                    found.unwrap_or(Target::Item(module))
                }
            };
        }
        at
    }

    /// What `name` is in a module: a re-export is what it leads to. A module and an item can have
    /// the same name.
    fn find(&self, module: usize, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        // Globs can go round in circles.
        if depth > 16 {
            return None;
        }
        let of = &self.modules[module];
        let child = || of.children.get(name).copied().map(Target::Module);
        let item = || {
            let mut imports = of.imports.iter();
            if let Some(import) = imports.find(|import| import.name == name) {
                return match import.path.as_slice() {
                    // `pub(crate) use name` behind a macro of that name.
                    [own] if own == name => Some(Target::Item(module)),
                    path => Some(self.resolve(module, path, depth + 1)),
                };
            }
            if of.items.contains(name) {
                return Some(Target::Item(module));
            }
            of.globs
                .iter()
                .find_map(|glob| match self.resolve(module, glob, depth + 1) {
                    Target::Module(other) if other != module => {
                        self.find(other, name, is_last, depth + 1)
                    }
                    _ => None,
                })
        };
        if is_last {
            item().or_else(child)
        } else {
            child().or_else(item)
        }
    }
}

fn starts_with(cursor: Cursor<'_>, character: char) -> bool {
    cursor
        .punct()
        .is_some_and(|(punct, _)| punct.as_char() == character)
}

/// What is behind `::`.
fn separator(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, rest) = cursor.punct()?;
    let (second, rest) = rest.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(rest)
}

/// What is behind an item with `#[cfg(test)]`, if there is one here.
fn after_test_item(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    if !starts_with(cursor, '#') {
        return None;
    }
    let (attribute, _, _, mut rest) = cursor.punct()?.1.any_group()?;
    let (cfg, condition) = attribute.ident()?;
    let (condition, _, _, _) = condition.any_group()?;
    if cfg != "cfg" || condition.ident()?.0 != "test" {
        return None;
    }
    // Its body, or its semicolon.
    loop {
        let (token, after) = rest.token_tree()?;
        let token = token.to_string();
        if token == ";" || token.starts_with('{') {
            return Some(after);
        }
        rest = after;
    }
}
