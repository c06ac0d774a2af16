//! The Faust model, which comes with the program.

use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{Device, GenerateError, ModelOptions, Tokenizer, Wolfgang};

const ORIGIN: &str = "the Faust model in this program";

/// The model, from the program's own memory: found wherever the program is installed and run.
pub(crate) fn model(device: &Device, options: ModelOptions) -> Result<Wolfgang, GenerateError> {
    let config = include_bytes!("../../../models/faust/config.json");
    let record = bytes::Bytes::from_static(include_bytes!("../../../models/faust/model.bpk"));
    let checkpoint = Checkpoint::from_memory(config, record, ORIGIN)?;
    Ok(checkpoint.into_model_with(device, options, &mut ())?)
}

/// Its tokenizer.
pub(crate) fn tokenizer() -> Result<Tokenizer, GenerateError> {
    let json = include_bytes!("../../../models/faust/tokenizer.json");
    Ok(Tokenizer::from_bytes(json, ORIGIN)?)
}
