//! A model inside the program: one file to hand on, which needs no other.
//!
//!     cargo run --release --package wolfgang-generate --example embed -- "Es war einmal"
//!
//! The three files are the Faust model's, which the crate `wolfgang-faust` brings along; those of any native folder, which
//! `wolfgang convert` writes, go into a program by `include_bytes!`.

use std::error::Error;
use std::io::{Write, stdout};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_faust::{CONFIG, TOKENIZER, WEIGHTS};
use wolfgang_generate::{Device, GenerateOptions, Tokenizer, WolfgangGenerator};

/// What errors call the model, for it has no path.
const ORIGIN: &str = "the model in this program";

pub(crate) fn generator(device: &Device) -> Result<WolfgangGenerator, Box<dyn Error>> {
    // Not copied: the weights are read where the program has them.
    let checkpoint = Checkpoint::from_memory(CONFIG, WEIGHTS, ORIGIN)?;
    let tokenizer = Tokenizer::from_bytes(TOKENIZER, ORIGIN)?;
    Ok(WolfgangGenerator::new(
        checkpoint.into_model(device)?,
        tokenizer,
    )?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let prompt = std::env::args().nth(1).unwrap_or_default();
    let options = GenerateOptions::default();
    let summary = generator(&Device::flex())?.generate_text(&prompt, &options)?;
    writeln!(stdout(), "{}", summary.text)?;
    Ok(())
}
