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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    Flex,
    NdArray,
    Wgpu,
    Tch,
    Cuda,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceId {
    Flex,
    NdArray,
    Wgpu(usize),
    TchCpu,
    TchCuda(usize),
    TchMps,
    Cuda(usize),
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackendStatus {
    pub backend: Backend,
    pub devices: Vec<DeviceStatus>,
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceStatus {
    pub place: DeviceId,
    pub description: String,
    pub precisions: Result<Vec<Precision>, ModelError>,
}
impl Backend {
    pub const ALL: [Self; 5] = [
        Self::Flex,
        Self::NdArray,
        Self::Wgpu,
        Self::Tch,
        Self::Cuda,
    ];
    pub fn feature(self) -> &'static str {}
    pub fn requirement(self) -> &'static str {}
    pub fn is_compiled_in(self) -> bool {}
}
impl DeviceId {
    pub fn backend(self) -> Backend {}
}
impl Display for DeviceId {}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum RopeScaling {
    Linear { factor: f64 },
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_max_position_embeddings: usize,
    },
}
impl ModelConfig {
    pub fn with_block_size(mut self, block_size: usize) -> Self {}
    pub fn with_vocab_size(mut self, vocab_size: usize) -> Self {}
    pub fn with_n_layer(mut self, n_layer: usize) -> Self {}
    pub fn with_n_head(mut self, n_head: usize) -> Self {}
    pub fn with_n_kv_head(mut self, n_kv_head: usize) -> Self {}
    pub fn with_n_embd(mut self, n_embd: usize) -> Self {}
    pub fn with_dropout(mut self, dropout: f64) -> Self {}
    pub fn with_bias(mut self, bias: bool) -> Self {}
    pub fn with_multiple_of(mut self, multiple_of: usize) -> Self {}
    pub fn with_intermediate_size(
        mut self,
        intermediate_size: impl Into<Option<usize>>,
    ) -> Self {}
    pub fn with_head_dim(mut self, head_dim: impl Into<Option<usize>>) -> Self {}
    pub fn with_rms_norm_eps(mut self, rms_norm_eps: f64) -> Self {}
    pub fn with_rope_theta(mut self, rope_theta: f64) -> Self {}
    pub fn with_rope_scaling(
        mut self,
        rope_scaling: impl Into<Option<RopeScaling>>,
    ) -> Self {}
    pub fn with_tie_word_embeddings(mut self, tie_word_embeddings: bool) -> Self {}
    pub fn with_qkv_bias(mut self, qkv_bias: bool) -> Self {}
    pub fn with_attention_output_bias(mut self, attention_output_bias: bool) -> Self {}
    pub fn with_qk_norm(mut self, qk_norm: bool) -> Self {}
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelConfig {
    pub block_size: usize,
    pub vocab_size: usize,
    pub n_layer: usize,
    pub n_head: usize,
    pub n_kv_head: usize,
    pub n_embd: usize,
    pub dropout: f64,
    pub bias: bool,
    pub multiple_of: usize,
    pub intermediate_size: Option<usize>,
    pub head_dim: Option<usize>,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: Option<RopeScaling>,
    pub tie_word_embeddings: bool,
    pub qkv_bias: bool,
    pub attention_output_bias: bool,
    pub qk_norm: bool,
}
impl Default for ModelConfig {}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    pub name: String,
    pub shape: Vec<usize>,
}
impl Parameter {
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {}
    pub fn rows(&self) -> usize {}
    pub fn width(&self) -> usize {}
    pub fn precision_in(&self, precision: Precision) -> Precision {}
}
impl ModelConfig {
    pub const RMS_NORM_EPS: f64 = 1e-6;
    pub const ROPE_THETA: f64 = 10000.0;
    pub fn head_dim(&self) -> usize {}
    pub fn attention_dim(&self) -> usize {}
    pub fn kv_dim(&self) -> usize {}
    pub fn hidden_dim(&self) -> usize {}
    pub fn validate(&self) -> Result<(), ModelError> {}
    pub fn parameters(&self) -> Vec<Parameter> {}
    pub fn n_parameters(&self) -> usize {}
}
impl From<KernelError> for ModelError {}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceName {
    #[default]
    Auto,
    Cpu,
    Cuda(usize),
    Tch,
    Specific(DeviceId),
}
impl DeviceName {
    pub fn open(self) -> Result<Device, ModelError> {}
    pub fn find(self) -> Result<(DeviceId, Device), ModelError> {}
}
impl FromStr for DeviceName {
    type Err = ModelError;
}
impl Serialize for DeviceName {}
impl<'de> Deserialize<'de> for DeviceName {}
impl Display for DeviceName {}
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    InvalidConfig { field: &'static str, value: usize, rule: String },
    InvalidConfigNumber { field: &'static str, value: String, rule: String },
    NoMemory { bytes: usize },
    NoThreads { threads: usize, reason: String },
    UnknownDevice { found: String, expected: &'static str },
    UnknownPrecision { found: String, expected: &'static str },
    NoBackend,
    NotCompiledIn { device: String, feature: &'static str },
    NoDevice { device: String, found: String },
    DeviceFails { device: String, message: String },
    UnsupportedPrecision { precision: Precision, supported: String },
    UnsupportedCache { precision: Precision, supported: String },
    Backend { message: String },
    NoIds,
    UnknownId { id: u32, position: usize, vocab_size: usize },
    ContextFull { past: usize, new: usize, block_size: usize },
    ContextTooLong { context: usize, block_size: usize },
    CacheMismatch { found: String, expected: String },
}
#[derive(Clone, Debug)]
pub struct KvCache {}
impl KvCache {
    pub fn len(&self) -> usize {}
    pub fn is_empty(&self) -> bool {}
    pub fn capacity(&self) -> usize {}
    pub fn truncate(&mut self, len: usize) {}
    pub fn clear(&mut self) {}
    pub fn reserve(&mut self, n: usize) -> Result<(), ModelError> {}
    pub fn memory_bytes(&self) -> usize {}
    pub fn total_memory_bytes<'a>(caches: impl IntoIterator<Item = &'a Self>) -> usize {}
}
#[derive(Debug)]
pub struct WolfgangModel {}
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchEntry<'a> {
    pub ids: &'a [u32],
    pub cache: &'a mut KvCache,
    pub n_logits: usize,
    pub logits_buffer: Vec<f32>,
}
impl<'a> BatchEntry<'a> {
    pub fn new(ids: &'a [u32], cache: &'a mut KvCache) -> Self {}
    pub fn with_n_logits(mut self, n_logits: usize) -> Self {}
    pub fn with_logits_buffer(mut self, logits_buffer: Vec<f32>) -> Self {}
}
impl WolfgangModel {
    pub fn from_weights<'a, E: From<ModelError> + Send>(
        config: &ModelConfig,
        device: &Device,
        options: impl Into<ModelOptions>,
        open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {}
    pub fn config(&self) -> &ModelConfig {}
    pub fn device(&self) -> &Device {}
    pub fn precision(&self) -> Precision {}
    pub fn cache_precision(&self) -> Precision {}
    pub fn weight_bytes(&self) -> usize {}
    pub fn threads(&self) -> Option<usize> {}
    pub fn new_cache(&self) -> Result<KvCache, ModelError> {}
    pub fn forward(&self, ids: &[u32]) -> Result<Vec<f32>, ModelError> {}
    pub fn forward_cached(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
    ) -> Result<Vec<f32>, ModelError> {}
    pub fn forward_profiled(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        profile: &mut Profile,
    ) -> Result<Vec<f32>, ModelError> {}
    pub fn forward_batch(
        &self,
        batch: &mut [BatchEntry<'_>],
    ) -> Result<Vec<Vec<f32>>, ModelError> {}
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelOptions {
    pub precision: Precision,
    pub cache: Option<Precision>,
    pub threads: Option<NonZeroUsize>,
    pub context: Option<NonZeroUsize>,
    pub use_burn_ops: bool,
}
impl ModelOptions {
    pub fn with_precision(mut self, precision: Precision) -> Self {}
    pub fn with_cache(mut self, cache: impl Into<Option<Precision>>) -> Self {}
    pub fn with_threads(mut self, threads: impl Into<Option<NonZeroUsize>>) -> Self {}
    pub fn with_context(mut self, context: impl Into<Option<NonZeroUsize>>) -> Self {}
    pub fn with_use_burn_ops(mut self, use_burn_ops: bool) -> Self {}
}
impl From<Precision> for ModelOptions {}
impl Precision {
    pub fn supported_by(device: &Device) -> Vec<Self> {}
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    #[default]
    F32,
    F16,
    Bf16,
    Int8,
    Int4,
}
impl Precision {
    pub const ALL: [Self; 5] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Int8,
        Self::Int4,
    ];
    pub fn as_str(self) -> &'static str {}
}
impl fmt::Display for Precision {}
impl FromStr for Precision {
    type Err = ModelError;
}
pub fn devices() -> Vec<BackendStatus> {}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    Embedding,
    Norm,
    Pack,
    Qkv,
    Attention,
    AttentionOutput,
    GateUp,
    Down,
    Head,
}
impl Op {
    pub const ALL: [Self; 9] = [
        Self::Embedding,
        Self::Norm,
        Self::Pack,
        Self::Qkv,
        Self::Attention,
        Self::AttentionOutput,
        Self::GateUp,
        Self::Down,
        Self::Head,
    ];
    pub fn name(self) -> &'static str {}
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {}
impl Profile {
    pub fn spent(&self, op: Op) -> Duration {}
    pub fn total(&self) -> Duration {}
}
pub type RowReader<'a, E> = Box<
    dyn Fn(Range<usize>, &mut [f32]) -> Result<(), E> + Sync + 'a,
>;
