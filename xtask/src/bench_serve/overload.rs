//! Ten times the requests that the server can answer.

use super::load::{TOKENS, closed_loop, during, percentiles, request, throughput};
use super::servers::Servers;
use crate::serving::{Answer, Client};
use anyhow::{anyhow, ensure};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Generations that run, that wait, and both.
const RUNNING: usize = 8;
const QUEUE: usize = 16;
const LIMIT: usize = RUNNING + QUEUE;

/// Requests sent, in answers that the server can give in the same time.
const FACTOR: f64 = 10.0;

/// Threads that send requests: those that wait for an answer, and as many for refusals.
const SENDERS: usize = 3 * LIMIT;

/// Answers of each client before the measurement. The prefix cache of the engine (256 MiB) then has
/// its full size.
const FIRST_ANSWERS: usize = 5;

/// How long the throughput without refusals is measured, and before each measurement not.
const SATURATION: Duration = Duration::from_secs(20);
const WARM_UP: Duration = Duration::from_secs(5);

/// What the senders received.
#[derive(Default)]
struct Received {
    answers: Vec<Answer>,
    /// Seconds to a response with status 429.
    refusals: Vec<f64>,
    /// Seconds from the time at which a request was due until it was sent.
    delays: Vec<f64>,
    failures: Vec<String>,
}

pub(super) fn measure(
    servers: &Servers,
    duration: Duration,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let server = servers.wolfgang("f32", RUNNING, &["--max-queue", &QUEUE.to_string()])?;
    closed_loop(server.address(), LIMIT, |sent| sent < FIRST_ANSWERS)?;
    let (window, answers) = during(server.address(), LIMIT, || {
        std::thread::sleep(WARM_UP);
        let start = Instant::now();
        std::thread::sleep(SATURATION);
        Ok((start, Instant::now()))
    })?;
    let saturated = throughput(&answers, window.0, window.1);
    let memory = server.memory()?;

    // Open loop: requests are due at fixed times, whether or not others have been answered.
    let per_second = FACTOR * saturated / TOKENS as f64;
    let start = Instant::now();
    let (sent, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (received, largest) = std::thread::scope(|scope| {
        let sender = || {
            let client = Client::new(server.address());
            let mut received = Received::default();
            loop {
                let n = sent.fetch_add(1, Ordering::Relaxed);
                let due = Duration::from_secs_f64(n as f64 / per_second);
                if due > duration {
                    return received;
                }
                std::thread::sleep(due.saturating_sub(start.elapsed()));
                let delay = start.elapsed().saturating_sub(due);
                received.delays.push(delay.as_secs_f64());
                received.add(client.complete(&request()));
            }
        };
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(sender)).collect();
        let observer = scope.spawn(|| {
            let mut largest = 0;
            while !is_over.load(Ordering::Relaxed) {
                largest = server.memory()?.max(largest);
                std::thread::sleep(Duration::from_millis(100));
            }
            anyhow::Ok(largest)
        });
        let mut received = Received::default();
        for sender in senders {
            let of_sender = sender.join().map_err(|_| anyhow!("a sender panicked"))?;
            received.extend(of_sender);
        }
        is_over.store(true, Ordering::Relaxed);
        let largest = observer
            .join()
            .map_err(|_| anyhow!("the observer panicked"))??;
        anyhow::Ok((received, largest))
    })?;

    let failures = received.failures.len();
    let first = received.failures.first().map_or("", String::as_str);
    ensure!(failures == 0, "{failures} requests failed: {first}");
    let overloaded = throughput(&received.answers, start + WARM_UP, start + duration);
    let [p50, _, p99] = percentiles(&received.refusals);
    let slowest = received.refusals.iter().copied().fold(0.0, f64::max) * 1e3;
    let [_, _, late] = percentiles(&received.delays);
    writeln!(
        out,
        "\nOverload, f32, {duration:?}, at most {LIMIT} requests in progress, {per_second:.0} requests/s ({FACTOR} times \
         the throughput; p99 of their delays {late:.1} ms):\n\
         - {} answers, all complete\n\
         - {} refusals, after {p50:.1} ms (p50), {p99:.1} ms (p99), {slowest:.1} ms (maximum)\n\
         - {overloaded:.0} tokens/s, {:.1} % of the {saturated:.0} of {LIMIT} clients without refusals\n\
         - memory {:.0} MB before, at most {:.1} MB more",
        received.answers.len(),
        received.refusals.len(),
        100.0 * overloaded / saturated,
        memory as f64 / 1e6,
        largest.saturating_sub(memory) as f64 / 1e6
    )?;
    Ok(())
}

impl Received {
    fn add(&mut self, result: anyhow::Result<Answer>) {
        match result {
            Ok(answer) if answer.status == 200 && answer.tokens == TOKENS => {
                self.answers.push(answer);
            }
            Ok(answer) if answer.status == 429 => self.refusals.push(answer.duration()),
            Ok(answer) => {
                let Answer { status, tokens, .. } = answer;
                self.failures
                    .push(format!("status {status}, {tokens} tokens"));
            }
            Err(error) => self.failures.push(format!("{error:#}")),
        }
    }

    fn extend(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.refusals.extend(other.refusals);
        self.delays.extend(other.delays);
        self.failures.extend(other.failures);
    }
}
