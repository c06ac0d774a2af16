//! `cargo xtask bench-devices`: the standard shape on any device, beside PyTorch.

use crate::devices::Devices;
use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use wolfgang_bench::{Bench, BenchOptions};
use wolfgang_generate::{ModelConfig, Precision};

const PREFILL: usize = 448;
const POSITIONS: [usize; 2] = [64, 448];

/// Random weights: speed does not depend on them. Builds itself anew with the backends that it
/// needs.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    devices: Devices,

    /// Measure PyTorch, too, on its device of this name: cpu, cuda
    #[arg(long, value_name = "DEVICE")]
    torch: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    args.devices.with_backends(true, || measure(args))
}

/// Measures and prints tables, one behind the other.
fn measure(args: &Args) -> anyhow::Result<()> {
    let config = ModelConfig::default();
    let mut out = std::io::stdout().lock();
    for name in &args.devices.devices {
        let supported = Precision::supported_by(&name.open()?);
        for dtype in &args.devices.dtypes {
            if !supported.contains(dtype) {
                writeln!(out, "{name} does not compute in {dtype}\n")?;
                continue;
            }
            let bench = Bench::new(&BenchOptions {
                devices: vec![*name],
                precisions: vec![*dtype],
                prefill: vec![PREFILL],
                depth: POSITIONS.to_vec(),
                ..BenchOptions::default()
            })?;
            for configuration in bench.configurations() {
                bench.measure(configuration)?.write_table(true, &mut out)?;
            }
            writeln!(out)?;
        }
    }
    if let Some(device) = &args.torch {
        for dtype in &args.devices.dtypes {
            let answer = torch(args, device, *dtype, &config)?;
            for (mode, speeds) in [("eager", answer.eager), ("compiled", answer.compiled)] {
                writeln!(
                    out,
                    "\nPyTorch {} {mode} on {device} in {dtype}",
                    answer.version
                )?;
                for (what, speed) in speeds {
                    writeln!(out, "{what:<15} {speed:6.1} tokens/s")?;
                }
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Answer {
    version: String,
    eager: BTreeMap<String, f64>,
    compiled: BTreeMap<String, f64>,
}

/// PyTorch's medians, by `xtask/python/bench_torch.py`.
fn torch(
    args: &Args,
    device: &str,
    dtype: Precision,
    config: &ModelConfig,
) -> anyhow::Result<Answer> {
    let dtype = match dtype {
        Precision::F32 => "float32",
        Precision::F16 => "float16",
        Precision::Bf16 => "bfloat16",
        other => bail!("PyTorch is not measured in {other}"),
    };
    let bench = BenchOptions::default();
    let question = json!({
        "device": device, "dtype": dtype, "config": config, "prefill": PREFILL, "positions": POSITIONS,
        "decoded": bench.tokens, "repetitions": bench.repetitions,
    });
    let output = Command::new(&args.devices.python)
        .args(["-c", include_str!("../python/bench_torch.py")])
        .arg(question.to_string())
        .output()
        .with_context(|| format!("cannot run {}", args.devices.python.display()))?;
    ensure!(
        output.status.success(),
        "PyTorch failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
