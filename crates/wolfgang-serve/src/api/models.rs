//! `/v1/models`.

use crate::api::ApiContext;
use serde_json::{Value, json};

/// The description of the loaded model.
pub(crate) fn model_object(context: &ApiContext) -> Value {
    let model = context.generator.model();
    let tokenizer = context.generator.tokenizer();
    let config = model.config();
    json!({
        "id": context.model,
        "object": "model",
        "created": context.created,
        "owned_by": "wolfgang",
        "max_model_len": config.block_size,
        "meta": {
            "n_params": config.n_parameters(),
            "n_ctx": config.block_size,
            "n_vocab": config.vocab_size,
            "dtype": model.precision().as_str(),
            "has_chat_template": tokenizer.chat_template().is_some() || tokenizer.chat_tokens().is_ok(),
            "system_fingerprint": context.fingerprint,
        },
    })
}

pub(crate) fn model_list(context: &ApiContext) -> Value {
    json!({"object": "list", "data": [model_object(context)]})
}
