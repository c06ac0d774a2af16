//! What a file of any format holds, before it is held against its configuration.

use crate::mapped::Mapped;
use crate::weights::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use wolfgang_model::ModelConfig;

/// The form a checkpoint is stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The original's `.pt`.
    Pytorch,
    /// A folder with `config.json` and `model.bpk`.
    Native,
    /// A folder with `config.json` and safetensors, as the `transformers` library writes it.
    HuggingFace,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pytorch => "PyTorch",
            Self::Native => "native",
            Self::HuggingFace => "Hugging Face",
        })
    }
}

/// Something in a checkpoint that the model does not need.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Its name in the file.
    pub name: String,
    /// Why it is not needed.
    pub reason: &'static str,
}

/// What the reader of a format found, before it is held against the configuration.
pub(crate) struct Contents {
    pub(crate) format: Format,
    pub(crate) config: ModelConfig,
    /// Under the names of [`ModelConfig::parameters`], and `output.weight` for a stored head.
    pub(crate) tensors: BTreeMap<String, Tensor>,
    /// The ids that end a text, as far as the files name any.
    pub(crate) end_ids: Vec<u32>,
    /// Tensors that cannot be read, by name, and what they hold instead of numbers of a known type.
    pub(crate) unsupported: BTreeMap<String, String>,
    pub(crate) skipped: Vec<Skipped>,
    /// The classes of objects beside the model whose contents were not read.
    pub(crate) unread_classes: Vec<String>,
    /// The files that the tensors lie in, as far as they are mapped.
    pub(crate) maps: Vec<Mapped>,
}

/// The head, where a file stores it besides the embeddings.
pub(crate) const HEAD: &str = "output.weight";
