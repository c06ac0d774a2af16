//! The Faust model, which is part of the program.

use wolfgang_checkpoint::Checkpoint;
use wolfgang_faust::{CONFIG, TOKENIZER, WEIGHTS};
use wolfgang_generate::{Device, GenerateError, ModelOptions, Tokenizer, WolfgangModel};

const ORIGIN: &str = "the Faust model in this program";

/// The model, from the memory of the program.
pub(crate) fn model(
    device: &Device,
    options: ModelOptions,
) -> Result<WolfgangModel, GenerateError> {
    let checkpoint = Checkpoint::from_memory(CONFIG, WEIGHTS, ORIGIN)?;
    Ok(checkpoint.into_model_with(device, options, &mut ())?)
}

/// Its tokenizer.
pub(crate) fn tokenizer() -> Result<Tokenizer, GenerateError> {
    Ok(Tokenizer::from_bytes(TOKENIZER)?)
}
