//! `cargo xtask check-determinism`: the same request gives the same text, however it is sent.

mod cases;
mod programs;
mod workers;

use crate::release_build::with_release_build;
use crate::serving::{Answer, Client};
use anyhow::{Context, ensure};
use cases::{Case, PROMPTS, TOKENS};
use programs::{Generated, Programs};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use workers::for_all;

/// Generates texts of the built-in model for 50 prompts with 5 sets of parameters each: with
/// `wolfgang generate`, `wolfgang run-batch` and `wolfgang serve`; streamed and not; alone and next
/// to 31 others; while others are cancelled; after a restart; and with one thread. All must have
/// the same bytes and ids.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The `wolfgang` program to check. Without it, this program, built in release mode
    #[arg(long, value_name = "PATH")]
    wolfgang: Option<PathBuf>,

    /// Number of prompts, at most 50
    #[arg(long, value_name = "N", default_value_t = PROMPTS as u64, value_parser = clap::value_parser!(u64).range(1..=PROMPTS as u64))]
    prompts: u64,
}

/// Number of clients that send requests at the same time, of which each has 31 others next to it.
const CLIENTS: usize = 32;

/// Number of clients next to which requests are cancelled.
const FEW_CLIENTS: usize = 8;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let is_rebuilt = args.wolfgang.is_none();
    with_release_build(&[], is_rebuilt, Path::new("python3"), || check(args))
}

fn check(args: &Args) -> anyhow::Result<()> {
    let cases = cases::all(usize::try_from(args.prompts)?);
    let folder = tempfile::tempdir()?;
    let programs = Programs::new(args.wolfgang.as_deref(), folder.path())?;

    let begun = Instant::now();
    let expected = for_all(&cases, 2, |_, case| programs.generate(case))?;
    let all: Vec<(&Case, &Generated)> = cases.iter().zip(&expected).collect();
    let tokens: usize = expected.iter().map(|one| one.ids.len()).sum();
    report(
        begun,
        &format!("generate: {} texts, {tokens} tokens", cases.len()),
    )?;

    let begun = Instant::now();
    let found = programs.run_batch(&cases)?;
    ensure!(found.len() == all.len(), "{} responses", found.len());
    for (pair, found) in all.iter().zip(found) {
        same(pair, found, "run-batch")?;
    }
    report(begun, "run-batch: identical")?;

    let server = programs.serve("first", CLIENTS, &[])?;
    let client = server.client();
    for (stream, kind) in [(false, "alone"), (true, "alone, streamed")] {
        let begun = Instant::now();
        for pair in &all {
            same(pair, answer(&client, pair.0, stream)?, kind)?;
        }
        report(begun, &format!("{kind}: identical"))?;
    }
    let alternating = |client: &Client, n: usize, pair: &(&Case, &Generated), kind: &str| {
        let found = answer(client, pair.0, n.is_multiple_of(2))?;
        same(pair, found, kind)
    };
    let begun = Instant::now();
    let kind = "next to 31 others";
    for_all(&all, CLIENTS, |n, pair| {
        alternating(&server.client(), n, pair, kind)
    })?;
    report(begun, &format!("{kind}: identical"))?;

    let begun = Instant::now();
    let kind = "next to and after cancelled requests";
    // Between two requests of which the texts are compared, one is cancelled.
    for_all(&all, FEW_CLIENTS, |n, pair| {
        let client = server.client();
        client.abandon(&pair.0.body(true), n % TOKENS)?;
        alternating(&client, n, pair, kind)
    })?;
    report(begun, &format!("{kind}: identical"))?;
    drop(server);

    for (name, options, kind) in [
        ("second", &[][..], "after a restart"),
        ("third", &["--threads", "1"], "with one thread"),
    ] {
        let begun = Instant::now();
        let server = programs.serve(name, CLIENTS, options)?;
        for_all(&all, FEW_CLIENTS, |n, pair| {
            alternating(&server.client(), n, pair, kind)
        })?;
        report(begun, &format!("{kind}: identical"))?;
    }
    Ok(())
}

/// Sends a request of a case.
fn answer(client: &Client, case: &Case, stream: bool) -> anyhow::Result<Generated> {
    let Answer {
        status, text, ids, ..
    } = client.complete_body(&case.body(stream))?;
    ensure!(status == 200, "status {status}: {text}");
    Ok(Generated { text, ids })
}

/// Compares a text with the one that `wolfgang generate` printed.
fn same(
    (case, expected): &(&Case, &Generated),
    found: Generated,
    kind: &str,
) -> anyhow::Result<()> {
    ensure!(
        found == **expected,
        "{kind}, {} is {found:?}, but generate printed {expected:?}",
        case.body(false)
    );
    Ok(())
}

fn report(begun: Instant, line: &str) -> anyhow::Result<()> {
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(std::io::stdout().lock(), "{line} ({seconds:.1} s)")
        .context("cannot write to standard output")
}
