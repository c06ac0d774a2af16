//! Tests of the whole pipeline against the original, of the command, and of the README.
//!
//! The tests are in `suite/`. Cargo builds a package's binaries only for that package's own tests, so the two in
//! `src/bin/` are the command and the chores under names of their own: the same `main` in a process of its own.

/// The README's Rust is compiled as it stands.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
