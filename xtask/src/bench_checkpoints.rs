//! `cargo xtask bench-checkpoints`: seconds and peak memory of loading and converting each form.

use crate::release_build::with_release_build;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use wolfgang_bench::{Statistics, peak_memory_bytes};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, Target, convert, load};
use wolfgang_generate::Device;

const REPETITIONS: usize = 5;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A .pt of the standard shape: python3 xtask/python/make_checkpoint.py FILE makes one (907 MB,
    /// needs torch)
    checkpoint: PathBuf,

    /// An empty folder for the other forms, on the same disk; they stay there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// One measured step, run in a separate process so that its peak memory can be measured.
#[derive(clap::Args, Debug)]
pub(crate) struct StepArgs {
    input: PathBuf,
    #[arg(long)]
    out: Option<PathBuf>,
    #[arg(long)]
    huggingface: bool,
    #[arg(long)]
    bf16: bool,
    #[arg(long, conflicts_with_all = ["bf16", "huggingface"])]
    int8: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

#[expect(clippy::print_stdout, reason = "a program may speak")]
fn measure(args: &Args) -> anyhow::Result<()> {
    let out = args.out.display();
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {out}"))?;
    println!("| step | seconds | peak memory |\n| --- | --- | --- |");
    let pt = args.checkpoint.as_path();
    let measure = |what: &str, input: &Path, more: &[&str]| -> anyhow::Result<()> {
        let (seconds, peak) = median(input, more)?;
        println!("| {what} | {seconds:.3} | {peak:.0} MB |");
        Ok(())
    };
    let forms: [(&str, &[&str]); 5] = [
        ("native f32", &[]),
        ("native bf16", &["--bf16"]),
        ("native int8", &["--int8"]),
        ("Hugging Face f32", &["--huggingface"]),
        ("Hugging Face bf16", &["--huggingface", "--bf16"]),
    ];
    measure("load .pt", pt, &[])?;
    for (name, options) in forms {
        let out = args.out.join(name.replace(' ', "-"));
        let to = out.to_string_lossy();
        let options = [options, &["--out", &to]].concat();
        measure(&format!(".pt → {name}"), pt, &options)?;
        measure(&format!("load {name}"), &out, &[])?;
    }
    let native = args.out.join("native-f32");
    let back = args.out.join("there-and-back");
    let to = back.to_string_lossy();
    measure(
        "native f32 → Hugging Face f32",
        &native,
        &["--huggingface", "--out", &to],
    )
}

/// Seconds and MB, of as many runs as there are repetitions. The first, which warms the file cache,
/// does not count.
fn median(input: &Path, options: &[&str]) -> anyhow::Result<(f64, f64)> {
    let mut seconds = Vec::new();
    let mut peaks = Vec::new();
    for repetition in 0..=REPETITIONS {
        let output = Command::new(std::env::current_exe()?)
            .arg("measured-step")
            .arg(input)
            .args(options)
            .output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let told = String::from_utf8(output.stdout)?;
        let (time, peak) = told.trim().split_once(' ').context("two numbers")?;
        if repetition > 0 {
            seconds.push(time.parse()?);
            peaks.push(peak.parse()?);
        }
    }
    let median = |samples: Vec<f64>| {
        let statistics = Statistics::from_samples(samples).context("there are no samples")?;
        anyhow::Ok(statistics.median)
    };
    Ok((median(seconds)?, median(peaks)?))
}

/// Loads, or converts if there is a target, and prints seconds and MB.
#[expect(clippy::print_stdout, reason = "a program may speak")]
pub(crate) fn step(args: &StepArgs) -> anyhow::Result<()> {
    let start = Instant::now();
    if let Some(out) = &args.out {
        let options = ConvertOptions::default()
            .with_target(if args.huggingface {
                Target::HuggingFace
            } else {
                Target::Native
            })
            .with_precision(match (args.bf16, args.int8) {
                (true, _) => Some(Precision::Bf16),
                (_, true) => Some(Precision::Int8),
                _ => None,
            })
            .with_replace(true);
        convert(&Checkpoint::open(&args.input)?, out, &options, &mut ())?;
    } else {
        std::hint::black_box(load(&args.input, &Device::flex())?);
    }
    let seconds = start.elapsed().as_secs_f64();
    let peak = peak_memory_bytes().context("peak memory is known on Linux only")?;
    println!("{seconds} {}", peak as f64 / 1e6);
    Ok(())
}
