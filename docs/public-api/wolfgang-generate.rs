pub use batch::Batch;
pub use conversation::Conversation;
pub use error::GenerateError;
pub use explanation::{
    Candidate, CdfInterval, Change, Contender, DrawReport, Explanation, StepReport,
};
pub use generation::{Event, Generation};
pub use generator::{WolfgangGenerator, check_vocabulary, default_tokenizer_path};
pub use logprobs::{Alternative, TokenLogprobs};
pub use options::{ContextOverflow, GenerateOptions, PromptTruncation};
pub use prompt::Prompt;
pub use reply::Reply;
pub use score::Score;
pub use session::Session;
pub use stopping::{CancelHandle, StoppingContext, StoppingCriterion};
pub use summary::{FinishReason, Summary, Timing};
pub use wolfgang_checkpoint::{CheckpointError, Progress};
#[cfg(feature = "hub")]
pub use wolfgang_checkpoint::{
    Hub, HubClock, HubFiles, HubModel, HubUnavailable, SystemClock,
};
pub use wolfgang_model::{
    Backend, BackendStatus, Device, DeviceId, DeviceName, DeviceStatus, ModelConfig,
    ModelError, ModelOptions, Precision, WolfgangModel, devices,
};
pub use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams,
    PenaltyScope, RngKind, SamplingError, SamplingParams, Step, XtcParams,
};
pub use wolfgang_tokenize::{
    DecodeStream, Message, Role, SpecialTokens, Tokenizer, TokenizerError,
};
#[derive(Debug, Default)]
pub struct Batch {}
impl Batch {
    pub fn new() -> Self {}
    pub fn push(&mut self, generation: Generation) -> usize {}
    pub fn running(&self) -> usize {}
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {}
    pub fn cancel(&mut self) {}
    pub fn cancel_handle(&self) -> CancelHandle {}
}
impl Iterator for Batch {
    type Item = (usize, Result<Event, GenerateError>);
}
impl FromIterator<Generation> for Batch {}
#[derive(Debug)]
pub struct Conversation {}
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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    Checkpoint(CheckpointError),
    Tokenizer(TokenizerError),
    Model(ModelError),
    Sampling(SamplingError),
    VocabularyMismatch { tokenizer: usize, model: usize },
    EmptyStopString { index: usize },
    TooManyAlternatives { n: usize, vocab_size: usize },
    MinAboveMax { min: usize, max: usize },
    SampleCount { n: usize, limit: usize },
    UnknownStopToken { id: u32, vocab_size: usize },
    PromptTooLong { tokens: usize, block_size: usize },
    EmptyPrompt,
    NothingToAnswer,
    ReplyInProgress,
    GenerationFailed { source: Box<GenerateError>, partial: Box<Summary> },
    NoSeed { source: Box<dyn std::error::Error + Send + Sync> },
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
    pub ruled_out_by: Option<Step>,
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StepReport {
    pub step: Step,
    pub possible_before: usize,
    pub possible: usize,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub random_draw: Option<f64>,
    pub removed: usize,
    pub removed_mass: f64,
    pub removed_likeliest: Vec<Change>,
    pub changed: usize,
    pub changed_likeliest: Vec<Change>,
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Change {
    pub id: u32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub logit_before: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub logit: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub before: f32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::logarithm::serialize"))]
    pub behind: f32,
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
pub fn check_vocabulary(
    tokenizer: &Tokenizer,
    config: &ModelConfig,
) -> Result<(), GenerateError> {}
pub fn default_tokenizer_path(checkpoint: &Path) -> PathBuf {}
impl WolfgangGenerator {
    pub fn load(
        checkpoint: impl AsRef<Path>,
        tokenizer: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {}
    pub fn from_path(
        checkpoint: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {}
    pub fn new(
        model: WolfgangModel,
        tokenizer: Tokenizer,
    ) -> Result<Self, GenerateError> {}
    pub fn with_end_ids(mut self, ids: impl IntoIterator<Item = u32>) -> Self {}
    pub fn end_ids(&self) -> &[u32] {}
    pub fn model(&self) -> &WolfgangModel {}
    pub fn tokenizer(&self) -> &Tokenizer {}
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
    pub fn generate_n<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
        n: usize,
    ) -> Result<Batch, GenerateError> {}
    pub fn session(&self) -> Session {}
    pub fn conversation(
        &self,
        system: impl Into<String>,
    ) -> Result<Conversation, GenerateError> {}
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
    pub fn with_explain(mut self, explain: impl Into<Option<usize>>) -> Self {}
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
    pub explain: Option<usize>,
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Score {
    pub ids: Vec<u32>,
    pub logprobs: Vec<Option<f32>>,
}
impl Score {
    pub fn mean_logprob(&self) -> Option<f64> {}
    pub fn perplexity(&self) -> Option<f64> {}
}
impl WolfgangGenerator {
    pub fn score<'a>(
        &self,
        text: impl Into<Prompt<'a>>,
    ) -> Result<Score, GenerateError> {}
}
#[derive(Debug)]
pub struct Session {}
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
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub explanations: Vec<Explanation>,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stop_explanation: Option<Box<Explanation>>,
    pub prompt_tokens: usize,
    pub truncated_tokens: usize,
    pub cached_tokens: usize,
    pub generated_tokens: usize,
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
