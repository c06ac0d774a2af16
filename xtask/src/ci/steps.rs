//! What is checked, and in which order.

/// One of the things that must hold.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// Words without spaces in them.
    pub(super) command: &'static str,
    pub(super) env: &'static [(&'static str, &'static str)],
    /// Looks further when the command has succeeded, and may have something to say of it at the end.
    pub(super) then: Option<fn() -> anyhow::Result<Option<String>>>,
}

/// All but tch, which would need libtorch already there.
macro_rules! features {
    () => {
        "ndarray,wgpu,vulkan,cuda,autotune"
    };
}
pub(super) const FEATURES: &str = features!();

/// The build of cuda downloads an LLVM, except for documentation.
pub(super) const WITHOUT_LLVM: (&str, &str) = ("DOCS_RS", "1");

/// The cheapest first.
pub(super) const STEPS: [Step; 11] = [
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
        then: Some(super::toolchain::is_the_oldest),
    },
    Step {
        name: "deny",
        command: "cargo deny check licenses bans sources",
        env: &[],
        then: Some(super::advisories::check),
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
        then: Some(super::packages::compile),
    },
    // The workspace as a whole has a backend and the Hub; without any of them the command must build, too.
    Step {
        name: "lint-bare",
        command: "cargo clippy --package wolfgang-cli --no-default-features --locked -- --deny warnings",
        env: &[WITHOUT_LLVM],
        then: None,
    },
    Step {
        name: "neon",
        command: "rustc --version",
        env: &[],
        then: Some(super::neon::check),
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
];
