//! The steps in their order.

use super::features::{WITHOUT_LLVM, features};
use super::{advisories, clients, neon, packages, platforms, python, smollm2, toolchain};

/// A check.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// A command line whose words contain no spaces.
    pub(super) command: &'static str,
    pub(super) env: &'static [(&'static str, &'static str)],
    /// A further check after the command; it may return a remark for the summary.
    pub(super) then: Option<fn() -> anyhow::Result<Option<String>>>,
}

/// The cheapest first.
pub(super) const STEPS: [Step; 15] = [
    Step {
        name: "format",
        command: "cargo fmt --all -- --check",
        env: &[],
        then: None,
    },
    Step {
        name: "spelling",
        command: "typos",
        env: &[],
        then: None,
    },
    Step {
        name: "toolchain",
        command: "rustc --version",
        env: &[],
        then: Some(toolchain::is_the_oldest),
    },
    Step {
        name: "deny",
        command: "cargo deny check licenses bans sources",
        env: &[],
        then: Some(advisories::check),
    },
    Step {
        name: "lint",
        command: concat!(
            "cargo clippy --workspace --all-targets --locked --features ",
            features!(),
            " -- --deny warnings"
        ),
        env: &[WITHOUT_LLVM],
        then: None,
    },
    Step {
        name: "package",
        command: "cargo package --workspace --exclude wolfgang-fuzzed --exclude wolfgang-tests --exclude xtask \
                  --locked --allow-dirty --no-metadata --no-verify",
        env: &[],
        then: Some(packages::compile),
    },
    // The command must also compile without a backend and without the Hub.
    Step {
        name: "lint-bare",
        command: "cargo clippy --package wolfgang-cli --no-default-features --locked -- --deny warnings",
        env: &[WITHOUT_LLVM],
        then: None,
    },
    Step {
        name: "platforms",
        command: "rustc --version",
        env: &[],
        then: Some(platforms::check),
    },
    Step {
        name: "neon",
        command: "rustc --version",
        env: &[],
        then: Some(neon::check),
    },
    Step {
        name: "document",
        command: concat!(
            "cargo doc --workspace --no-deps --locked --features ",
            features!()
        ),
        env: &[WITHOUT_LLVM, ("RUSTDOCFLAGS", "--deny warnings")],
        then: None,
    },
    // The cases of flex are in the step `test`.
    Step {
        name: "backends",
        command: "cargo xtask test-backends ndarray wgpu tch cuda --require ndarray,wgpu \
                  --python target/torch/bin/python3",
        env: &[],
        then: None,
    },
    Step {
        name: "test",
        command: "cargo test --workspace",
        env: &[],
        then: None,
    },
    // With the artifacts of the step `test`.
    Step {
        name: "python",
        command: "cargo build --workspace --locked",
        env: &[],
        then: Some(python::check),
    },
    // With the program that the step `test` has built.
    Step {
        name: "smollm2",
        command: "rustc --version",
        env: &[],
        then: Some(smollm2::check),
    },
    Step {
        name: "clients",
        command: "rustc --version",
        env: &[],
        then: Some(clients::check),
    },
];
