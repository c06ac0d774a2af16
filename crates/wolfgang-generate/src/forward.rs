//! One forward pass of the model for several generations.

use crate::sequence_cache::SequenceCache;
use crate::{Event, GenerateError, Generation};
use std::time::Instant;

/// The result of a forward pass for one generation: the event that became available, if any.
pub(crate) type StepResult = Result<Option<Event>, GenerateError>;

/// Computes the first `rows` pending ids of each of these generations, all of one model, in one
/// pass that reads the weights once. A generation without pending ids left gets its next token.
/// One that scores its prompt keeps the logits of all rows in memory during the pass.
pub(crate) fn forward_batch(mut waiting: Vec<(&mut Generation, usize)>) -> Vec<StepResult> {
    let start = Instant::now();
    let mut shared = None;
    let mut inputs = Vec::with_capacity(waiting.len());
    let mut prepared = Vec::with_capacity(waiting.len());
    for (generation, rows) in &mut waiting {
        // If the memory for one cache cannot be allocated, the other generations continue.
        prepared.push(generation.pending_input(*rows).map(|(model, input)| {
            shared = Some(model);
            inputs.push(input);
        }));
    }
    let logits = match shared {
        Some(model) => SequenceCache::forward(model, inputs),
        None => Ok(Vec::new()),
    };
    let took = start.elapsed();
    let mut logits = logits.map(Vec::into_iter);
    let waiting = waiting.into_iter().zip(prepared);
    let results = waiting.map(|((generation, _), prepared)| {
        prepared.map_err(|error| generation.fail(error))?;
        let logits = match &mut logits {
            Ok(logits) => logits.next().unwrap_or_default(),
            Err(error) => return Err(generation.fail(error.clone().into())),
        };
        generation.on_forward(took);
        if logits.is_empty() {
            return Ok(None);
        }
        generation.on_logits(logits)
    });
    results.collect()
}
