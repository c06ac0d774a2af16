//! One forward pass of the model, for all generations that wait for it.

use crate::sequence_cache::SequenceCache;
use crate::{Event, GenerateError, Generation};
use std::time::Instant;

/// What a pass made of one generation: the text that became ready by it, if any did.
pub(crate) type StepResult = Result<Option<Event>, GenerateError>;

/// Computes the first `rows` pending ids of each of these generations of one model, in one pass,
/// which reads the weights once. A generation that has no pending ids left gets its next token.
pub(crate) fn forward_batch(mut waiting: Vec<(&mut Generation, usize)>) -> Vec<StepResult> {
    let start = Instant::now();
    let mut shared = None;
    let mut sequences = Vec::with_capacity(waiting.len());
    let mut inputs = Vec::with_capacity(waiting.len());
    for (generation, rows) in &mut waiting {
        let completes = *rows >= generation.pending_rows();
        // One generation may lack memory for its cache; the others go on.
        inputs.push(generation.pending_input(*rows).map(|(model, ids, cache)| {
            shared = Some(model);
            sequences.push((ids, cache));
            completes
        }));
    }
    let logits = match shared {
        Some(model) => SequenceCache::logits(model, sequences),
        None => Ok(Vec::new()),
    };
    let took = start.elapsed();
    let mut logits = logits.map(Vec::into_iter);
    let results = waiting
        .into_iter()
        .zip(inputs)
        .map(|((generation, _), input)| {
            let completes = input.map_err(|error| generation.fail(error))?;
            let logits = match &mut logits {
                Ok(logits) => logits.next(),
                Err(error) => return Err(generation.fail(error.clone().into())),
            };
            generation.on_forward(took);
            match logits {
                Some(logits) if completes => generation.on_logits(logits),
                _ => Ok(None),
            }
        });
    results.collect()
}
