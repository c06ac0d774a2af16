//! Reads and writes Wolfgang-LM checkpoints.
//!
//! ```
//! use wolfgang_checkpoint::{Checkpoint, Format};
//! use wolfgang_model::Device;
//!
//! let checkpoint = Checkpoint::open("../../models/faust")?;
//! assert_eq!(checkpoint.format(), Format::Native);
//! assert_eq!(checkpoint.config().n_layer, 6);
//!
//! let model = checkpoint.into_model(&Device::flex())?;
//! assert_eq!(model.forward(&[0, 36, 3930])?.len(), 3 * model.config().vocab_size);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Four formats are supported, and detected by content:
//!
//! - **`.pt`** files of the original, written by `torch.save`: zip or older, with or without the
//!   prefixes of wrapped modules (`_orig_mod.`, `module.`), optimizer state and training settings,
//!   in f64, f32, f16 or bf16;
//! - the **native folder**: `config.json`, `model.bpk` (a burn record) and optionally
//!   `tokenizer.json`; in those types or in int8;
//! - the **Hugging Face folder**: the same model exported as a `LlamaForCausalLM`, in safetensors;
//! - **GGUF** files of llama.cpp with the architectures `llama`, `qwen2` and `qwen3`, whose
//!   quantised weights are converted to f32.
//!
//! [`Checkpoint::open`] reads names and shapes and validates them against the configuration.
//! Weights are read later, one tensor at a time, and only those of the model; optimizer state is
//! never read.
//!
//! With the feature `hub`, `Hub` downloads models from the Hugging Face Hub to its usual cache.
//!
//! Checkpoints are untrusted input. Pickles are parsed, never executed; a file in which Python
//! would call a function that may have side effects is refused as
//! [`CheckpointError::UnsafePickle`].

mod atomic_dir;
mod blocks;
mod catch_panic;
mod checkpoint;
mod codec;
mod companion_files;
mod convert;
mod end_ids;
mod error;
mod file_kind;
mod file_names;
mod folder;
mod format;
mod generation_config;
mod gguf;
mod git_lfs;
#[cfg(feature = "hub")]
mod hub;
mod huggingface;
mod int4;
mod json;
mod mapped;
mod native;
mod pickle;
mod progress;
mod pytorch;
mod random;
mod raw;
mod scales;
mod small_file;
mod suggest;
mod tensor;
mod tensor_error;
mod validate;
mod weights;
mod wrappers;

pub use checkpoint::{Checkpoint, TensorInfo, load};
pub use convert::{ConvertOptions, ConvertReport, Target, convert};
pub use error::CheckpointError;
pub use format::Format;
pub use generation_config::GenerationConfig;
pub use gguf::{GgufTokenizer, TokenizerFiles};
#[cfg(feature = "hub")]
pub use hub::{Hub, HubClock, HubFiles, HubModel, HubUnavailable, SystemClock};
pub use progress::{Phase, Progress};
pub use raw::Skipped;
pub use tensor_error::{TensorError, TensorErrors};
pub use wolfgang_model::Precision;
