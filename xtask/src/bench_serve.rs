//! `cargo xtask bench-serve`: `wolfgang serve` compared with llama-server, and under more load than
//! it can take.

mod args;
mod comparison;
mod idle;
mod load;
mod overload;
mod servers;
mod slow_headers;

pub(crate) use args::Args;

use crate::processor::processor;
use crate::release_build::with_release_build;
use args::Part;
use servers::Servers;
use std::io::Write;
use std::path::Path;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let servers = Servers::new(args)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}, {} threads", processor(), args.threads)?;
    for part in &args.parts {
        match part {
            Part::Comparison => comparison::measure(args, &servers, &mut out)?,
            Part::Idle => idle::measure(&servers, &mut out)?,
            Part::Overload => overload::measure(&servers, args.overload, &mut out)?,
            Part::SlowHeaders => slow_headers::measure(&servers, args.rounds.get(), &mut out)?,
        }
    }
    Ok(())
}
