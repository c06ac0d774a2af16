//! What the files of a checkpoint folder are called.

/// The shape of the model, and which of the two forms the folder has.
pub(crate) const CONFIG: &str = "config.json";

/// The tokenizer, in either form.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The weights of a native folder.
pub(crate) const RECORD: &str = "model.bpk";

/// The weights of a Hugging Face folder, where they are one file.
pub(crate) const SINGLE: &str = "model.safetensors";

/// Which files hold the weights of a Hugging Face folder, where they are several.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// What transformers should know for generating.
pub(crate) const GENERATION_CONFIG: &str = "generation_config.json";

/// What transformers should know of the tokenizer.
pub(crate) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Everything that conversions write. A folder with anything else in it is somebody's work.
pub(crate) const OUTPUT_FILES: [&str; 6] = [
    CONFIG,
    TOKENIZER,
    RECORD,
    SINGLE,
    GENERATION_CONFIG,
    TOKENIZER_CONFIG,
];
