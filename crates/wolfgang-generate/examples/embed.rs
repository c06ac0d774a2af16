//! A model embedded in the executable, which then needs no other files.
//!
//!     cargo run --release --package wolfgang-generate --example embed -- "Es war einmal"
//!
//! The three files are those of the Faust model, from the crate `wolfgang-faust`. The files of any
//! native folder, as `wolfgang convert` writes it, can be embedded with `include_bytes!`.

use std::error::Error;
use std::io::{Write, stdout};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_faust::{CONFIG, TOKENIZER, WEIGHTS};
use wolfgang_generate::{Device, GenerateOptions, Tokenizer, WolfgangGenerator};

/// The name of the model in error messages, in place of a path.
const ORIGIN: &str = "the model in this program";

pub(crate) fn generator(device: &Device) -> Result<WolfgangGenerator, Box<dyn Error>> {
    // The weights are not copied: they are read from the executable's memory.
    let checkpoint = Checkpoint::from_memory(CONFIG, WEIGHTS, ORIGIN)?;
    let tokenizer = Tokenizer::from_bytes(TOKENIZER)?;
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
