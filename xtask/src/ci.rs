//! `cargo xtask ci`: all checks that a change must pass, the cheapest first.

mod advisories;
mod clients;
mod command;
mod features;
mod neon;
mod packages;
mod platforms;
mod python;
mod smollm2;
mod steps;
mod toolchain;

use anyhow::{Context, bail};
use command::run_command;
use std::io::Write;
use std::time::{Duration, Instant};
use steps::{STEPS, Step};

/// Stops at the first step that fails. Prints the duration of each step at the end.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Run only this step; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// List the steps and their commands without running them
    #[arg(long)]
    list: bool,
}

/// The result of a step.
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
        print_line(&format!("── {}: {}", step.name, step.command))?;
        let start = Instant::now();
        let ended = run_step(step);
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
        print_line(line.trim_end())?;
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
        print_line(&format!("{:<10} {variables}{}", step.name, step.command))?;
    }
    Ok(())
}

/// Runs a step's command and then its further check. Returns a remark for the summary.
fn run_step(step: &Step) -> anyhow::Result<Option<String>> {
    run_command(step.command, step.env)?;
    step.then.map_or(Ok(None), |then| then())
}

fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
