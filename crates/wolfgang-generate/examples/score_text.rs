//! Ranks lines by perplexity: the first is most like the training text, for the Faust model Goethe
//! and his time.
//!
//!     cargo run --release --package wolfgang-generate --example score_text -- \
//!         "Ich bin der Geist, der stets verneint!" "Der Zug nach Hamburg hat zehn Minuten Verspätung."

use std::error::Error;
use std::io::{Write, stdout};
use wolfgang_generate::{Device, WolfgangGenerator};

pub(crate) fn run(
    generator: &WolfgangGenerator,
    lines: &[String],
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let mut scored = Vec::new();
    for line in lines {
        let score = generator.score(line)?;
        // A line of one token has no perplexity.
        let perplexity = score.perplexity().unwrap_or(f64::INFINITY);
        scored.push((perplexity, line));
    }
    scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    writeln!(out, "perplexity")?;
    for (perplexity, line) in scored {
        writeln!(out, "{perplexity:10.0}  {line}")?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
    let lines: Vec<String> = std::env::args().skip(1).collect();
    run(&generator, &lines, &mut stdout())
}
