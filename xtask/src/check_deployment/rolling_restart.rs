//! The restart of one replica after the other, under load.

use super::args::Args;
use super::load::{self, CLIENTS};
use super::replica::Replica;
use crate::serving::{Completion, ServerProcess};
use anyhow::ensure;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a replica may take to finish its answers.
const DRAIN: Duration = Duration::from_secs(60);

/// How long the proxy may take to give further answers.
const PROGRESS: Duration = Duration::from_secs(60);

/// The pause between two restarts in docs/deployment.md: the proxies ask once a second whether a
/// replica is ready again.
const PAUSE: Duration = Duration::from_secs(2);

/// Restarts both replicas, in turn, while clients send requests to the proxy.
pub(super) fn check(
    args: &Args,
    proxy: &ServerProcess,
    replicas: &mut [Replica],
    expected: &[(Completion, String)],
    folder: &Path,
) -> anyhow::Result<String> {
    let restarts = replicas.len();
    let (restarted, outcome) = load::during(proxy.address(), expected, |answers| {
        wait_for_answers(answers)?;
        for replica in replicas {
            let status = replica.server.terminate(DRAIN)?;
            let name = replica.name;
            ensure!(status.success(), "replica {name} ended with {status}");
            // Meanwhile, the other replica answers alone.
            wait_for_answers(answers)?;
            *replica = Replica::start(args, name, replica.port, folder)?;
            std::thread::sleep(PAUSE);
            wait_for_answers(answers)?;
        }
        Ok(())
    })?;
    let count = outcome.failures.len();
    let first = outcome.failures.first().map_or("", String::as_str);
    ensure!(
        count == 0,
        "{count} requests failed, {} did not. {first}",
        outcome.answers
    );
    restarted?;
    Ok(format!(
        "{restarts} restarts under {CLIENTS} clients: {} answers with identical bytes, half of them streams; 0 failures",
        outcome.answers
    ))
}

/// Waits until each client has, on average, received four further answers.
fn wait_for_answers(answers: &AtomicUsize) -> anyhow::Result<()> {
    let wanted = answers.load(Ordering::Relaxed) + 4 * CLIENTS;
    let start = Instant::now();
    while answers.load(Ordering::Relaxed) < wanted {
        ensure!(start.elapsed() < PROGRESS, "no answers for {PROGRESS:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
