//! `cargo xtask ci`: everything that must hold before a change lands, the cheapest first.

mod advisories;
mod commands;
mod neon;
mod packages;
mod steps;
mod toolchain;

use anyhow::{Context, bail, ensure};
use commands::command;
use std::io::Write;
use std::time::{Duration, Instant};
use steps::{STEPS, Step};

/// Stops at the first step that fails, and says at the end what each took.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this step; several times for several
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Name the steps and their commands, and run none
    #[arg(long)]
    list: bool,
}

/// What is said of a step at the end.
struct Outcome {
    name: &'static str,
    took: Duration,
    note: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let steps = chosen(&args.only)?;
    if args.list {
        return list(&steps);
    }
    let mut outcomes = Vec::new();
    let mut result = Ok(());
    for step in steps {
        tell(&format!("── {}: {}", step.name, step.command))?;
        let start = Instant::now();
        let ended = go(step);
        let note = match &ended {
            Ok(note) => note.clone().unwrap_or_default(),
            Err(_) => "FAILED".to_owned(),
        };
        outcomes.push(Outcome {
            name: step.name,
            took: start.elapsed(),
            note,
        });
        if let Err(error) = ended {
            result = Err(error.context(format!("the step {} failed", step.name)));
            break;
        }
    }
    for Outcome { name, took, note } in outcomes {
        let line = format!("{name:<10} {:>7.1} s  {note}", took.as_secs_f64());
        tell(line.trim_end())?;
    }
    result
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Step>> {
    if let Some(unknown) = only.iter().find(|o| STEPS.iter().all(|s| s.name != *o)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step {unknown}: expected {}", names.join(", "));
    }
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

fn list(steps: &[&Step]) -> anyhow::Result<()> {
    for step in steps {
        let variables: String = step
            .env
            .iter()
            .map(|(k, v)| format!("{k}={v:?} "))
            .collect();
        tell(&format!("{:<10} {variables}{}", step.name, step.command))?;
    }
    Ok(())
}

/// Runs a step's command, and what looks at its result.
fn go(step: &Step) -> anyhow::Result<Option<String>> {
    let status = command(step.command)?
        .envs(step.env.iter().copied())
        .status()
        .with_context(|| {
            format!(
                "cannot run {}: .ci/run installs what is missing",
                step.command
            )
        })?;
    ensure!(status.success(), "{} ended with {status}", step.command);
    step.then.map_or(Ok(None), |then| then())
}

fn tell(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
