//! A model inside the program: one file to hand on, which needs no other.
//!
//!     cargo run --release --package wolfgang-generate --example embed -- "Es war einmal"
//!
//! The three files are those of any native folder, which `wolfgang convert` writes.

use std::error::Error;
use std::io::{Write, stdout};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{Device, GenerateOptions, Tokenizer, WolfgangGenerator};

const CONFIG: &[u8] = include_bytes!("../../../models/faust/config.json");
const WEIGHTS: &[u8] = include_bytes!("../../../models/faust/model.bpk");
const TOKENIZER: &[u8] = include_bytes!("../../../models/faust/tokenizer.json");

/// What errors call the model, for it has no path.
const ORIGIN: &str = "the model in this program";

pub(crate) fn generator(device: &Device) -> Result<WolfgangGenerator, Box<dyn Error>> {
    // Not copied: the weights are read where the program has them.
    let weights = bytes::Bytes::from_static(WEIGHTS);
    let checkpoint = Checkpoint::from_memory(CONFIG, weights, ORIGIN)?;
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
