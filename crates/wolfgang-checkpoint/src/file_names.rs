//! Names of the files in a checkpoint folder.

/// The configuration of the model. It also determines the format of the folder.
pub(crate) const CONFIG: &str = "config.json";

/// The tokenizer, in both formats.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The weights of a native folder.
pub(crate) const RECORD: &str = "model.bpk";

/// The weights of a Hugging Face folder that are in a single file.
pub(crate) const SINGLE: &str = "model.safetensors";

/// The list of the files with the weights of a Hugging Face folder.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// Settings of the transformers library for generation.
pub(crate) const GENERATION_CONFIG: &str = "generation_config.json";

/// Settings of the transformers library for the tokenizer.
pub(crate) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// A chat template of the transformers library.
pub(crate) const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// All files that conversions write. A folder with any other file is not replaced.
pub(crate) const OUTPUT_FILES: [&str; 7] = [
    CONFIG,
    TOKENIZER,
    RECORD,
    SINGLE,
    GENERATION_CONFIG,
    TOKENIZER_CONFIG,
    CHAT_TEMPLATE,
];
