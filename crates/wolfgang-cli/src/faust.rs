//! The Faust model, which comes with the program.

use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{Device, GenerateError, Tokenizer, Wolfgang};

const ORIGIN: &str = "the Faust model in this program";

/// The model, from the program's own memory: found wherever the program is installed and run.
pub(crate) fn model(device: &Device) -> Result<Wolfgang, GenerateError> {
    let config = include_bytes!("../../../models/faust/config.json");
    let record = bytes::Bytes::from_static(include_bytes!("../../../models/faust/model.bpk"));
    Ok(Checkpoint::from_memory(config, record, ORIGIN)?.into_model(device)?)
}

/// Its tokenizer.
pub(crate) fn tokenizer() -> Result<Tokenizer, GenerateError> {
    let json = include_bytes!("../../../models/faust/tokenizer.json");
    Ok(Tokenizer::from_bytes(json, ORIGIN)?)
}
