//! `cargo xtask bench`: prefill and decode of the standard shape, on any device, beside PyTorch.

use crate::devices::Devices;
use anyhow::{Context, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::time::Instant;
use wolfgang_generate::{Device, ModelConfig, Precision, Wolfgang};
use wolfgang_model::{KvCache, ModelError, to_host};

const PREFILL: usize = 448;
const POSITIONS: [usize; 2] = [64, 448];
const DECODED: usize = 48;
const REPETITIONS: usize = 5;

/// Random weights: speed does not depend on them. Builds itself anew with the backends that it needs.
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

/// Measures and prints tokens a second: median, and the range of the repetitions.
fn measure(args: &Args) -> anyhow::Result<()> {
    let config = ModelConfig::default();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} random weights", config.n_parameters())?;
    for name in &args.devices.devices {
        let device = name.open()?;
        for dtype in &args.devices.dtypes {
            let model = match random_model(&config, &device, *dtype) {
                Ok(model) => model,
                Err(error @ ModelError::UnsupportedPrecision { .. }) => {
                    writeln!(out, "\n{name} in {dtype}: {error}")?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            writeln!(out, "\n{name} in {dtype}")?;
            for (what, speeds) in speeds(&model)? {
                writeln!(out, "{what:<15} {}", summary(speeds))?;
            }
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

/// Tokens a second of each repetition, for each thing measured.
fn speeds(model: &Wolfgang) -> anyhow::Result<Vec<(String, Vec<f64>)>> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut id = || (rng.next_u32() as usize % model.config().vocab_size) as u32;
    let prompt: Vec<u32> = (0..PREFILL).map(|_| id()).collect();
    let decoded: Vec<u32> = (0..DECODED).map(|_| id()).collect();

    let mut measured = vec![(format!("prefill of {PREFILL}"), Vec::new())];
    measured.extend(POSITIONS.map(|position| (format!("decode at {position}"), Vec::new())));
    for repetition in 0..=REPETITIONS {
        let mut cache = model.new_cache()?;
        let mut speeds = vec![tokens_per_second(PREFILL, || {
            run_model(model, &prompt, &mut cache)
        })?];
        for position in POSITIONS {
            cache.truncate(position);
            speeds.push(tokens_per_second(DECODED, || {
                decoded
                    .iter()
                    .try_for_each(|id| run_model(model, &[*id], &mut cache))
            })?);
        }
        // The first round warms up.
        if repetition > 0 {
            for ((_, all), speed) in measured.iter_mut().zip(speeds) {
                all.push(speed);
            }
        }
    }
    Ok(measured)
}

/// A model of this shape whose logits are of a trained model's size.
fn random_model(
    config: &ModelConfig,
    device: &Device,
    precision: Precision,
) -> Result<Wolfgang, ModelError> {
    Wolfgang::from_weights(config, device, precision, |parameter| {
        let seed = parameter.name.bytes().map(u64::from).sum();
        Ok(Box::new(move |rows: Range<usize>, weights: &mut [f32]| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(rows.start as u64);
            weights.fill_with(|| (rng.next_u32() as f32 / u32::MAX as f32 - 0.5) * 0.07);
            Ok(())
        }))
    })
}

/// One call of the model, up to the logits in host memory.
fn run_model(model: &Wolfgang, ids: &[u32], cache: &mut KvCache) -> anyhow::Result<()> {
    std::hint::black_box(to_host(model.forward_cached(ids, cache)?)?);
    Ok(())
}

fn tokens_per_second(
    tokens: usize,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
}

fn summary(mut speeds: Vec<f64>) -> String {
    speeds.sort_by(f64::total_cmp);
    let [slowest, .., fastest] = speeds[..] else {
        return String::new();
    };
    let median = speeds[speeds.len() / 2];
    format!("{median:6.1} tokens/s ({slowest:.1} to {fastest:.1})")
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
        Precision::Int8 => bail!("PyTorch is not measured in int8"),
    };
    let question = json!({
        "device": device, "dtype": dtype, "config": config, "prefill": PREFILL, "positions": POSITIONS,
        "decoded": DECODED, "repetitions": REPETITIONS,
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
