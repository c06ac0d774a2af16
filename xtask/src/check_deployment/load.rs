//! Requests through a proxy.

use crate::serving::{Client, Completion};
use anyhow::{Context, ensure};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Tokens of an answer: streams of this length are in progress when a replica is told to end.
pub(super) const TOKENS: usize = 60;

/// Clients of the load.
pub(super) const CLIENTS: usize = 6;

/// What the clients received.
#[derive(Default)]
pub(super) struct Outcome {
    /// Complete answers with the expected text.
    pub(super) answers: usize,
    /// What went wrong with the others.
    pub(super) failures: Vec<String>,
}

/// Sends every request once, streamed and not.
pub(super) fn check_bytes(
    client: &Client,
    expected: &[(Completion, String)],
) -> anyhow::Result<()> {
    for (request, text) in expected {
        for stream in [false, true] {
            let request = Completion {
                stream,
                ..request.clone()
            };
            failure(client, &request, text)
                .map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)))?;
        }
    }
    Ok(())
}

/// The share of a long stream's time after which its first text arrives.
pub(super) fn first_piece_share(client: &Client) -> anyhow::Result<f64> {
    let request = Completion {
        prompt: json!("Habe nun, ach!"),
        max_tokens: 3 * TOKENS,
        seed: 1,
        stream: true,
    };
    let answer = client.complete(&request)?;
    let first = answer.first_piece().context("the stream has no text")?;
    let share = first / answer.duration();
    ensure!(
        share < 0.5,
        "the stream is buffered: its first text arrives after {:.0} % of its time",
        share * 100.0
    );
    Ok(share)
}

/// Sends requests from [`CLIENTS`] clients while `act` runs. `act` is told how many answers have
/// arrived.
pub(super) fn during<T>(
    address: SocketAddr,
    expected: &[(Completion, String)],
    act: impl FnOnce(&AtomicUsize) -> T,
) -> anyhow::Result<(T, Outcome)> {
    let (is_over, answers) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|first| {
                scope.spawn(move || {
                    let client = Client::new(address);
                    let mut failures = Vec::new();
                    let requests = expected.iter().cycle().skip(first).enumerate();
                    for (n, (request, text)) in requests {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let stream = n % 2 == 0;
                        let request = Completion {
                            stream,
                            ..request.clone()
                        };
                        match failure(&client, &request, text) {
                            Some(failure) => failures.push(failure),
                            None => {
                                answers.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                    failures
                })
            })
            .collect();
        let result = act(answers);
        is_over.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for client in clients {
            let of_client = client.join();
            failures.extend(of_client.map_err(|_| anyhow::anyhow!("a client panicked"))?);
        }
        let answers = answers.load(Ordering::Relaxed);
        Ok((result, Outcome { answers, failures }))
    })
}

/// Sends a request. Returns what is wrong with the answer, if anything is.
fn failure(client: &Client, request: &Completion, text: &str) -> Option<String> {
    let kind = if request.stream {
        "a stream"
    } else {
        "an answer"
    };
    match client.complete(request) {
        Err(error) => Some(format!("{kind} failed: {error:#}")),
        Ok(answer) if answer.status != 200 => Some(format!(
            "{kind} has status {}: {}",
            answer.status, answer.text
        )),
        Ok(answer) if answer.text != text => {
            Some(format!("{kind} is {:?} instead of {text:?}", answer.text))
        }
        Ok(_) => None,
    }
}
