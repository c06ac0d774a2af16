//! Tests of the whole pipeline against the original, of the command, and of the documents.
//!
//! The tests are in `suite/`. Cargo builds a package's binaries only for that package's own tests,
//! so the two in `src/bin/` are the command and the chores under names of their own: the same
//! `main` in a process of its own.

/// Compiles the Rust of a document as it stands there, and runs it unless it says `no_run`.
macro_rules! documents {
    ($($name:ident: $path:literal,)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../", $path))]
        struct $name;
    )*};
}

documents! {
    Readme: "README.md",
    Architecture: "docs/architecture.md",
    Backends: "docs/backends.md",
    Formats: "docs/formats.md",
    Migrating: "docs/migrating-from-python.md",
    Parity: "docs/parity.md",
    Performance: "docs/performance.md",
    Serving: "docs/serving.md",
    Stability: "docs/stability.md",
    Changelog: "CHANGELOG.md",
    Constrain: "crates/wolfgang-constrain/README.md",
    Sampling: "crates/wolfgang-sampling/README.md",
    Tokenize: "crates/wolfgang-tokenize/README.md",
    Kernels: "crates/wolfgang-kernels/README.md",
    Model: "crates/wolfgang-model/README.md",
    Checkpoint: "crates/wolfgang-checkpoint/README.md",
    Generate: "crates/wolfgang-generate/README.md",
    Bench: "crates/wolfgang-bench/README.md",
    Explain: "crates/wolfgang-explain/README.md",
    Serve: "crates/wolfgang-serve/README.md",
    Cli: "crates/wolfgang-cli/README.md",
}
