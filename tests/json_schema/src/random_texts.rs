//! Texts of random logits, which must be valid for their schemas.

use anyhow::ensure;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wolfgang_constrain::{Grammar, GrammarCompiler};
use wolfgang_sampling::{Constraint, ConstraintProgress, History, TokenMask};
use wolfgang_tokenize::Tokenizer;

/// Maximum number of tokens of a text.
const MAX_TOKENS: usize = 400;

/// Tokens that end strings, numbers, arrays and objects are chosen more often, or most texts would
/// reach the limit.
const CLOSING: &[u8] = b"\"}],";

#[derive(Default)]
struct Counts {
    compiled: usize,
    refused: usize,
    complete: usize,
    incomplete: usize,
    failed: usize,
    unsupported_by_validator: usize,
    beyond_doubles: usize,
}

pub(crate) fn check(
    folder: &Path,
    count: usize,
    seeds: u64,
    compiler: &GrammarCompiler,
    tokenizer: &Tokenizer,
) -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    let step = (files.len() / count.max(1)).max(1);
    let mut counts = Counts::default();
    let mut times = Vec::new();
    let mut problems = Vec::new();
    for path in files.iter().step_by(step).take(count) {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let Ok(file) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        let schema = &file["schema"];
        let grammar = Grammar::JsonSchema(schema.clone());
        if compiler.compile(&grammar, &[0]).is_err() {
            counts.refused += 1;
            continue;
        }
        counts.compiled += 1;
        let Ok(validator) = jsonschema::validator_for(schema) else {
            counts.unsupported_by_validator += 1;
            continue;
        };
        for seed in 0..seeds {
            let text = random_text(compiler, tokenizer, &grammar, seed, &mut times)?;
            match text {
                Outcome::Complete(text) => {
                    counts.complete += 1;
                    match serde_json::from_str::<Value>(&text) {
                        Ok(value) if validator.is_valid(&value) => {}
                        // JSON has no limit, but the validator reads doubles.
                        Err(error) if error.to_string().starts_with("number out of range") => {
                            counts.beyond_doubles += 1;
                        }
                        _ => problems.push(format!("{}: seed {seed}: {text}", path.display())),
                    }
                }
                Outcome::Incomplete => counts.incomplete += 1,
                Outcome::Failed(error) => {
                    counts.failed += 1;
                    println!("{}: seed {seed}: {error}", path.display());
                }
            }
        }
    }
    times.sort();
    let at = |part: f64| {
        times
            .get((times.len() as f64 * part) as usize)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{} schemas compiled, {} refused, {} that the validator refuses; {} texts complete, of which {} have \
         numbers beyond doubles, {} reached the limit of {MAX_TOKENS} tokens, {} ended with an error",
        counts.compiled,
        counts.refused,
        counts.unsupported_by_validator,
        counts.complete,
        counts.beyond_doubles,
        counts.incomplete,
        counts.failed
    );
    println!(
        "{} masks: p50 {:?}, p90 {:?}, p99 {:?}, largest {:?}",
        times.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        times.last().copied().unwrap_or_default()
    );
    problems
        .iter()
        .for_each(|problem| println!("not valid: {problem}"));
    ensure!(
        problems.is_empty(),
        "{} texts are not valid",
        problems.len()
    );
    Ok(())
}

enum Outcome {
    Complete(String),
    Incomplete,
    Failed(String),
}

fn random_text(
    compiler: &GrammarCompiler,
    tokenizer: &Tokenizer,
    grammar: &Grammar,
    seed: u64,
    times: &mut Vec<Duration>,
) -> anyhow::Result<Outcome> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut constraint = compiler.compile(grammar, &[0])?;
    let mut ids: Vec<u32> = Vec::new();
    let mut mask = TokenMask::new(tokenizer.vocab_size());
    while ids.len() < MAX_TOKENS {
        let history = History::new(&[], &ids);
        match constraint.progress(history) {
            Ok(ConstraintProgress::Complete) => return Ok(complete(tokenizer, &ids)),
            Ok(_) => {}
            Err(error) => return Ok(Outcome::Failed(error.to_string())),
        }
        mask.clear();
        let start = Instant::now();
        if let Err(error) = constraint.allow(history, &mut mask) {
            return Ok(Outcome::Failed(error.to_string()));
        }
        times.push(start.elapsed());
        let all = 0..tokenizer.vocab_size() as u32;
        let allowed: Vec<u32> = all.filter(|id| mask.contains(*id)).collect();
        let closes = |id: &&u32| {
            let bytes = tokenizer.token_bytes(**id).unwrap_or_default();
            **id == 0 || bytes.iter().any(|byte| CLOSING.contains(byte))
        };
        let closing: Vec<u32> = allowed.iter().filter(closes).copied().collect();
        let among = match random.next_u32() % 2 {
            0 if !closing.is_empty() => &closing,
            _ => &allowed,
        };
        ensure!(!among.is_empty(), "no token is allowed");
        let id = among[random.next_u32() as usize % among.len()];
        if id == 0 {
            return Ok(complete(tokenizer, &ids));
        }
        ids.push(id);
    }
    Ok(Outcome::Incomplete)
}

fn complete(tokenizer: &Tokenizer, ids: &[u32]) -> Outcome {
    let bytes = ids.iter().filter_map(|id| tokenizer.token_bytes(*id));
    let bytes: Vec<u8> = bytes.flatten().copied().collect();
    Outcome::Complete(String::from_utf8_lossy(&bytes).into_owned())
}
