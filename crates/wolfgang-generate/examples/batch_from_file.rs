//! Continues each line of a file: eight prompts at a time, with the results in the order of the
//! lines.
//!
//!     cargo run --release --package wolfgang-generate --example batch_from_file -- prompts.txt

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use wolfgang_generate::{Batch, Device, Event, GenerateOptions, WolfgangGenerator};

/// Higher values give more tokens per second; each generation needs memory for its KV cache.
const AT_ONCE: usize = 8;

pub(crate) fn run(
    generator: &WolfgangGenerator,
    prompts: &str,
    options: &GenerateOptions,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let mut waiting = prompts.lines().fuse();
    let mut batch = Batch::new();
    // Results that wait for one of an earlier line.
    let mut early = BTreeMap::new();
    let mut next = 0;
    loop {
        while batch.running() < AT_ONCE
            && let Some(prompt) = waiting.next()
        {
            batch.push(generator.generate(prompt, options)?);
        }
        let Some((line, event)) = batch.next() else {
            return Ok(());
        };
        if let Event::Finished(summary) = event? {
            early.insert(line, summary.text);
        }
        while let Some(text) = early.remove(&next) {
            next += 1;
            // One line per result.
            writeln!(out, "{next}: {}", text.replace('\n', " / "))?;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let options = GenerateOptions::default();
    let prompts = std::fs::read_to_string(path)?;
    run(&generator, &prompts, &options, &mut stdout())
}
