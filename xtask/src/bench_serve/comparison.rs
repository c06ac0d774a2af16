//! Throughput and latency, next to llama-server.

use super::args::Args;
use super::load::{PROMPT, TOKENS, closed_loop, complete, percentiles};
use super::servers::Servers;
use crate::serving::{Answer, Client, ServerProcess};
use anyhow::{Context, anyhow};
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wolfgang_bench::{Bench, BenchOptions, Statistics};
use wolfgang_generate::{DeviceId, DeviceName};

/// Answers that all clients together receive in one measurement, at least.
const ANSWERS: usize = 8;

/// From one request of `/health` to the next.
const HEALTH_INTERVAL: Duration = Duration::from_millis(20);

/// One measurement.
struct Measured {
    tokens_per_second: f64,
    /// Percentiles of the time to the first token, in milliseconds.
    first: [f64; 3],
    /// Percentiles of the time between two tokens, in milliseconds.
    gaps: [f64; 3],
    /// Tokens a second of an answer behind its first token.
    decode: f64,
}

pub(super) fn measure(args: &Args, servers: &Servers, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "\nPrompts of {PROMPT} tokens, answers of {TOKENS}; medians of {} rounds; times in ms (p50 / p90 / p99), and \
         the ratio of tokens/s within a round\n\n\
         | | clients | server | tokens/s | first token | between tokens | times llama-server |\n\
         | --- | ---: | --- | ---: | ---: | ---: | ---: |",
        args.rounds
    )?;
    let mut health = Vec::new();
    let mut alone = Vec::new();
    for dtype in &args.dtypes {
        for &clients in &args.clients {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..args.rounds.get() {
                let server = servers.wolfgang(dtype, clients, &[])?;
                // One client is compared with `wolfgang bench`, so nothing else takes time.
                let measured = if clients == 1 {
                    let measured = one(&server, clients)?;
                    drop(server);
                    alone.push((dtype, measured.decode / bench(args, servers, dtype)?));
                    measured
                } else {
                    let (measured, of_health) =
                        with_health(server.address(), || one(&server, clients))?;
                    health.extend(of_health);
                    measured
                };
                ours.push(measured);
                if let Some(server) = servers.llama(dtype, clients)? {
                    theirs.push(one(&server, clients)?);
                }
            }
            let rates = |rounds: &[Measured]| -> Vec<f64> {
                rounds.iter().map(|round| round.tokens_per_second).collect()
            };
            let pairs = rates(&ours).into_iter().zip(rates(&theirs));
            let times = median(pairs.map(|(ours, theirs)| ours / theirs));
            let times = times.map_or_else(String::new, |times| format!("{times:.2}"));
            row(out, dtype, clients, "wolfgang", &ours, &times)?;
            if !theirs.is_empty() {
                row(out, dtype, clients, "llama-server", &theirs, "")?;
            }
        }
    }
    writeln!(out)?;
    for dtype in &args.dtypes {
        let shares = alone.iter().filter(|(of, _)| *of == dtype);
        if let Some(share) = median(shares.map(|(_, share)| *share)) {
            writeln!(
                out,
                "{dtype}, one client: {:.1} % of the decode rate of `wolfgang bench`",
                share * 100.0
            )?;
        }
    }
    if !health.is_empty() {
        let [p50, p90, p99] = percentiles(&health);
        writeln!(
            out,
            "/health next to several clients: {p50:.2} / {p90:.2} / {p99:.2} ms, {} requests",
            health.len()
        )?;
    }
    Ok(())
}

fn row(
    out: &mut impl Write,
    dtype: &str,
    clients: usize,
    server: &str,
    rounds: &[Measured],
    times: &str,
) -> anyhow::Result<()> {
    let over_rounds = |pick: &dyn Fn(&Measured) -> f64| {
        median(rounds.iter().map(pick)).context("there are no rounds")
    };
    let rate = over_rounds(&|round| round.tokens_per_second)?;
    let mut cells = Vec::new();
    for pick in [
        |round: &Measured| round.first,
        |round: &Measured| round.gaps,
    ] {
        let values: anyhow::Result<Vec<_>> = (0..3)
            .map(|at| Ok(format!("{:.1}", over_rounds(&|round| pick(round)[at])?)))
            .collect();
        cells.push(values?.join(" / "));
    }
    writeln!(
        out,
        "| {dtype} | {clients} | {server} | {rate:.0} | {} | {} | {times} |",
        cells[0], cells[1]
    )?;
    Ok(())
}

fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    Some(Statistics::from_samples(values)?.median)
}

/// The same work for each server: as many requests from each client.
fn one(server: &ServerProcess, clients: usize) -> anyhow::Result<Measured> {
    complete(&server.client())?;
    let each = (ANSWERS / clients).max(3);
    let start = Instant::now();
    let answers = closed_loop(server.address(), clients, |sent| sent < each)?;
    let seconds = start.elapsed().as_secs_f64();
    let first: Vec<_> = answers.iter().filter_map(Answer::first_piece).collect();
    let gaps: Vec<_> = answers.iter().flat_map(gaps).collect();
    // The time of the tokens behind the first.
    let decoding: f64 = gaps.iter().sum();
    Ok(Measured {
        tokens_per_second: (answers.len() * TOKENS) as f64 / seconds,
        first: percentiles(&first),
        gaps: percentiles(&gaps),
        decode: (answers.len() * (TOKENS - 1)) as f64 / decoding,
    })
}

/// Seconds between the pieces of an answer.
fn gaps(answer: &Answer) -> impl Iterator<Item = f64> {
    let pairs = answer.pieces.windows(2);
    pairs.map(|pair| (pair[1] - pair[0]).as_secs_f64())
}

/// The decode rate at the same positions without a server.
fn bench(args: &Args, servers: &Servers, dtype: &str) -> anyhow::Result<f64> {
    let bench = Bench::new(&BenchOptions {
        model: Some(servers.weights()),
        devices: vec![DeviceName::Specific(DeviceId::Flex)],
        precisions: vec![dtype.parse()?],
        threads: vec![args.threads],
        prefill: vec![PROMPT],
        depth: vec![PROMPT],
        tokens: NonZeroUsize::new(TOKENS),
        sequences: vec![NonZeroUsize::MIN],
        ..BenchOptions::default()
    })?;
    let configuration = bench.configurations().first();
    let report = bench.measure(configuration.context("there is nothing to measure")?)?;
    let decode = report.decode.first().context("a measurement is missing")?;
    Ok(decode.tokens_per_second.median)
}

/// Asks for `/health` while `act` runs. Returns the seconds of each answer.
fn with_health<T: Send>(
    address: SocketAddr,
    act: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Vec<f64>)> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let prober = scope.spawn(|| -> anyhow::Result<Vec<f64>> {
            let client = Client::new(address);
            let mut seconds = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let start = Instant::now();
                anyhow::ensure!(client.get("/health")? == 200, "/health is not 200");
                seconds.push(start.elapsed().as_secs_f64());
                std::thread::sleep(HEALTH_INTERVAL);
            }
            Ok(seconds)
        });
        let result = act();
        is_over.store(true, Ordering::Relaxed);
        let seconds = prober
            .join()
            .map_err(|_| anyhow!("the prober panicked"))??;
        Ok((result?, seconds))
    })
}
