//! The Wolfgang-LM transformer: token ids in, logits out.
//!
//! ```
//! use wolfgang_model::{Device, ModelConfig, ModelError, Parameter, Precision, RowReader, WolfgangModel};
//!
//! // A callback returns the weights row by row; `wolfgang-checkpoint` reads those of a checkpoint.
//! let open = |_: &Parameter| -> Result<RowReader<'_, ModelError>, ModelError> {
//!     Ok(Box::new(|rows, into| {
//!         for (i, weight) in into.iter_mut().enumerate() {
//!             *weight = ((rows.start + i) as f32).sin();
//!         }
//!         Ok(())
//!     }))
//! };
//! let config = ModelConfig::default().with_vocab_size(256).with_n_layer(2).with_n_embd(40);
//! let model = WolfgangModel::from_weights(&config, &Device::flex(), Precision::F32, open)?;
//!
//! // The logits of three ids are the same in one pass and with a KV cache.
//! let all = model.forward(&[1, 2, 3])?;
//! let mut cache = model.new_cache()?;
//! model.forward_cached(&[1, 2], &mut cache)?;
//! let last = model.forward_cached(&[3], &mut cache)?;
//! assert_eq!(all[2 * 256..], last);
//! # Ok::<(), ModelError>(())
//! ```
//!
//! The architecture is that of Llama (Touvron et al. 2023): a decoder with pre-norm residual blocks
//! of grouped-query attention with rotary position embedding (RoPE) and of SwiGLU feed-forward
//! layers, a final RMSNorm, and an output head, tied to the embeddings or not. [`ModelConfig`] also
//! describes Mistral, Qwen2 and Qwen3, with biases and norms of queries and keys. Modules and
//! parameters have the names of the checkpoints; projections with the same input are fused.
//!
//! The model is immutable and independent of text and files. The caller owns a [`KvCache`] per
//! sequence, which contains the position, and passes it to each call. Any number of generations can
//! share one model.
//!
//! Logits are returned in host memory. [`Device`] is the only type of burn in the public API.
//!
//! # Cargo features
//!
//! - `flex` (default), `ndarray`, `wgpu`, `vulkan`, `metal`, `webgpu`, `cuda`, `tch`: the backends.
//!   The [`Device`] selects one of those compiled in at run time. `flex` is the CPU, with the
//!   kernels of `wolfgang-kernels`.
//! - `autotune`: GPU backends measure several kernels at each start and use the fastest.

mod attention;
mod backends;
mod block;
mod catch_panic;
mod config;
mod cpu;
mod device;
mod embedding;
mod error;
mod feed_forward;
mod flex;
mod host;
mod kv_cache;
mod linear;
mod mask;
mod model;
mod norm;
mod options;
mod precision;
mod probe;
mod profile;
mod rope;
mod transformer;
mod weights;

pub use backends::{Backend, BackendStatus, DeviceId, DeviceStatus};
pub use burn::tensor::Device;
pub use config::{ModelConfig, Parameter, RopeScaling};
pub use device::DeviceName;
pub use error::ModelError;
pub use kv_cache::KvCache;
pub use model::{BatchEntry, WolfgangModel};
pub use options::ModelOptions;
pub use precision::Precision;
pub use probe::devices;
pub use profile::{Op, Profile};
pub use weights::RowReader;
pub use wolfgang_kernels::{quantise, quantise_group};
