//! One configuration, measured in a process of its own: its peak of memory is its own, and its start is a start.

use super::{speeds, start};
use crate::error::UsageError;
use crate::failure::USAGE;
use crate::standard_streams;
use anyhow::{Context, anyhow};
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{DeviceName, ModelOptions, Precision, WolfgangModel};

/// What the hidden subcommand takes, which every program that measures must have.
#[derive(Args, Debug)]
pub struct CaseArgs {
    case: String,
}

/// The subcommand's name.
const SUBCOMMAND: &str = "bench-case";

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Case {
    pub(super) path: PathBuf,
    pub(super) device: String,
    pub(super) dtype: String,
    pub(super) threads: Option<NonZeroUsize>,
    pub(super) part: Part,
}

/// What is measured.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Part {
    /// From nothing to the first token of a prompt of this length.
    Start(usize),
    Speeds(speeds::Rounds),
}

/// How a model starts.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Start {
    pub(super) load_seconds: f64,
    pub(super) prompt_tokens: usize,
    pub(super) first_token_seconds: f64,
    pub(super) peak_memory_bytes: Option<u64>,
}

/// How a model runs, for each round.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Speeds {
    /// The device that the name led to.
    pub(super) device: String,
    pub(super) dtype: String,
    pub(super) threads: Option<usize>,
    pub(super) instructions: Option<String>,
    pub(super) weight_bytes: usize,
    /// Bytes a second.
    pub(super) read: Vec<f64>,
    /// Multiply-adds a second.
    pub(super) multiply_adds: Vec<f64>,
    /// Tokens a second, for each length of a prompt.
    pub(super) prefill: Vec<(usize, Vec<f64>)>,
    /// Tokens a second, for each position.
    pub(super) decode: Vec<(usize, Vec<f64>)>,
    /// Which of the positions the next are at.
    pub(super) together_at: usize,
    /// Tokens a second of all together, for each number of sequences.
    pub(super) together: Vec<(usize, Vec<f64>)>,
    /// Seconds that each step of a token takes, at the position furthest back.
    pub(super) steps: Vec<(String, f64)>,
}

impl Case {
    /// Runs this very program again with the case.
    pub(super) fn in_a_process<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let program =
            std::env::current_exe().context("failed to find the executable of this program")?;
        let output = Command::new(program)
            .args([SUBCOMMAND, &serde_json::to_string(self)?])
            .stderr(Stdio::piped())
            .output()
            .context("failed to start a benchmark process")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("no error message");
            let last = last.strip_prefix("error: ").unwrap_or(last);
            let message = format!(
                "failed to measure {} in {}: {last}",
                self.device, self.dtype
            );
            return Err(match output.status.code().map(u8::try_from) {
                Some(Ok(USAGE)) => UsageError(message).into(),
                _ => anyhow!(message),
            });
        }
        serde_json::from_slice(&output.stdout)
            .context("failed to parse the output of the benchmark process")
    }

    pub(super) fn load(&self) -> anyhow::Result<WolfgangModel> {
        let name: DeviceName = self.device.parse()?;
        let mut dtypes = Precision::ALL.into_iter();
        let dtype = dtypes.find(|dtype| dtype.to_string() == self.dtype);
        let options = ModelOptions::default()
            .with_precision(dtype.context("unknown dtype")?)
            .with_threads(self.threads);
        let checkpoint = Checkpoint::open(&self.path)?;
        Ok(checkpoint.into_model_with(&name.open()?, options, &mut ())?)
    }
}

/// Measures the case, and writes what comes out as JSON.
///
/// # Errors
/// Those of the model and the device.
pub fn run_case(args: &CaseArgs) -> anyhow::Result<()> {
    let case: Case = serde_json::from_str(&args.case)?;
    let json = match &case.part {
        Part::Start(prompt) => serde_json::to_string(&start::measure(&case, *prompt)?)?,
        Part::Speeds(rounds) => serde_json::to_string(&speeds::measure(&case, rounds)?)?,
    };
    let mut out = standard_streams::output();
    writeln!(out, "{json}")?;
    Ok(out.flush()?)
}
