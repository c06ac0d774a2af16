//! `cargo xtask bench-devices`: the standard shape on any device, beside PyTorch.

use crate::bench_peers::torch_name;
use crate::devices::Devices;
use crate::measured_program;
use anyhow::Context;
use serde_json::json;
use std::io::Write;
use std::num::NonZeroUsize;
use wolfgang_bench::{Bench, BenchOptions};
use wolfgang_generate::{ModelConfig, Precision};

const PREFILL: usize = 448;
const POSITIONS: [usize; 2] = [64, 448];
const DECODED: NonZeroUsize = NonZeroUsize::new(48).unwrap();

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
                tokens: Some(DECODED),
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
            for compiled in [false, true] {
                torch(args, device, *dtype, compiled, &config, &mut out)?;
            }
        }
    }
    Ok(())
}

/// PyTorch's medians, by `xtask/python/bench_torch.py`.
fn torch(
    args: &Args,
    device: &str,
    dtype: Precision,
    compiled: bool,
    config: &ModelConfig,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let name = torch_name(dtype).with_context(|| format!("PyTorch is not measured in {dtype}"))?;
    let repetitions = BenchOptions::default().repetitions;
    let question = json!({
        "device": device, "dtype": name, "compiled": compiled, "config": config, "prefill": [PREFILL],
        "positions": POSITIONS, "decoded": DECODED, "repetitions": repetitions, "threads": null,
    });
    let script = include_str!("../python/bench_torch.py");
    let measured = measured_program::run(&args.devices.python, script, &question)?;
    let mode = if compiled { "compiled" } else { "eager" };
    writeln!(out, "\n{} {mode} on {device} in {dtype}", measured.version)?;
    let decodes = POSITIONS.map(|position| format!("decode at {position}"));
    let titles = std::iter::once("prefill".to_owned()).chain(decodes);
    for (what, speed) in titles.zip(measured.speeds) {
        writeln!(out, "{what:<15} {speed:6.1} tokens/s")?;
    }
    Ok(())
}
