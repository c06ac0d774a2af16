//! What a shell and `man` know of the command.

use crate::args::Cli;
use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

/// For example: wolfgang completions bash > ~/.local/share/bash-completion/completions/wolfgang
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// For example: wolfgang man ~/.local/share/man/man1
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The folder, which is made if it is not there
    folder: PathBuf,
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    // Into memory first: the generator panics when a pipe is closed.
    clap_complete::generate(args.shell, &mut Cli::command(), "wolfgang", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let folder = args.folder.display();
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.folder));
    written.with_context(|| format!("cannot write manual pages into {folder}"))
}
