//! One forward pass of the model, for all generations that wait for it.

use crate::sequence_cache::SequenceCache;
use crate::{Event, GenerateError, Generation};
use std::time::Instant;

/// What a pass made of one generation: the text that became ready by it, if any did.
pub(crate) type StepResult = Result<Option<Event>, GenerateError>;

/// Takes each of these generations, which wait for logits of the same model, one token further. It
/// reads its weights once for all of them.
pub(crate) fn forward_batch(waiting: &mut [&mut Generation]) -> Vec<StepResult> {
    let start = Instant::now();
    let mut shared = None;
    let sequences = waiting.iter_mut().map(|generation| {
        let (model, ids, cache) = generation.pending_input();
        shared = Some(model);
        (ids, cache)
    });
    let sequences: Vec<_> = sequences.collect();
    let Some(model) = shared else {
        return Vec::new();
    };
    let logits = SequenceCache::logits(model, sequences);
    let took = start.elapsed();
    let waiting = waiting.iter_mut();
    match logits {
        Ok(logits) => waiting
            .zip(logits)
            .map(|(generation, logits)| generation.on_logits(logits, took))
            .collect(),
        Err(error) => waiting
            .map(|generation| Err(generation.fail(error.clone().into())))
            .collect(),
    }
}
