//! `cargo xtask check-deployment`: the configurations in docs/deploy.

mod load;
mod proxies;
mod rolling_restart;
mod syntax;

use crate::serving::{Completion, ServerProcess, free_port, wolfgang_serve};
use anyhow::{Context, ensure};
use proxies::Proxy;
use serde_json::json;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Starts two replicas with the built-in model behind nginx, HAProxy and vllm-router. Streams must
/// arrive while they are generated, and every answer must have the bytes that the replica itself
/// gives. Behind nginx and HAProxy, both replicas are restarted under load: no request may fail.
/// Programs that are not installed are skipped, and named.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// The `wolfgang` program to check. Without it, this program
    #[arg(long, value_name = "PATH")]
    wolfgang: Option<PathBuf>,

    /// vllm-router, a Python program
    #[arg(long, value_name = "PATH", default_value = "vllm-router")]
    vllm_router: PathBuf,

    /// hadolint, which checks the container file
    #[arg(long, value_name = "PATH", default_value = "hadolint")]
    hadolint: PathBuf,

    /// kubernetes-validate, a Python program
    #[arg(long, value_name = "PATH", default_value = "kubernetes-validate")]
    kubernetes_validate: PathBuf,
}

/// Tokens of an answer: streams of this length are in progress when a replica is told to end.
const TOKENS: usize = 60;

/// A replica, and how to start it again.
struct Replica {
    name: &'static str,
    port: u16,
    server: ServerProcess,
}

impl Replica {
    fn start(args: &Args, name: &'static str, port: u16, folder: &Path) -> anyhow::Result<Self> {
        let mut command = wolfgang_serve(args.wolfgang.as_deref(), port)?;
        command.args(["--threads", "1"]);
        let server = ServerProcess::start(name, command, port, "/ready", folder)?;
        Ok(Self { name, port, server })
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    syntax::check(args)?;
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

/// The output of a command, or `None` if the program is not installed.
fn output_if_installed(command: &mut Command) -> anyhow::Result<Option<std::process::Output>> {
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        output => Ok(Some(
            output.with_context(|| format!("cannot run {command:?}"))?,
        )),
    }
}

fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
