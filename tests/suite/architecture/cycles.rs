//! No cycle of more than two files between the modules of a crate. Two files that need each other,
//! such as a module and its own submodule, can still be read as one; three can not.

use super::modules::{Crate, Target};
use crate::fixtures::repository;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[test]
fn no_cycle_has_more_than_two_files() {
    let mut cycles = Vec::new();
    for root in super::dependencies::library_and_program_roots() {
        let sources = Crate::read(&root);
        assert!(!sources.modules.is_empty(), "{}", root.display());
        cycles.extend(sources.cycles());
    }
    assert!(
        cycles.is_empty(),
        "{} import cycles:\n\n{}",
        cycles.len(),
        cycles.join("\n")
    );
}

/// Which files a file needs, and one path for each that shows it.
type Edges = BTreeMap<usize, BTreeMap<usize, String>>;

impl Crate {
    /// A re-export is no dependency of the file that has it, unless its own code uses the name.
    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (module, of) in self.modules.iter().enumerate() {
            let mut add = |path: &[String], is_glob: bool| {
                let target = match self.resolve(module, path, 0) {
                    Target::Item(target) => target,
                    Target::Module(target) if is_glob => target,
                    _ => return,
                };
                let target = self.modules[target].file;
                if target != of.file {
                    let shown = edges.entry(of.file).or_default().entry(target);
                    shown.or_insert_with(|| path.join("::"));
                }
            };
            for import in &of.imports {
                let is_used = || of.paths.iter().any(|path| path[0] == import.name);
                if !import.is_public || is_used() {
                    add(&import.path, false);
                }
            }
            for glob in &of.globs {
                add(glob, true);
            }
            for path in &of.paths {
                if path.len() > 1 {
                    add(path, false);
                }
            }
        }
        edges
    }

    /// The shortest cycle of three files or more through each edge that has one, as text.
    fn cycles(&self) -> BTreeSet<String> {
        let edges = self.edges();
        let mut cycles = BTreeSet::new();
        for (&from, targets) in &edges {
            for &to in targets.keys() {
                if let Some(path) = way_round(&edges, to, from) {
                    cycles.insert(self.shown(&edges, path));
                }
            }
        }
        cycles
    }

    /// One line for each file of a cycle, the first by name first.
    fn shown(&self, edges: &Edges, mut cycle: Vec<usize>) -> String {
        let start = cycle
            .iter()
            .enumerate()
            .min_by_key(|(_, file)| &self.files[**file]);
        let start = start.unwrap().0;
        cycle.rotate_left(start);
        let mut shown = String::new();
        for (i, file) in cycle.iter().enumerate() {
            let next = cycle[(i + 1) % cycle.len()];
            let path = self.files[*file].strip_prefix(repository("").canonicalize().unwrap());
            let path = path.unwrap_or(&self.files[*file]).display();
            shown.push_str(&format!("{path} uses {}\n", edges[file][&next]));
        }
        shown
    }
}

/// The shortest way from `from` to `to` other than the direct edge.
fn way_round(edges: &Edges, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for &next in edges.get(&at).into_iter().flat_map(BTreeMap::keys) {
            if (at, next) == (from, to) || before.contains_key(&next) {
                continue;
            }
            before.insert(next, at);
            queue.push_back(next);
        }
    }
    let mut way = vec![to];
    while *way.last()? != from {
        way.push(*before.get(way.last()?)?);
    }
    way.reverse();
    Some(way)
}

/// The cycles of a crate of these files, each as its lines.
fn cycles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (path, source) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, source).unwrap();
    }
    let cycles = Crate::read(&folder.path().join("lib.rs")).cycles();
    let prefix = format!("{}/", folder.path().display());
    cycles
        .iter()
        .map(|cycle| {
            cycle
                .lines()
                .map(|line| line.replace(&prefix, ""))
                .collect()
        })
        .collect()
}

#[test]
fn cycles_of_three_files_are_found_through_braces_and_re_exports() {
    let found = cycles_of(&[
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        (
            "a.rs",
            "use crate::{b::{self, B}, c as other}; pub struct A(b::B, B);",
        ),
        ("b.rs", "mod inner; pub(crate) use inner::B;"),
        (
            "b/inner.rs",
            "pub struct B; fn f() { super::super::c::g() }",
        ),
        ("c.rs", "pub fn g() { let _ = crate::A; }"),
    ]);
    let cycle = [
        "a.rs uses crate::b::B",
        "b/inner.rs uses super::super::c::g",
        "c.rs uses crate::A",
    ];
    assert_eq!(found, [cycle.map(str::to_owned).to_vec()]);
}

#[test]
fn pairs_of_files_re_exports_and_tests_are_no_cycles_of_three() {
    let found = cycles_of(&[
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        // With each of its submodules it is a pair.
        (
            "a.rs",
            "mod one; mod two; pub struct A; fn f() { one::f(); two::f(); }",
        ),
        ("a/one.rs", "use super::A; pub fn f() {}"),
        ("a/two.rs", "pub fn f() { let _ = super::A; }"),
        ("b.rs", "pub use crate::c::C; pub struct B;"),
        (
            "c.rs",
            "use crate::b::B; pub struct C(B); #[cfg(test)] mod tests { use crate::a::A; }",
        ),
    ]);
    assert!(found.is_empty(), "{found:?}");
}
