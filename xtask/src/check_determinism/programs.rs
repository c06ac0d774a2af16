//! The commands of `wolfgang` that generate text.

use super::cases::Case;
use crate::serving::{ServerProcess, free_port};
use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A generated text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generated {
    pub(super) text: String,
    pub(super) ids: Vec<u32>,
}

/// The program, without options of this machine.
pub(super) struct Programs<'a> {
    wolfgang: PathBuf,
    folder: &'a Path,
    configuration: PathBuf,
}

/// The last line that `wolfgang generate --json` prints.
#[derive(Deserialize)]
struct Summary {
    text: String,
    ids: Vec<u32>,
}

/// A line that `wolfgang run-batch` writes.
#[derive(Deserialize)]
struct Line {
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    text: String,
    token_ids: Vec<u32>,
}

impl<'a> Programs<'a> {
    /// `wolfgang` is the program; without it, this program. Files are written to `folder`.
    pub(super) fn new(wolfgang: Option<&Path>, folder: &'a Path) -> anyhow::Result<Self> {
        let configuration = folder.join("empty.toml");
        std::fs::write(&configuration, "")?;
        Ok(Self {
            wolfgang: wolfgang.map_or_else(std::env::current_exe, |path| Ok(path.to_owned()))?,
            folder,
            configuration,
        })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.wolfgang);
        command
            .arg(name)
            .env("WOLFGANG_CONFIG", &self.configuration);
        command
    }

    /// The text of `wolfgang generate`.
    pub(super) fn generate(&self, case: &Case) -> anyhow::Result<Generated> {
        let mut command = self.command("generate");
        command.arg("--json").args(case.arguments());
        let output = output(&mut command)?;
        let line = output.lines().last().context("generate printed nothing")?;
        let Summary { text, ids } = serde_json::from_str(line)?;
        Ok(Generated { text, ids })
    }

    /// The texts of `wolfgang run-batch`, in the order of the cases.
    pub(super) fn run_batch(&self, cases: &[Case]) -> anyhow::Result<Vec<Generated>> {
        let [input, responses] = ["requests.jsonl", "responses.jsonl"].map(|n| self.folder.join(n));
        let line = |(n, case): (usize, &Case)| -> String {
            let line: Value = json!({"custom_id": n.to_string(), "method": "POST",
                "url": "/v1/completions", "body": case.body(false)});
            format!("{line}\n")
        };
        std::fs::write(
            &input,
            cases.iter().enumerate().map(line).collect::<String>(),
        )?;
        let mut command = self.command("run-batch");
        command.arg("-i").arg(&input).arg("-o").arg(&responses);
        output(&mut command)?;
        let choice = |line: &str| {
            let Line { response } = serde_json::from_str(line).with_context(|| line.to_owned())?;
            let choices = response.map(|response| response.body.choices);
            let choice = choices.into_iter().flatten().next();
            let Choice { text, token_ids } = choice.with_context(|| line.to_owned())?;
            let ids = token_ids;
            Ok(Generated { text, ids })
        };
        std::fs::read_to_string(&responses)?
            .lines()
            .map(choice)
            .collect()
    }

    /// Starts `wolfgang serve`, which generates `max_running` texts at the same time.
    pub(super) fn serve(
        &self,
        name: &str,
        max_running: usize,
        options: &[&str],
    ) -> anyhow::Result<ServerProcess> {
        let port = free_port()?;
        let mut command = self.command("serve");
        command.args(["--port", &port.to_string()]);
        command.args(["--max-running", &max_running.to_string()]);
        command.args(options);
        ServerProcess::start(name, command, port, "/ready", self.folder)
    }
}

/// Runs a command to its end, and returns its standard output.
fn output(command: &mut Command) -> anyhow::Result<String> {
    command.stdin(Stdio::null());
    let output = command.output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {message}");
    Ok(String::from_utf8(output.stdout)?)
}
