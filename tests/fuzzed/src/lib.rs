//! What the fuzz targets and their replay in the ordinary tests do with an input.
//!
//! Each target is one function of bytes that must not panic, whatever they are: `fuzz/` calls it with what libFuzzer
//! comes up with, `tests/suite/checkpoint/fuzz_replay.rs` with the inputs kept in the repository. Where an input is accepted,
//! the function also asserts what then must hold.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a target fails by panicking"
)]

mod checkpoint;
mod framing;
mod stream;
mod tokenizer;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was read to the end, and every law held.
    Accepted,
    /// It was an error.
    Refused,
}

/// Something that takes bytes from strangers.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As the fuzz target, and its folders below `fuzz/`, are called.
    pub name: &'static str,
    /// The longest input worth trying, in bytes.
    pub max_len: usize,
    /// Tries one input.
    ///
    /// # Panics
    /// If a law is broken, which is what all of this is for.
    pub run: fn(&[u8]) -> Verdict,
}

/// All of them.
pub const TARGETS: [Target; 5] = [
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
        name: "tokenizer",
        max_len: 8 << 10,
        run: tokenizer::tokenizer,
    },
    Target {
        name: "stream",
        max_len: 512,
        run: stream::stream,
    },
];

/// Tries one input on the target `name`.
///
/// # Panics
/// If a law is broken, or there is no such target.
pub fn run(name: &str, input: &[u8]) -> Verdict {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of this name").run)(input)
}
