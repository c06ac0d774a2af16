pub use batch::Batch;
pub use builder::GeneratorBuilder;
pub use conversation::Conversation;
pub use engine::{Engine, EngineOptions, EngineStats, GenerationHandle, GenerationStream};
pub use error::GenerateError;
pub use explanation::{
    Candidate, CdfInterval, Change, Contender, DrawReport, Explanation, StepReport,
};
pub use generation::{Event, Generation};
pub use generator::WolfgangGenerator;
pub use logprobs::{Alternative, TokenLogprobs};
pub use model_files::{HUB_PREFIX, ModelFiles};
pub use opened_model::OpenedModel;
pub use options::{ContextOverflow, GenerateOptions, PromptTruncation};
pub use prompt::Prompt;
pub use reply::Reply;
pub use score::{ContinuationScore, Score, ScoreAlternative, ScoreOptions, ScoreWindows};
pub use session::Session;
pub use stopping::{CancelHandle, StoppingContext, StoppingCriterion};
pub use summary::{FinishReason, Summary, Timing};
pub use tokenizer_source::TokenizerSource;
pub use wolfgang_checkpoint::{
    Checkpoint, CheckpointError, GenerationConfig, Phase, Progress,
};
#[cfg(feature = "hub")]
pub use wolfgang_checkpoint::{
    Hub, HubClock, HubFiles, HubModel, HubUnavailable, SystemClock,
};
#[cfg(feature = "constrain")]
pub use wolfgang_constrain::{Grammar, GrammarCompiler, GrammarConstraint, GrammarError};
pub use wolfgang_model::{
    Backend, BackendStatus, Device, DeviceId, DeviceName, DeviceStatus, ModelConfig,
    ModelError, ModelOptions, Precision, WolfgangModel, devices,
};
pub use wolfgang_sampling::{
    Constraint, ConstraintError, ConstraintProgress, DryParams, DynamicTemperatureParams,
    History, LogitsProcessor, MirostatParams, PenaltyScope, RngKind, SamplingError,
    SamplingParams, Step, TokenMask, XtcParams,
};
pub use wolfgang_tokenize::{
    ChatTemplate, DecodeStream, Message, RenderedChat, Role, SpecialTokens, TextOffsets,
    Tokenizer, TokenizerError,
};
#[derive(Debug, Default)]
pub struct Batch {}
impl WolfgangGenerator {
    pub fn generate_n<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
        n: usize,
    ) -> Result<Batch, GenerateError> {}
}
impl Batch {
    pub fn new() -> Self {}
    pub fn push(&mut self, generation: Generation) -> usize {}
    pub fn with_max_prefill_rows(
        mut self,
        rows: impl Into<Option<NonZeroUsize>>,
    ) -> Self {}
    pub fn running(&self) -> usize {}
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {}
    pub fn cancel(&mut self) {}
    pub fn cancel_handle(&self) -> CancelHandle {}
}
impl Iterator for Batch {
    type Item = (usize, Result<Event, GenerateError>);
}
impl FromIterator<Generation> for Batch {}
pub struct GeneratorBuilder<'p> {}
impl WolfgangGenerator {
    pub fn builder<'p>(source: impl AsRef<Path>) -> GeneratorBuilder<'p> {}
    pub fn load(
        checkpoint: impl AsRef<Path>,
        tokenizer: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {}
    pub fn from_path(
        checkpoint: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {}
}
impl<'p> GeneratorBuilder<'p> {
    pub fn tokenizer(mut self, path: impl AsRef<Path>) -> Self {}
    pub fn device(mut self, device: Device) -> Self {}
    pub fn device_name(mut self, name: DeviceName) -> Self {}
    pub fn precision(mut self, precision: Precision) -> Self {}
    pub fn cache_precision(mut self, precision: Precision) -> Self {}
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {}
    pub fn context(mut self, context: NonZeroUsize) -> Self {}
    pub fn model_options(mut self, options: impl Into<ModelOptions>) -> Self {}
    pub fn progress(mut self, progress: &'p mut dyn Progress) -> Self {}
    #[cfg(feature = "hub")]
    pub fn hub(mut self, hub: Hub) -> Self {}
    pub fn resolve(&mut self) -> Result<&ModelFiles, GenerateError> {}
    pub fn tokenizer_source(&mut self) -> Result<TokenizerSource, GenerateError> {}
    pub fn open(mut self) -> Result<OpenedModel<'p>, GenerateError> {}
    pub fn load(mut self) -> Result<WolfgangGenerator, GenerateError> {}
}
impl fmt::Debug for GeneratorBuilder<'_> {}
#[derive(Debug)]
pub struct Conversation {}
impl WolfgangGenerator {
    pub fn conversation(
        &self,
        system: impl Into<String>,
    ) -> Result<Conversation, GenerateError> {}
}
impl Conversation {
    pub fn system(&self) -> &str {}
    pub fn set_system(&mut self, system: impl Into<String>) {}
    pub fn messages(&self) -> Vec<Message> {}
    pub fn set_messages(&mut self, messages: Vec<Message>) {}
    pub fn reset(&mut self) {}
    pub fn send(
        &mut self,
        text: impl Into<String>,
        options: &GenerateOptions,
    ) -> Result<Reply, GenerateError> {}
    pub fn regenerate(
        &mut self,
        options: &GenerateOptions,
    ) -> Result<Reply, GenerateError> {}
}
impl Clone for Conversation {}
#[derive(Debug)]
pub struct GenerationHandle {}
#[derive(Debug)]
pub struct GenerationStream();
impl GenerationHandle {
    pub fn seed(&self) -> u64 {}
    pub fn cancel_handle(&self) -> CancelHandle {}
    pub fn into_summary(mut self) -> Result<Summary, GenerateError> {}
    pub fn into_stream(self) -> GenerationStream {}
}
impl Iterator for GenerationHandle {
    type Item = Item;
}
impl FusedIterator for GenerationHandle {}
impl GenerationStream {
    pub fn seed(&self) -> u64 {}
    pub fn cancel_handle(&self) -> CancelHandle {}
    pub async fn into_summary(mut self) -> Result<Summary, GenerateError> {}
}
impl Stream for GenerationStream {
    type Item = Item;
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct EngineOptions {
    pub max_running: usize,
    pub max_queued: usize,
    pub max_prefill_rows: Option<NonZeroUsize>,
    pub prefix_cache_bytes: usize,
}
impl Default for EngineOptions {}
impl EngineOptions {
    pub fn with_max_running(mut self, generations: usize) -> Self {}
    pub fn with_max_queued(mut self, requests: usize) -> Self {}
    pub fn with_max_prefill_rows(
        mut self,
        rows: impl Into<Option<NonZeroUsize>>,
    ) -> Self {}
    pub fn with_prefix_cache_bytes(mut self, bytes: usize) -> Self {}
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EngineStats {
    pub queued: usize,
    pub running: usize,
    pub kv_cache_bytes: usize,
    pub prefix_cache_bytes: usize,
    pub prompt_tokens: u64,
    pub cached_tokens: u64,
    pub generated_tokens: u64,
    pub is_stopped: bool,
}
#[derive(Clone, Debug)]
pub struct Engine {}
impl Engine {
    pub fn new(
        generator: WolfgangGenerator,
        options: EngineOptions,
    ) -> Result<Self, GenerateError> {}
    pub fn generator(&self) -> &WolfgangGenerator {}
    pub fn submit<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<GenerationHandle, GenerateError> {}
    pub fn submit_generation(
        &self,
        generation: Generation,
    ) -> Result<GenerationHandle, GenerateError> {}
    pub fn close(&self) {}
    pub fn abort(&self) {}
    pub fn stats(&self) -> EngineStats {}
}
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    Checkpoint(CheckpointError),
    Tokenizer(TokenizerError),
    Model(ModelError),
    Sampling(SamplingError),
    #[cfg(feature = "constrain")]
    Grammar(GrammarError),
    GenerationConfig { path: PathBuf, source: SamplingError },
    VocabularyMismatch { tokenizer: usize, model: usize },
    HubNotCompiledIn { model: String },
    HubNotSet { model: String },
    EmptyStopString { index: usize },
    TooManyAlternatives { n: usize, vocab_size: usize },
    MinAboveMax { min: usize, max: usize },
    SampleCount { n: usize, limit: usize },
    UnknownStopToken { id: u32, vocab_size: usize },
    PromptTooLong { tokens: usize, block_size: usize },
    EmptyPrompt,
    NoEndOfText,
    EmptyContinuation,
    ContinuationTooLong { tokens: usize, block_size: usize },
    NothingToAnswer,
    ReplyInProgress,
    GenerationFailed { source: Box<GenerateError>, partial: Box<Summary> },
    NoSeed { source: Box<dyn std::error::Error + Send + Sync> },
    QueueFull { limit: usize },
    EngineClosed,
    EngineThread { source: std::io::Error },
    EngineStopped,
    CallbackPanicked { message: String },
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Explanation {
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub chosen: Candidate,
    pub candidates: Vec<Candidate>,
    pub steps: Vec<StepReport>,
    pub draw: DrawReport,
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Candidate {
    pub id: u32,
    pub rank: usize,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub model: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub sampled: f32,
    pub masked_by: Option<Step>,
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StepReport {
    pub step: Step,
    pub possible_before: usize,
    pub possible_after: usize,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub random_draw: Option<f64>,
    pub masked: usize,
    pub masked_mass: f64,
    pub top_masked: Vec<Change>,
    pub changed: usize,
    pub top_changed: Vec<Change>,
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Change {
    pub id: u32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub logit_before: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub logit_after: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub logprob_before: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub logprob_after: f32,
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DrawReport {
    Greedy,
    #[non_exhaustive]
    InverseCdf { u: f64, intervals: Vec<CdfInterval> },
    #[non_exhaustive]
    ExponentialRace { contenders: Vec<Contender> },
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CdfInterval {
    pub id: u32,
    pub from: f64,
    pub to: f64,
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Contender {
    pub id: u32,
    pub quotient: f32,
}
impl WolfgangGenerator {
    pub fn generate<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation, GenerateError> {}
    pub fn generate_text<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {}
}
impl Generation {
    pub fn with_constraint(mut self, constraint: impl Constraint + 'static) -> Self {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    #[non_exhaustive]
    Text {
        text: String,
        ids: Vec<u32>,
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        logprobs: Vec<TokenLogprobs>,
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        explanations: Vec<Explanation>,
    },
    PromptLogprobs(Score),
    Finished(Summary),
}
pub struct Generation {}
impl Generation {
    pub fn seed(&self) -> u64 {}
    pub fn truncated_tokens(&self) -> usize {}
    pub fn cancel(&mut self) {}
    pub fn cancel_handle(&self) -> CancelHandle {}
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {}
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {}
    pub fn into_summary(mut self) -> Result<Summary, GenerateError> {}
}
impl Iterator for Generation {
    type Item = Result<Event, GenerateError>;
}
impl FusedIterator for Generation {}
impl std::fmt::Debug for Generation {}
#[derive(Clone, Debug)]
pub struct WolfgangGenerator {}
impl WolfgangGenerator {
    pub fn new(
        model: WolfgangModel,
        tokenizer: Tokenizer,
    ) -> Result<Self, GenerateError> {}
    pub fn with_end_ids(mut self, ids: impl IntoIterator<Item = u32>) -> Self {}
    pub fn with_chat_date(
        mut self,
        year: u16,
        month: u8,
        day: u8,
    ) -> Result<Self, GenerateError> {}
    pub fn end_ids(&self) -> &[u32] {}
    pub fn model(&self) -> &WolfgangModel {}
    pub fn tokenizer(&self) -> &Tokenizer {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TokenLogprobs {
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub chosen: Alternative,
    pub alternatives: Vec<Alternative>,
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Alternative {
    pub id: u32,
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub model: f32,
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub sampled: f32,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {}
impl ModelFiles {
    pub fn checkpoint(&self) -> &Path {}
    pub fn tokenizer(&self) -> &Path {}
    #[cfg(feature = "hub")]
    pub fn unavailable(&self) -> Option<&HubUnavailable> {}
}
impl OpenedModel<'_> {
    pub fn generation_config(&self) -> Result<Option<GenerationConfig>, GenerateError> {}
    pub fn sampling(&self) -> Result<Option<SamplingParams>, GenerateError> {}
}
pub struct OpenedModel<'p> {}
impl OpenedModel<'_> {
    pub fn checkpoint(&self) -> &Checkpoint {}
    pub fn tokenizer(&self) -> &TokenizerSource {}
    pub fn read_tokenizer(
        &self,
        source: &TokenizerSource,
    ) -> Result<Tokenizer, GenerateError> {}
    pub fn load(self) -> Result<WolfgangGenerator, GenerateError> {}
}
impl fmt::Debug for OpenedModel<'_> {}
impl GenerateOptions {
    pub fn with_max_new_tokens(mut self, max_new_tokens: usize) -> Self {}
    pub fn with_sampling(mut self, sampling: SamplingParams) -> Self {}
    pub fn with_stop_tokens(
        mut self,
        stop_tokens: impl IntoIterator<Item = u32>,
    ) -> Self {}
    pub fn with_stop_strings(
        mut self,
        stop_strings: impl IntoIterator<Item: Into<String>>,
    ) -> Self {}
    pub fn with_keep_stop_string(mut self, keep_stop_string: bool) -> Self {}
    pub fn with_max_time(mut self, max_time: impl Into<Option<Duration>>) -> Self {}
    pub fn with_ignore_eos(mut self, ignore_eos: bool) -> Self {}
    pub fn with_seed(mut self, seed: impl Into<Option<u64>>) -> Self {}
    pub fn with_logprobs(mut self, logprobs: impl Into<Option<usize>>) -> Self {}
    pub fn with_prompt_logprobs(
        mut self,
        prompt_logprobs: impl Into<Option<usize>>,
    ) -> Self {}
    pub fn with_explain(mut self, explain: impl Into<Option<usize>>) -> Self {}
    #[cfg(feature = "constrain")]
    pub fn with_grammar(mut self, grammar: impl Into<Option<Grammar>>) -> Self {}
    pub fn with_include_prompt(mut self, include_prompt: bool) -> Self {}
    pub fn with_context_overflow(mut self, context_overflow: ContextOverflow) -> Self {}
    pub fn with_prompt_truncation(
        mut self,
        prompt_truncation: PromptTruncation,
    ) -> Self {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct GenerateOptions {
    pub max_new_tokens: usize,
    pub sampling: SamplingParams,
    pub stop_tokens: Vec<u32>,
    pub stop_strings: Vec<String>,
    pub keep_stop_string: bool,
    #[cfg_attr(
        feature = "serde",
        serde(rename = "max_time_seconds", with = "crate::seconds::optional")
    )]
    pub max_time: Option<Duration>,
    pub ignore_eos: bool,
    pub seed: Option<u64>,
    pub logprobs: Option<usize>,
    pub prompt_logprobs: Option<usize>,
    pub explain: Option<usize>,
    #[cfg(feature = "constrain")]
    pub grammar: Option<Grammar>,
    pub include_prompt: bool,
    pub context_overflow: ContextOverflow,
    pub prompt_truncation: PromptTruncation,
}
impl Default for GenerateOptions {}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ContextOverflow {
    #[default]
    SlidingWindow,
    Shift,
    Stop,
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PromptTruncation {
    #[default]
    Left,
    Error,
}
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Prompt<'a> {
    Text(&'a str),
    Ids(&'a [u32]),
    Chat(&'a [Message]),
    ChatIds(&'a [u32]),
}
impl<'a> From<&'a str> for Prompt<'a> {}
impl<'a> From<&'a String> for Prompt<'a> {}
impl<'a> From<&'a [u32]> for Prompt<'a> {}
impl<'a> From<&'a Vec<u32>> for Prompt<'a> {}
impl<'a, const N: usize> From<&'a [u32; N]> for Prompt<'a> {}
impl<'a, const N: usize> From<&'a [Message; N]> for Prompt<'a> {}
impl<'a> From<&'a Vec<Message>> for Prompt<'a> {}
impl<'a> From<&'a [Message]> for Prompt<'a> {}
#[derive(Debug)]
pub struct Reply {}
impl Reply {
    pub fn truncated_messages(&self) -> &[Message] {}
    pub fn seed(&self) -> u64 {}
    pub fn cancel(&mut self) {}
    pub fn cancel_handle(&self) -> CancelHandle {}
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {}
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {}
    pub fn into_summary(self) -> Result<Summary, GenerateError> {}
}
impl Iterator for Reply {
    type Item = Result<Event, GenerateError>;
}
impl FusedIterator for Reply {}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ContinuationScore {
    pub ids: Vec<u32>,
    pub logprobs: Vec<f32>,
    pub is_greedy: bool,
    pub truncated_tokens: usize,
}
impl ContinuationScore {
    pub fn sum_logprob(&self) -> f64 {}
}
impl WolfgangGenerator {
    pub fn score_continuation<'a, 'b>(
        &self,
        context: impl Into<Prompt<'a>>,
        continuation: impl Into<Prompt<'b>>,
    ) -> Result<ContinuationScore, GenerateError> {}
    pub fn score_continuations<'a, 'b, C: Into<Prompt<'b>>>(
        &self,
        context: impl Into<Prompt<'a>>,
        continuations: impl IntoIterator<Item = C>,
    ) -> Result<Vec<ContinuationScore>, GenerateError> {}
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ScoreAlternative {
    pub id: u32,
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub logprob: f32,
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Score {
    pub ids: Vec<u32>,
    pub logprobs: Vec<Option<f32>>,
    pub alternatives: Vec<Vec<ScoreAlternative>>,
}
impl Score {
    pub fn sum_logprob(&self) -> f64 {}
    pub fn mean_logprob(&self) -> Option<f64> {}
    pub fn perplexity(&self) -> Option<f64> {}
}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct ScoreOptions {
    pub windows: ScoreWindows,
    pub alternatives: usize,
}
impl ScoreOptions {
    pub fn with_windows(mut self, windows: ScoreWindows) -> Self {}
    pub fn with_alternatives(mut self, alternatives: usize) -> Self {}
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ScoreWindows {
    #[default]
    Overlapping,
    Rolling,
}
impl WolfgangGenerator {
    pub fn score<'a>(
        &self,
        text: impl Into<Prompt<'a>>,
    ) -> Result<Score, GenerateError> {}
    pub fn score_with<'a>(
        &self,
        text: impl Into<Prompt<'a>>,
        options: &ScoreOptions,
    ) -> Result<Score, GenerateError> {}
}
#[derive(Debug)]
pub struct Session {}
impl WolfgangGenerator {
    pub fn session(&self) -> Session {}
}
impl Session {
    pub fn generate<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation, GenerateError> {}
    pub fn generate_text<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {}
    pub fn ids(&self) -> Vec<u32> {}
    pub fn truncate(&mut self, len: usize) {}
}
impl Clone for Session {}
pub trait StoppingCriterion: Send {
    fn is_met(&mut self, context: &StoppingContext<'_>) -> bool;
}
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoppingContext<'a> {
    pub prompt: &'a [u32],
    pub generated: &'a [u32],
    pub text: &'a str,
}
#[derive(Clone, Debug, Default)]
pub struct CancelHandle();
impl CancelHandle {
    pub fn cancel(&self) {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Summary {
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "reason_fields"))]
    pub reason: FinishReason,
    pub text: String,
    pub ids: Vec<u32>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub logprobs: Vec<TokenLogprobs>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub prompt_logprobs: Option<Score>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub explanations: Vec<Explanation>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stop_explanation: Option<Box<Explanation>>,
    pub prompt_tokens: usize,
    pub truncated_tokens: usize,
    pub cached_tokens: usize,
    pub generated_tokens: usize,
    pub context_shifts: usize,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub satisfies_constraint: Option<bool>,
    pub seed: u64,
    pub timing: Timing,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    MaxTokens,
    EndOfText,
    StopToken(u32),
    StopString(usize),
    Criterion(usize),
    ConstraintComplete,
    MaxTime,
    ContextFull,
    Cancelled,
    Error,
}
impl FinishReason {
    pub fn as_str(self) -> &'static str {}
}
#[cfg(feature = "serde")]
impl serde::Serialize for FinishReason {}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Timing {
    #[cfg_attr(
        feature = "serde",
        serde(rename = "prefill_seconds", with = "crate::seconds")
    )]
    pub prefill: Duration,
    #[cfg_attr(
        feature = "serde",
        serde(rename = "decode_seconds", with = "crate::seconds")
    )]
    pub decode: Duration,
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenizerSource {
    File(PathBuf),
    Embedded(PathBuf),
}
impl TokenizerSource {
    pub fn path(&self) -> &Path {}
    pub fn load(&self) -> Result<Tokenizer, GenerateError> {}
}
impl fmt::Display for TokenizerSource {}
