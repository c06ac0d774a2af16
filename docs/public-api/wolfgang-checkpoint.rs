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
#[derive(Debug)]
pub struct Checkpoint {}
pub fn load(
    path: impl AsRef<Path>,
    device: &Device,
) -> Result<WolfgangModel, CheckpointError> {}
impl Checkpoint {
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {}
    pub fn from_memory(
        config: &[u8],
        record: impl AsRef<[u8]> + Send + 'static,
        origin: &str,
    ) -> Result<Self, CheckpointError> {}
    pub fn random(config: &ModelConfig, seed: u64) -> Result<Self, CheckpointError> {}
    pub fn path(&self) -> &Path {}
    pub fn format(&self) -> Format {}
    pub fn config(&self) -> &ModelConfig {}
    pub fn end_ids(&self) -> &[u32] {}
    pub fn embedded_tokenizer(&self) -> Option<&GgufTokenizer> {}
    pub fn skipped(&self) -> &[Skipped] {}
    pub fn unread_classes(&self) -> &[String] {}
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = TensorInfo<'_>> {}
    pub fn dtypes(&self) -> Vec<(&'static str, usize)> {}
    pub fn into_model(self, device: &Device) -> Result<WolfgangModel, CheckpointError> {}
    pub fn into_model_with(
        mut self,
        device: &Device,
        options: impl Into<ModelOptions>,
        progress: &mut dyn Progress,
    ) -> Result<WolfgangModel, CheckpointError> {}
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo<'a> {
    pub name: &'a str,
    pub dtype: &'static str,
    pub shape: &'a [usize],
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    #[default]
    Native,
    HuggingFace,
}
impl Target {
    pub fn check(self, precision: Precision) -> Result<(), CheckpointError> {}
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertOptions {
    pub target: Target,
    pub precision: Option<Precision>,
    pub tokenizer: Option<PathBuf>,
    pub embedded_tokenizer: bool,
    pub replace: bool,
}
impl Default for ConvertOptions {}
impl ConvertOptions {
    pub fn with_target(mut self, target: Target) -> Self {}
    pub fn with_precision(mut self, precision: impl Into<Option<Precision>>) -> Self {}
    pub fn with_tokenizer(mut self, tokenizer: impl Into<Option<PathBuf>>) -> Self {}
    pub fn with_embedded_tokenizer(mut self, embedded: bool) -> Self {}
    pub fn with_replace(mut self, replace: bool) -> Self {}
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvertReport {
    pub folder: PathBuf,
    pub tensors: usize,
    pub bytes: u64,
    pub rounded: usize,
}
pub fn convert(
    source: &Checkpoint,
    folder: impl AsRef<Path>,
    options: &ConvertOptions,
    progress: &mut dyn Progress,
) -> Result<ConvertReport, CheckpointError> {}
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    Read { path: PathBuf, source: std::io::Error },
    NotACheckpoint { path: PathBuf, found: String },
    GitLfsPointer { path: PathBuf },
    PartOfFolder { path: PathBuf, folder: PathBuf },
    OtherWeights { path: PathBuf, instruction: &'static str },
    Damaged { path: PathBuf, source: Source },
    UnsupportedFormat { path: PathBuf, found: String },
    UnsafePickle { path: PathBuf, callable: String },
    MissingEntry { path: PathBuf, entry: &'static str, found: String },
    Config { path: PathBuf, field: String, source: serde_json::Error },
    Unsupported { path: PathBuf, field: String, found: String, expected: String },
    UnsupportedTokenizer { path: PathBuf, found: String },
    NoMemory { path: PathBuf, source: ModelError },
    Model { path: PathBuf, source: ModelError },
    Device { path: PathBuf, source: ModelError },
    Tensors { path: PathBuf, problems: TensorErrors },
    NotFinite { path: PathBuf, tensor: String, index: usize, value: f32 },
    NotInt8 {
        path: PathBuf,
        tensor: String,
        index: usize,
        value: f32,
        rule: &'static str,
    },
    TooLarge { path: PathBuf, tensor: String, index: usize, precision: &'static str },
    UntiedHead { path: PathBuf },
    QuantisedInHuggingFace { precision: Precision },
    Write { path: PathBuf, source: Source },
    Exists { path: PathBuf },
    NotReplaced { path: PathBuf, found: String },
    Verify { path: PathBuf, tensor: String },
    HubName { given: String, problem: String },
    HubNotFound { endpoint: String, model: String, what: String, status: u16 },
    HubUnreachable { endpoint: String, source: Source },
    HubBusy { endpoint: String, model: String, what: String, status: u16 },
    HubUnexpectedResponse {
        endpoint: String,
        model: String,
        what: String,
        found: String,
    },
    HubInterrupted { file: String, found: u64, expected: u64, source: Source },
    HubSize { file: String, found: u64, expected: u64 },
    HubSeveral { model: String, found: String },
    HubNoSuchFile { model: String, found: String },
    HubContents { model: String, found: String },
    HubNotCached { model: String, missing: String, path: PathBuf },
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    Pytorch,
    Native,
    HuggingFace,
    Gguf,
}
impl fmt::Display for Format {}
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GenerationConfig {
    pub path: PathBuf,
    pub do_sample: bool,
    pub temperature: f32,
    pub top_k: Option<usize>,
    pub top_p: f32,
    pub min_p: Option<f32>,
    pub typical_p: f32,
    pub repetition_penalty: f32,
    pub no_repeat_ngram_size: Option<usize>,
    pub unused: Vec<String>,
}
impl GenerationConfig {
    pub fn beside(
        checkpoint: impl AsRef<Path>,
    ) -> Result<Option<Self>, CheckpointError> {}
}
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GgufTokenizer {
    pub model: String,
    pub pre: Option<String>,
    pub tokens: Vec<String>,
    pub token_types: Vec<i32>,
    pub scores: Vec<f32>,
    pub merges: Vec<String>,
    pub bos_token_id: Option<u32>,
    pub eos_token_id: Option<u32>,
    pub eot_token_id: Option<u32>,
    pub unknown_token_id: Option<u32>,
    pub padding_token_id: Option<u32>,
    pub add_bos_token: Option<bool>,
    pub add_space_prefix: Option<bool>,
    pub chat_template: Option<String>,
}
impl GgufTokenizer {
    pub fn from_file(path: impl AsRef<Path>) -> Result<Option<Self>, CheckpointError> {}
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenizerFiles {
    pub tokenizer: Vec<u8>,
    pub config: Vec<u8>,
}
impl GgufTokenizer {
    pub fn to_files(&self, path: &Path) -> Result<TokenizerFiles, CheckpointError> {}
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubModel {}
impl HubModel {
    pub fn repository(&self) -> &str {}
    pub fn file(&self) -> Option<&str> {}
    pub fn revision(&self) -> &str {}
}
impl FromStr for HubModel {
    type Err = CheckpointError;
}
impl fmt::Display for HubModel {}
pub trait HubClock: Debug + Send + Sync {
    fn now(&self) -> SystemTime;
    fn sleep(&self, duration: Duration);
}
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;
impl HubClock for SystemClock {}
#[derive(Clone)]
#[non_exhaustive]
pub struct Hub {
    pub endpoint: String,
    pub cache: PathBuf,
    pub token: Option<String>,
    pub offline: bool,
    pub clock: Arc<dyn HubClock>,
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubFiles {
    pub checkpoint: PathBuf,
    pub tokenizer: Option<PathBuf>,
    pub unavailable: Option<HubUnavailable>,
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubUnavailable {
    pub endpoint: String,
    pub problem: String,
}
impl Hub {
    pub const ENDPOINT: &str = "https://huggingface.co";
    pub fn new(cache: impl Into<PathBuf>) -> Self {}
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {}
    pub fn with_cache(mut self, cache: impl Into<PathBuf>) -> Self {}
    pub fn with_token(mut self, token: impl Into<Option<String>>) -> Self {}
    pub fn with_offline(mut self, offline: bool) -> Self {}
    pub fn with_clock(mut self, clock: Arc<dyn HubClock>) -> Self {}
    pub fn fetch(
        &self,
        model: &HubModel,
        progress: &mut dyn Progress,
    ) -> Result<HubFiles, CheckpointError> {}
}
impl fmt::Debug for Hub {}
pub trait Progress {
    fn begin(&mut self, phase: Phase, bytes: u64);
    fn advance(&mut self, bytes: u64);
    fn end(&mut self);
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    Download { file: String },
    ReadWeights,
    Write,
    Verify,
}
impl fmt::Display for Phase {}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    pub name: String,
    pub reason: &'static str,
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorError {
    Missing { name: String, nearest: Option<String> },
    Unexpected { name: String, nearest: Option<String> },
    Shape { name: String, found: Vec<usize>, expected: Vec<usize> },
    Type { name: String, found: String, expected: &'static str },
    NoScales { name: String, scales: String },
    StrayScales { name: String, of: String, found: Option<String> },
}
impl fmt::Display for TensorError {}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorErrors(pub Vec<TensorError>);
impl fmt::Display for TensorErrors {}
