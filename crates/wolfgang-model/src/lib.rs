//! The Wolfgang-LM transformer on burn: token ids in, logits out.
//!
//! A decoder of Llama's kind (Touvron et al. 2023): pre-norm residual blocks of grouped-query attention with rotary
//! embedding and of SwiGLU, one final RMSNorm, and a head that shares its weights with the embeddings. Modules and
//! parameters bear the names they have in the checkpoints, but that matrices with the same input are one.
//!
//! The model is immutable and knows no text, no file and no position: whoever generates owns a [`KvCache`] and passes
//! it along. Any number of generations can share one model.
//!
//! burn's tensors carry no backend type; a [`Device`] says where they live. The model therefore
//! runs on every backend that is compiled in (Cargo features of this crate), and never picks one by itself.

mod attention;
mod backends;
mod block;
mod config;
mod contained;
mod cpu;
mod device;
mod embedding;
mod error;
mod feed_forward;
mod host;
mod kv_cache;
mod linear;
mod mask;
mod norm;
mod options;
mod precision;
mod profile;
mod rope;
mod transformer;
mod weights;
mod wolfgang;

pub use backends::{Backend, BackendStatus, DeviceStatus, Place, devices};
pub use burn::tensor::Device;
pub use config::{ModelConfig, Parameter};
pub use device::DeviceName;
pub use error::ModelError;
pub use host::to_host;
pub use kv_cache::KvCache;
pub use options::ModelOptions;
pub use precision::Precision;
pub use profile::{Profile, Step};
pub use weights::ReadRows;
pub use wolfgang::{Continuation, Wolfgang};
pub use wolfgang_kernels::quantise;
