//! The contents of a checkpoint of any format, before validation against the configuration.

use crate::mapped::Mapped;
use crate::weights::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use wolfgang_model::ModelConfig;

/// Format of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A `.pt` file written by `torch.save`.
    Pytorch,
    /// A native folder: `config.json` and `model.bpk`.
    Native,
    /// A Hugging Face folder: `config.json` and safetensors, as written by the `transformers`
    /// library.
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

/// An entry of a checkpoint that is not part of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Name of the entry in the file.
    pub name: String,
    /// Why it is skipped.
    pub reason: &'static str,
}

/// The result of reading a format, before validation against the configuration.
pub(crate) struct RawCheckpoint {
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
