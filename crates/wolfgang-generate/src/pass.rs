//! One pass of the model, for all generations that wait for it.

use crate::computed::Computed;
use crate::{Event, GenerateError, Generation};
use std::time::Instant;

/// What a pass made of one generation: the text that became ready by it, if any did.
pub(crate) type Passed = Result<Option<Event>, GenerateError>;

/// Takes each of these generations, which wait for logits of the same model, one token further. It reads its weights once
/// for all of them.
pub(crate) fn pass(waiting: &mut [&mut Generation<'_>]) -> Vec<Passed> {
    let Some(model) = waiting.first().map(|first| first.model()) else {
        return Vec::new();
    };
    let start = Instant::now();
    let sequences = waiting.iter_mut().map(|generation| generation.missing());
    let logits = Computed::logits(model, sequences.collect());
    let took = start.elapsed();
    let waiting = waiting.iter_mut();
    match logits {
        Ok(logits) => waiting
            .zip(logits)
            .map(|(generation, logits)| generation.accept(logits, took))
            .collect(),
        Err(error) => waiting
            .map(|generation| Err(generation.fail(error.clone().into())))
            .collect(),
    }
}
