//! A custom sampling step: a text without the letter e (a lipogram).
//!
//!     cargo run --release --package wolfgang-generate --example custom_processor -- "Habe nun, ach!"

use std::error::Error;
use std::io::{Write, stdout};
use wolfgang_generate::{
    Device, GenerateOptions, History, LogitsProcessor, Tokenizer, WolfgangGenerator,
};

/// Masks every token that contains a letter.
struct Without(Vec<u32>);

impl Without {
    fn new(letter: u8, tokenizer: &Tokenizer) -> Self {
        let has_letter = |id: &u32| {
            let bytes = tokenizer.token_bytes(*id).unwrap_or_default();
            bytes.to_ascii_lowercase().contains(&letter)
        };
        let ids = 0..tokenizer.vocab_size() as u32;
        Self(ids.filter(has_letter).collect())
    }
}

impl LogitsProcessor for Without {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        for &id in &self.0 {
            logits[id as usize] = f32::NEG_INFINITY;
        }
    }
}

pub(crate) fn run(
    generator: &WolfgangGenerator,
    prompt: &str,
    options: &GenerateOptions,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let generation = generator.generate(prompt, options)?;
    let without_e = Without::new(b'e', generator.tokenizer());
    let summary = generation.with_processor(without_e).into_summary()?;
    writeln!(out, "{}", summary.text)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
    let prompt = std::env::args().nth(1).unwrap_or_default();
    let options = GenerateOptions::default();
    run(&generator, &prompt, &options, &mut stdout())
}
