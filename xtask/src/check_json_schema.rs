//! `cargo xtask check-json-schema`: constraints on public suites of JSON Schema.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The suites are not part of this repository: the JSON-Schema-Test-Suite and the results of
/// llguidance for it, and the schemas of MaskBench in jsonschemabench.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// tokenizer.json with a token for every byte
    #[arg(long, value_name = "FILE")]
    tokenizer: PathBuf,

    /// The folder tests/draft2020-12 of the JSON-Schema-Test-Suite
    #[arg(long, value_name = "DIR", requires = "baseline")]
    suite: Option<PathBuf>,

    /// expected_json_schema_test_suite.json of llguidance
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// The folder maskbench/data of jsonschemabench
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

/// The program is built on demand, because nothing else needs its validator.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/json_schema/Cargo.toml");
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "--manifest-path"]);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/json_schema");
    command
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .arg("--");
    command.arg("--tokenizer").arg(&args.tokenizer);
    for (name, path) in [
        ("--suite", &args.suite),
        ("--baseline", &args.baseline),
        ("--schemas", &args.schemas),
    ] {
        if let Some(path) = path {
            command.arg(name).arg(path);
        }
    }
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "the check failed: {status}");
    Ok(())
}
