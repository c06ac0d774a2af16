//! Loading and running the model of a case.

use crate::BenchError;
use crate::case::Case;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_model::{KvCache, ModelError, ModelOptions, WolfgangModel};

pub(crate) fn load(case: &Case) -> Result<WolfgangModel, BenchError> {
    let configuration = &case.configuration;
    let options = ModelOptions::default()
        .with_precision(configuration.precision)
        .with_threads(configuration.threads);
    let device = configuration.device.open()?;
    let checkpoint = Checkpoint::open(&case.model)?;
    Ok(checkpoint.into_model_with(&device, options, &mut ())?)
}

/// One forward pass, up to the logits in host memory.
pub(crate) fn forward(
    model: &WolfgangModel,
    ids: &[u32],
    cache: &mut KvCache,
) -> Result<(), ModelError> {
    std::hint::black_box(model.forward_cached(ids, cache)?);
    Ok(())
}

/// Scattered ids. Their values do not affect the speed.
pub(crate) fn token_ids(model: &WolfgangModel, n: usize) -> Vec<u32> {
    let vocab_size = model.config().vocab_size as u64;
    (0..n as u64)
        .map(|i| (i * 2_654_435_761 % vocab_size) as u32)
        .collect()
}
