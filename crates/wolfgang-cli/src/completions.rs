//! `wolfgang completions` and `wolfgang man`.

use crate::home;
use crate::standard_streams;
use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `wolfgang completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Arguments of `wolfgang man`.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Folder; it is created if it does not exist
    #[arg(value_parser = home::path())]
    folder: PathBuf,
}

pub(crate) fn completions(args: &CompletionsArgs, whole: &Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    // Into memory first: the generator panics when a pipe is closed.
    clap_complete::generate(args.shell, &mut visible(whole), "wolfgang", &mut script);
    let mut out = standard_streams::output();
    out.write_all(&script)?;
    Ok(out.flush()?)
}

pub(crate) fn man(args: &ManArgs, whole: &Command) -> anyhow::Result<()> {
    let folder = args.folder.display();
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(visible(whole), &args.folder));
    written.with_context(|| format!("failed to write manual pages into {folder}"))
}

/// The command without hidden subcommands, which the generators would list.
fn visible(whole: &Command) -> Command {
    let shown = |command: &&Command| !command.is_hide_set();
    let command = Command::new("wolfgang")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments())
        .subcommands(whole.get_subcommands().filter(shown));
    match whole.get_about() {
        Some(about) => command.about(about.clone()),
        None => command,
    }
}
