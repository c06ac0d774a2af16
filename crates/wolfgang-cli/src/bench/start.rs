//! Loading, and the first token.

use super::case::{Case, Start};
use super::memory::peak_memory;
use super::speeds::{ids, step};
use std::time::Instant;

pub(super) fn measure(case: &Case, prompt_tokens: usize) -> anyhow::Result<Start> {
    let start = Instant::now();
    let model = case.load()?;
    let load_seconds = start.elapsed().as_secs_f64();
    let mut cache = model.new_cache()?;
    step(&model, &ids(&model, prompt_tokens), &mut cache)?;
    Ok(Start {
        load_seconds,
        prompt_tokens,
        first_token_seconds: start.elapsed().as_secs_f64(),
        peak_memory_bytes: peak_memory(),
    })
}
