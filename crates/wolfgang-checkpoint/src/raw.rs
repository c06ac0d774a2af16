//! The contents of a checkpoint of any format, before validation against the configuration.

use crate::blocks::BlockType;
use crate::format::Format;
use crate::gguf::GgufTokenizer;
use crate::mapped::Mapped;
use crate::tensor::Tensor;
use std::collections::BTreeMap;
use wolfgang_model::ModelConfig;

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
    /// Tensors by the names of [`ModelConfig::parameters`]; a stored head is named [`HEAD`].
    pub(crate) tensors: BTreeMap<String, Tensor>,
    /// The type of each block-quantised tensor, by its name. Its element type is f32, that of the
    /// weights after dequantisation.
    pub(crate) blocks: BTreeMap<String, BlockType>,
    /// The tokenizer, for GGUF files.
    pub(crate) tokenizer: Option<GgufTokenizer>,
    /// The ids that end a text; empty if the files name none.
    pub(crate) end_ids: Vec<u32>,
    /// The type of each tensor that cannot be read, by the name of the tensor.
    pub(crate) unsupported: BTreeMap<String, String>,
    pub(crate) skipped: Vec<Skipped>,
    /// The classes of the Python objects that were skipped.
    pub(crate) unread_classes: Vec<String>,
    /// The mapped files that contain the tensors; empty for tensors in memory.
    pub(crate) maps: Vec<Mapped>,
}

impl RawCheckpoint {
    /// A checkpoint with this configuration and these tensors, and nothing else.
    pub(crate) fn new(
        format: Format,
        config: ModelConfig,
        tensors: BTreeMap<String, Tensor>,
    ) -> Self {
        Self {
            format,
            config,
            tensors,
            blocks: BTreeMap::new(),
            tokenizer: None,
            end_ids: Vec::new(),
            unsupported: BTreeMap::new(),
            skipped: Vec::new(),
            unread_classes: Vec::new(),
            maps: Vec::new(),
        }
    }
}

/// The name of the head. If it is tied, files may store it in addition to the embeddings.
pub(crate) const HEAD: &str = "output.weight";
