//! Measurements in separate processes, so that the peak memory is that of one model, and a load
//! time includes the start.

use crate::case::{Case, Measurement};
use crate::{BenchError, load_time, throughput};
use serde::de::DeserializeOwned;
use std::process::{Command, Stdio};

/// First argument of the processes that [`Bench::measure`](crate::Bench::measure) starts. The
/// second is the parameter of [`run_case`].
pub const CASE_COMMAND: &str = "bench-case";

/// Runs a measurement in this process and returns its result, one line of JSON that must be printed
/// to standard output.
///
/// # Errors
/// [`BenchError::Json`] if this is not a case, [`BenchError::Checkpoint`], [`BenchError::Model`].
pub fn run_case(case: &str) -> Result<String, BenchError> {
    let case: Case = serde_json::from_str(case).map_err(BenchError::json("parse the case"))?;
    let json = match &case.measurement {
        Measurement::LoadTime { prompt_tokens } => {
            serde_json::to_string(&load_time::measure(&case, *prompt_tokens)?)
        }
        Measurement::Throughput(workload) => {
            serde_json::to_string(&throughput::measure(&case, workload)?)
        }
    };
    json.map_err(BenchError::json("serialise the result"))
}

/// Runs this program again with the case.
pub(crate) fn measure_in_process<T: DeserializeOwned>(case: &Case) -> Result<T, BenchError> {
    let program =
        std::env::current_exe().map_err(BenchError::io("find the executable of this program"))?;
    let argument = serde_json::to_string(case).map_err(BenchError::json("serialise the case"))?;
    let output = Command::new(program)
        .args([CASE_COMMAND, &argument])
        .stderr(Stdio::piped())
        .output()
        .map_err(BenchError::io("start a benchmark process"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        // Without a message, the exit status is reported, for example a signal.
        let message = stderr.lines().last().map(str::to_owned);
        let message = message.unwrap_or_else(|| output.status.to_string());
        return Err(BenchError::CaseFailed {
            configuration: case.configuration,
            message: message.trim_start_matches("error: ").to_owned(),
            exit_code: output.status.code(),
        });
    }
    serde_json::from_slice(&output.stdout).map_err(BenchError::json(
        "parse the output of the benchmark process",
    ))
}
