//! `cargo xtask test-backends`: runs `tests/suite/parity/backends.rs` on every backend that this
//! machine has.

use crate::torch::Torch;
use anyhow::{Context, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the tests once with all of these backends that can run here, and prints one line for each
/// backend and one for the names of devices.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Backends to test
    #[arg(value_name = "BACKEND", default_values = ["flex", "ndarray", "wgpu", "tch", "cuda"])]
    backends: Vec<Backend>,

    /// Backends that may not be skipped
    #[arg(long, value_name = "BACKEND", value_delimiter = ',')]
    require: Vec<Backend>,

    /// Python interpreter with the version of torch that tch requires
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Backend {
    Flex,
    Ndarray,
    Wgpu,
    Tch,
    Cuda,
}

impl Backend {
    fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Tch => "tch",
            Self::Cuda => "cuda",
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let torch = Torch::find(&args.python);
    let missing = |backend: Backend| match backend {
        Backend::Tch => torch.as_ref().err().map(ToString::to_string),
        Backend::Cuda if !Path::new("/proc/driver/nvidia/version").exists() => {
            Some("there is no NVIDIA driver on this machine".to_owned())
        }
        _ => None,
    };
    let backends: Vec<_> = args.backends.iter().map(|b| (*b, missing(*b))).collect();
    let features: Vec<_> = backends
        .iter()
        .filter(|(backend, missing)| *backend != Backend::Flex && missing.is_none())
        .map(|(backend, _)| backend.feature())
        .collect();
    let cargo = |arguments: &[&str]| -> anyhow::Result<Command> {
        let mut command = Command::new("cargo");
        command.args(arguments);
        if !features.is_empty() {
            command.arg("--features").arg(features.join(","));
        }
        if let (Ok(torch), true) = (&torch, features.contains(&"tch")) {
            torch.use_in(&mut command)?;
        }
        // On a software GPU, the full autotuning takes minutes.
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
        Ok(command)
    };

    // `--workspace` selects the same features of dependencies as in any other build.
    let suite = ["test", "--workspace", "--locked", "--test", "suite"];
    let built = cargo(&suite)?.arg("--no-run").status();
    ensure!(built?.success(), "the tests cannot be built");
    let mut failed = Vec::new();
    let mut runs = Vec::new();
    for (backend, missing) in backends {
        let name = backend.feature();
        match missing {
            None => runs.push((name, format!("backends::{name}::"))),
            Some(reason) => {
                print_result(name, &format!("skipped: {reason}"))?;
                if args.require.contains(&backend) {
                    failed.push(name);
                }
            }
        }
    }
    runs.push(("names", "devices::".to_owned()));
    for (name, filter) in runs {
        let mut tests = cargo(&suite)?;
        let output = tests.args(["--quiet", "--", &filter]).output()?;
        let output_text = String::from_utf8_lossy(&output.stdout);
        let result = output_text
            .lines()
            .find_map(|l| l.strip_prefix("test result: "));
        match result {
            Some(result) if output.status.success() && !result.starts_with("ok. 0 passed") => {
                print_result(name, result)?;
            }
            _ => {
                print_result(name, "FAILED")?;
                std::io::stderr().write_all(&output.stdout)?;
                std::io::stderr().write_all(&output.stderr)?;
                failed.push(name);
            }
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn print_result(backend: &str, result: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{backend:<8} {result}").context("cannot write to standard output")
}
