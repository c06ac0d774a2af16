//! `cargo xtask fuzz`: runs the fuzz targets with limits of time and memory.

use anyhow::{Context, bail, ensure};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wolfgang_fuzzed::{TARGETS, Target};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Run only this target: pytorch, safetensors, native, gguf, tokenizer, stream, request or grammar
    target: Option<String>,

    /// Minutes per target
    #[arg(long, default_value_t = 30)]
    minutes: u64,
}

/// Limit of the time for one input, in seconds.
const MAX_SECONDS: u64 = 10;

/// Limit of the memory of a process, in MB.
const MAX_MEMORY: u64 = 1024;

/// The final statistics of libFuzzer.
#[derive(Default)]
struct Stats {
    executions: u64,
    seconds: u64,
    peak_mb: u64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let wanted = |target: &&Target| args.target.as_ref().is_none_or(|name| name == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(wanted).collect();
    if targets.is_empty() {
        let names = TARGETS.map(|target| target.name).join(", ");
        let found = args.target.as_deref().unwrap_or_default();
        bail!("there is no fuzz target {found}: expected {names}");
    }
    check_tools()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut out = std::io::stdout().lock();
    for target in targets {
        let stats = fuzz(&folder, target, args.minutes)?;
        writeln!(
            out,
            "{:<12} {:>12} executions in {:>6} s, {:>7}/s, at most {} MB",
            target.name,
            stats.executions,
            stats.seconds,
            stats.executions / stats.seconds.max(1),
            stats.peak_mb,
        )?;
    }
    Ok(())
}

/// Checks that cargo-fuzz and a nightly toolchain, which it requires, are installed.
fn check_tools() -> anyhow::Result<()> {
    let works = |args: &[&str]| {
        let status = Command::new("cargo")
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    ensure!(
        works(&["+nightly", "--version"]),
        "fuzzing needs a nightly toolchain: rustup toolchain install nightly"
    );
    ensure!(
        works(&["+nightly", "fuzz", "--version"]),
        "fuzzing needs cargo-fuzz: cargo install cargo-fuzz"
    );
    Ok(())
}

/// Runs one target. New inputs are added to its corpus; the inputs in the repository are only read.
fn fuzz(folder: &Path, target: &Target, minutes: u64) -> anyhow::Result<Stats> {
    let corpus = folder.join("corpus").join(target.name);
    std::fs::create_dir_all(&corpus)
        .with_context(|| format!("cannot make the folder {}", corpus.display()))?;
    let kept = |name: &str| folder.join(name).join(target.name);
    let existing = |path: &PathBuf| path.exists();
    let mut command = Command::new("cargo");
    command
        // The only unsafe code here is the memory mapping, and the address sanitizer is slow.
        .args(["+nightly", "fuzz", "run", "--sanitizer", "none"])
        .arg("--fuzz-dir")
        .arg(folder)
        .arg(target.name)
        .arg(corpus)
        .args(
            [kept("seeds"), kept("regressions")]
                .iter()
                .filter(|path| existing(path)),
        )
        .arg("--")
        .arg(format!("-max_total_time={}", minutes * 60))
        .arg(format!("-timeout={MAX_SECONDS}"))
        .arg(format!("-rss_limit_mb={MAX_MEMORY}"))
        .arg(format!("-max_len={}", target.max_len))
        .arg("-print_final_stats=1");
    let dictionary = kept("dictionaries").with_extension("dict");
    if existing(&dictionary) {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run cargo fuzz")?;
    let output = child
        .stderr
        .take()
        .context("cargo fuzz has no standard error")?;
    let mut stats = Stats::default();
    let mut shown = std::io::stderr().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(shown, "{line}")?;
        parse_line(&mut stats, &line);
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "{} failed ({status}); the input is named above",
        target.name
    );
    Ok(stats)
}

/// Parses a line of the final statistics.
fn parse_line(stats: &mut Stats, line: &str) {
    let number = |text: &str| text.trim().parse().unwrap_or(0);
    if let Some((name, value)) = line.split_once(": ") {
        match name {
            "stat::number_of_executed_units" => stats.executions = number(value),
            "stat::peak_rss_mb" => stats.peak_mb = number(value),
            _ => {}
        }
    }
    // "Done 123 runs in 45 second(s)"
    if let ["Done", _, "runs", "in", seconds, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
    {
        stats.seconds = number(seconds);
    }
}
