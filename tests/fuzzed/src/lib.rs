//! The fuzz targets, for `fuzz/` and for their replay in the ordinary tests.
//!
//! Each target is a function of bytes that must not panic: `fuzz/` calls it with inputs of
//! libFuzzer, `tests/suite/checkpoint/fuzz_replay.rs` with the inputs in the repository. For
//! accepted inputs it also asserts what must hold for them.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a target fails by panicking"
)]

mod checkpoint;
mod framing;
mod grammar;
mod request;
mod stream;
mod tokenizer;
mod verdict;

pub use verdict::Verdict;

/// A reader of untrusted bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the fuzz target and of its folders in `fuzz/`.
    pub name: &'static str,
    /// The longest useful input, in bytes.
    pub max_len: usize,
    /// Tries one input.
    ///
    /// # Panics
    /// If the target breaks one of its rules.
    pub run: fn(&[u8]) -> Verdict,
}

/// All targets.
pub const TARGETS: [Target; 8] = [
    Target {
        name: "pytorch",
        max_len: 16 << 10,
        run: checkpoint::pytorch,
    },
    Target {
        name: "safetensors",
        max_len: 8 << 10,
        run: checkpoint::safetensors,
    },
    Target {
        name: "native",
        max_len: 16 << 10,
        run: checkpoint::native,
    },
    Target {
        name: "gguf",
        max_len: 16 << 10,
        run: checkpoint::gguf,
    },
    Target {
        name: "tokenizer",
        max_len: 8 << 10,
        run: tokenizer::tokenizer,
    },
    Target {
        name: "stream",
        max_len: 512,
        run: stream::stream,
    },
    Target {
        name: "request",
        max_len: 4 << 10,
        run: request::request,
    },
    Target {
        name: "grammar",
        max_len: 4 << 10,
        run: grammar::grammar,
    },
];

/// Tries one input on the target `name`.
///
/// # Panics
/// If the target breaks one of its rules, or there is no such target.
pub fn run(name: &str, input: &[u8]) -> Verdict {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(input)
}
