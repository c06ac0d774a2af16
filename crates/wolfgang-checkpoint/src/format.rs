//! Formats of checkpoints.

use std::fmt;

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
    /// A GGUF file of llama.cpp.
    Gguf,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pytorch => "PyTorch",
            Self::Native => "native",
            Self::HuggingFace => "Hugging Face",
            Self::Gguf => "GGUF",
        })
    }
}
