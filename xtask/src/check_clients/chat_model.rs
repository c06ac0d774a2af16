//! The model of the chat server.

use anyhow::Context;
use std::path::Path;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, convert};
use wolfgang_generate::ModelConfig;

/// ChatML, whose markers are not tokens of the vocabulary.
const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n\
                        {{ message.content }}<|im_end|>\n{% endfor %}\
                        {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Writes a model of 14 million random weights with a chat template. Its context is long enough
/// that a response can take seconds, so that the end of an abandoned one is observable.
pub(super) fn write(folder: &Path) -> anyhow::Result<()> {
    let mut config = ModelConfig::default();
    config.block_size = 2048;
    config.vocab_size = 4096;
    config.n_layer = 4;
    config.n_embd = 512;
    config.n_head = 8;
    config.n_kv_head = 4;
    let tokenizer = Path::new(super::BASE_MODEL).join("tokenizer.json");
    let options = ConvertOptions::default().with_tokenizer(tokenizer);
    convert(&Checkpoint::random(&config, 1)?, folder, &options, &mut ())?;
    std::fs::write(folder.join("chat_template.jinja"), TEMPLATE)
        .context("cannot write the chat template")
}
