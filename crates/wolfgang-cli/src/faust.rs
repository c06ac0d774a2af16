//! The Faust model, which comes with the program.

use wolfgang_checkpoint::Checkpoint;
use wolfgang_faust::{CONFIG, TOKENIZER, WEIGHTS};
use wolfgang_generate::{Device, GenerateError, ModelOptions, Tokenizer, WolfgangModel};

const ORIGIN: &str = "the Faust model in this program";

/// The model, from the program's own memory: found wherever the program is installed and run.
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
