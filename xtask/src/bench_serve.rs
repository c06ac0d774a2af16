//! `cargo xtask bench-serve`.

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<()> {
    Ok(())
}
