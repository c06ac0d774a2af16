//! Clients that send requests.

use crate::bench_engine::{percentile, prompt};
use crate::serving::{Answer, Client, Completion};
use anyhow::{anyhow, ensure};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Tokens of a prompt.
pub(super) const PROMPT: usize = 32;

/// Tokens of an answer.
pub(super) const TOKENS: usize = 64;

/// A request whose prompt no other request has, so that a prefix cache has no effect.
pub(super) fn request() -> Completion {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let n = SENT.fetch_add(1, Ordering::Relaxed);
    Completion {
        prompt: json!(prompt(n % 3000, PROMPT)),
        max_tokens: TOKENS,
        seed: n,
        stream: true,
    }
}

/// Sends a request. The answer must be complete.
pub(super) fn complete(client: &Client) -> anyhow::Result<Answer> {
    let answer = client.complete(&request())?;
    let (status, tokens) = (answer.status, answer.tokens);
    ensure!(status == 200, "status {status}: {}", answer.text);
    ensure!(tokens == TOKENS, "{tokens} tokens instead of {TOKENS}");
    Ok(answer)
}

/// Runs clients that each send the next request after the answer, while `continues` returns true
/// for the number of requests that the client has sent.
pub(super) fn closed_loop(
    address: SocketAddr,
    clients: usize,
    continues: impl Fn(usize) -> bool + Sync,
) -> anyhow::Result<Vec<Answer>> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients)
            .map(|_| {
                let continues = &continues;
                scope.spawn(move || {
                    let client = Client::new(address);
                    let sent = (0..).take_while(|n| continues(*n));
                    sent.map(|_| complete(&client)).collect()
                })
            })
            .collect();
        let mut answers = Vec::new();
        for client in clients {
            let of_client: anyhow::Result<Vec<_>> =
                client.join().map_err(|_| anyhow!("a client panicked"))?;
            answers.extend(of_client?);
        }
        Ok(answers)
    })
}

/// Runs `act` while this many clients keep the server busy. Returns what the clients received.
pub(super) fn during<T>(
    address: SocketAddr,
    clients: usize,
    act: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Vec<Answer>)> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load =
            scope.spawn(|| closed_loop(address, clients, |_| !is_over.load(Ordering::Relaxed)));
        let result = act();
        is_over.store(true, Ordering::Relaxed);
        let answers = load.join().map_err(|_| anyhow!("the clients panicked"))??;
        Ok((result?, answers))
    })
}

/// Tokens a second that arrived between two times. Each piece of an answer counts as the same part
/// of its tokens.
pub(super) fn throughput(answers: &[Answer], from: Instant, to: Instant) -> f64 {
    let tokens = |answer: &Answer| {
        let arrived = answer.pieces.iter().filter(|at| from <= **at && **at < to);
        arrived.count() as f64 * answer.tokens as f64 / answer.pieces.len().max(1) as f64
    };
    answers.iter().map(tokens).sum::<f64>() / (to - from).as_secs_f64()
}

/// The 50th, 90th and 99th percentile, in milliseconds.
pub(super) fn percentiles(seconds: &[f64]) -> [f64; 3] {
    [0.5, 0.9, 0.99].map(|share| percentile(seconds, share) * 1e3)
}
