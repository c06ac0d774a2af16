//! `cargo xtask check-deployment`: the configurations in docs/deploy.

mod args;
mod load;
mod proxies;
mod replica;
mod rolling_restart;
mod syntax;

pub(crate) use args::Args;

use crate::serving::{Completion, free_port};
use anyhow::{Context, ensure};
use load::TOKENS;
use proxies::Proxy;
use replica::Replica;
use serde_json::json;
use std::io::Write;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    for line in syntax::check(args)? {
        print_line(&line)?;
    }
    let folder = tempfile::tempdir()?;
    let mut replicas = Vec::new();
    for name in ["first", "second"] {
        replicas.push(Replica::start(args, name, free_port()?, folder.path())?);
    }
    let expected = expected_texts(&replicas)?;
    print_line(&format!(
        "replicas: identical bytes for {} requests, streamed or not",
        expected.len()
    ))?;
    let ports = [replicas[0].port, replicas[1].port];
    for proxy in Proxy::all(args) {
        let Some(server) = proxy.start(ports, folder.path())? else {
            let program = proxy.program.display();
            print_line(&format!("{}: skipped, there is no {program}", proxy.name))?;
            continue;
        };
        let client = server.client();
        load::check_bytes(&client, &expected)?;
        let share = load::first_piece_share(&client)?;
        print_line(&format!(
            "{}: identical bytes; a stream begins after {:.0} % of its time",
            proxy.name,
            share * 100.0
        ))?;
        if proxy.restarts {
            let report =
                rolling_restart::check(args, &server, &mut replicas, &expected, folder.path());
            let report =
                report.with_context(|| format!("rolling restart behind {}", proxy.name))?;
            print_line(&format!("{}: {report}", proxy.name))?;
        }
    }
    Ok(())
}

/// Requests with the texts that both replicas give, streamed or not.
fn expected_texts(replicas: &[Replica]) -> anyhow::Result<Vec<(Completion, String)>> {
    let prompts = [
        "Habe nun, ach! Philosophie,",
        "Wer reitet so spät",
        "MEPHISTOPHELES:",
    ];
    let mut expected = Vec::new();
    for (seed, prompt) in (1..=6).zip(prompts.into_iter().cycle()) {
        let mut request = Completion {
            prompt: json!(prompt),
            max_tokens: TOKENS,
            seed,
            stream: false,
        };
        let mut texts = Vec::new();
        for replica in replicas {
            for stream in [false, true] {
                request.stream = stream;
                let answer = replica.server.client().complete(&request)?;
                let status = answer.status;
                ensure!(status == 200, "{}: {status} {}", replica.name, answer.text);
                ensure!(answer.tokens == TOKENS, "{} tokens", answer.tokens);
                texts.push(answer.text);
            }
        }
        let is_same = texts.iter().all(|text| *text == texts[0]);
        ensure!(is_same, "the replicas give other texts: {texts:?}");
        expected.push((request, texts.swap_remove(0)));
    }
    Ok(expected)
}

fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
