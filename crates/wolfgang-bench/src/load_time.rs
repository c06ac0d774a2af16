//! Load time, and time to the first token.

use crate::BenchError;
use crate::case::{Case, LoadTime};
use crate::forward::{forward, load, token_ids};
use crate::memory::peak_memory_bytes;
use std::time::Instant;

pub(crate) fn measure(case: &Case, prompt_tokens: usize) -> Result<LoadTime, BenchError> {
    let start = Instant::now();
    let model = load(case)?;
    let load_seconds = start.elapsed().as_secs_f64();
    let mut cache = model.new_cache()?;
    forward(&model, &token_ids(&model, prompt_tokens), &mut cache)?;
    Ok(LoadTime {
        load_seconds,
        first_token_seconds: start.elapsed().as_secs_f64(),
        peak_memory_bytes: peak_memory_bytes(),
    })
}
