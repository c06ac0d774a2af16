pub use constraint::{Constraint, ConstraintProgress, TokenMask};
pub use draw::draw;
pub use error::{ConstraintError, SamplingError};
pub use history::{History, PenaltyScope};
pub use params::{
    DryParams, DynamicTemperatureParams, MirostatParams, SamplingParams, XtcParams,
};
pub use processors::LogitsProcessor;
pub use rng::{ChaChaRng, RngKind, TorchRng};
pub use sampler::Sampler;
pub use step::Step;
pub use trace::{Draw, StepSnapshot, Trace};
pub trait Constraint: Send {
    fn allow(
        &mut self,
        history: History<'_>,
        allowed: &mut TokenMask,
    ) -> Result<(), ConstraintError>;
    fn progress(
        &mut self,
        history: History<'_>,
    ) -> Result<ConstraintProgress, ConstraintError>;
    fn forced(
        &mut self,
        _history: History<'_>,
        _ids: &mut Vec<u32>,
    ) -> Result<(), ConstraintError> {}
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintProgress {
    Incomplete,
    Satisfied,
    Complete,
}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenMask {}
impl TokenMask {
    pub fn new(vocab_size: usize) -> Self {}
    pub fn vocab_size(&self) -> usize {}
    pub fn clear(&mut self) {}
    pub fn insert(&mut self, id: u32) {}
    pub fn remove(&mut self, id: u32) {}
    pub fn insert_bits(&mut self, bits: &[u32]) {}
    pub fn contains(&self, id: u32) -> bool {}
    pub fn is_empty(&self) -> bool {}
}
pub fn draw(probabilities: &[f32], u: f64) -> u32 {}
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    InvalidParam { parameter: &'static str, value: String, rule: &'static str },
    UnknownId { parameter: &'static str, id: u32, vocab_size: usize },
    ConflictingParams { parameters: [&'static str; 2], why: &'static str },
    WrongLength { found: usize, expected: usize },
    InvalidLogit { id: usize, value: f32 },
    AllTokensMasked,
    ConflictsWithConstraint { step: Step },
    Constraint(ConstraintError),
}
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub struct ConstraintError {
    pub message: String,
    pub source: Option<Arc<dyn Error + Send + Sync>>,
}
impl ConstraintError {
    pub fn new(message: impl Into<String>) -> Self {}
}
impl PartialEq for ConstraintError {}
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct History<'a> {
    pub prompt: &'a [u32],
    pub generated: &'a [u32],
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum PenaltyScope {
    #[default]
    Context,
    Generated,
}
impl PenaltyScope {
    pub const ALL: [Self; 2] = [Self::Context, Self::Generated];
    pub fn as_str(self) -> &'static str {}
}
impl fmt::Display for PenaltyScope {}
impl FromStr for PenaltyScope {
    type Err = SamplingError;
}
impl<'a> History<'a> {
    pub const fn new(prompt: &'a [u32], generated: &'a [u32]) -> Self {}
    pub fn last(self, n: usize, scope: PenaltyScope) -> (&'a [u32], &'a [u32]) {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct DynamicTemperatureParams {
    pub range: f32,
    #[cfg_attr(feature = "serde", serde(default = "default_exponent"))]
    pub exponent: f32,
}
impl DynamicTemperatureParams {
    pub fn new(range: f32) -> Self {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct DryParams {
    pub multiplier: f32,
    pub base: f32,
    pub allowed_length: usize,
    pub window: usize,
    pub sequence_breakers: Vec<u32>,
}
impl Default for DryParams {}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct XtcParams {
    pub probability: f32,
    pub threshold: f32,
}
impl Default for XtcParams {}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct MirostatParams {
    pub tau: f32,
    pub eta: f32,
}
impl Default for MirostatParams {}
impl SamplingParams {
    pub fn goethe() -> Self {}
    pub fn greedy() -> Self {}
    pub fn creative() -> Self {}
}
impl SamplingParams {
    pub fn with_allowed_tokens(
        mut self,
        allowed_tokens: impl Into<Option<Vec<u32>>>,
    ) -> Self {}
    pub fn with_banned_tokens(
        mut self,
        banned_tokens: impl IntoIterator<Item = u32>,
    ) -> Self {}
    pub fn with_min_new_tokens(mut self, min_new_tokens: usize) -> Self {}
    pub fn with_end_tokens(mut self, end_tokens: impl IntoIterator<Item = u32>) -> Self {}
    pub fn with_no_repeat_ngram_size(
        mut self,
        no_repeat_ngram_size: impl Into<Option<usize>>,
    ) -> Self {}
    pub fn with_logit_bias(
        mut self,
        logit_bias: impl IntoIterator<Item = (u32, f32)>,
    ) -> Self {}
    pub fn with_frequency_penalty(mut self, frequency_penalty: f32) -> Self {}
    pub fn with_presence_penalty(mut self, presence_penalty: f32) -> Self {}
    pub fn with_dry(mut self, dry: impl Into<Option<DryParams>>) -> Self {}
    pub fn with_temperature(mut self, temperature: f32) -> Self {}
    pub fn with_dynamic_temperature(
        mut self,
        dynamic_temperature: impl Into<Option<DynamicTemperatureParams>>,
    ) -> Self {}
    pub fn with_repetition_penalty(mut self, repetition_penalty: f32) -> Self {}
    pub fn with_repetition_window(mut self, repetition_window: usize) -> Self {}
    pub fn with_penalty_scope(mut self, penalty_scope: PenaltyScope) -> Self {}
    pub fn with_top_n_sigma(mut self, top_n_sigma: impl Into<Option<f32>>) -> Self {}
    pub fn with_top_k(mut self, top_k: impl Into<Option<usize>>) -> Self {}
    pub fn with_typical_p(mut self, typical_p: impl Into<Option<f32>>) -> Self {}
    pub fn with_top_p(mut self, top_p: impl Into<Option<f32>>) -> Self {}
    pub fn with_min_p(mut self, min_p: impl Into<Option<f32>>) -> Self {}
    pub fn with_xtc(mut self, xtc: impl Into<Option<XtcParams>>) -> Self {}
    pub fn with_mirostat(mut self, mirostat: impl Into<Option<MirostatParams>>) -> Self {}
    pub fn with_rng(mut self, rng: RngKind) -> Self {}
}
impl DryParams {
    pub fn with_multiplier(mut self, multiplier: f32) -> Self {}
    pub fn with_base(mut self, base: f32) -> Self {}
    pub fn with_allowed_length(mut self, allowed_length: usize) -> Self {}
    pub fn with_window(mut self, window: usize) -> Self {}
    pub fn with_sequence_breakers(
        mut self,
        sequence_breakers: impl IntoIterator<Item = u32>,
    ) -> Self {}
}
impl DynamicTemperatureParams {
    pub fn with_range(mut self, range: f32) -> Self {}
    pub fn with_exponent(mut self, exponent: f32) -> Self {}
}
impl XtcParams {
    pub fn with_probability(mut self, probability: f32) -> Self {}
    pub fn with_threshold(mut self, threshold: f32) -> Self {}
}
impl MirostatParams {
    pub fn with_tau(mut self, tau: f32) -> Self {}
    pub fn with_eta(mut self, eta: f32) -> Self {}
}
impl SamplingParams {
    pub fn validate(&self) -> Result<(), SamplingError> {}
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct SamplingParams {
    pub allowed_tokens: Option<Vec<u32>>,
    pub banned_tokens: Vec<u32>,
    pub min_new_tokens: usize,
    pub end_tokens: Vec<u32>,
    pub no_repeat_ngram_size: Option<usize>,
    pub logit_bias: Vec<(u32, f32)>,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub dry: Option<DryParams>,
    pub temperature: f32,
    pub dynamic_temperature: Option<DynamicTemperatureParams>,
    pub repetition_penalty: f32,
    pub repetition_window: usize,
    pub penalty_scope: PenaltyScope,
    pub top_n_sigma: Option<f32>,
    pub top_k: Option<usize>,
    pub typical_p: Option<f32>,
    pub top_p: Option<f32>,
    pub min_p: Option<f32>,
    pub xtc: Option<XtcParams>,
    pub mirostat: Option<MirostatParams>,
    pub rng: RngKind,
}
impl Default for SamplingParams {}
impl SamplingParams {
    pub fn is_greedy(&self) -> bool {}
}
pub trait LogitsProcessor: Send {
    fn process(&mut self, logits: &mut [f32], history: History<'_>);
}
#[derive(Clone, Debug)]
pub struct ChaChaRng();
impl ChaChaRng {
    pub fn new(seed: u64) -> Self {}
    pub fn uniform(&mut self) -> f64 {}
}
#[derive(Clone, Debug)]
pub struct TorchRng();
impl TorchRng {
    pub fn new(seed: u64) -> Self {}
    pub fn uniform(&mut self) -> f64 {}
    pub fn multinomial(&mut self, weights: &[f32]) -> u32 {}
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum RngKind {
    #[default]
    ChaCha,
    Torch,
}
impl RngKind {
    pub const ALL: [Self; 2] = [Self::ChaCha, Self::Torch];
    pub fn as_str(self) -> &'static str {}
}
impl fmt::Display for RngKind {}
impl FromStr for RngKind {
    type Err = SamplingError;
}
pub struct Sampler {}
impl Sampler {
    pub fn new(
        params: &SamplingParams,
        vocab_size: usize,
        seed: u64,
    ) -> Result<Self, SamplingError> {}
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {}
    pub fn with_constraint(mut self, constraint: impl Constraint + 'static) -> Self {}
    pub fn constraint(&mut self) -> Option<&mut dyn Constraint> {}
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<u32, SamplingError> {}
    pub fn sample_traced(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
        trace: &mut Trace,
    ) -> Result<u32, SamplingError> {}
    pub fn probabilities(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<(), SamplingError> {}
}
impl std::fmt::Debug for Sampler {}
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    Constraint,
    AllowedTokens,
    BannedTokens,
    MinNewTokens,
    NoRepeatNgram,
    LogitBias,
    FrequencyPresence,
    Dry,
    Custom(usize),
    Temperature,
    DynamicTemperature,
    RepetitionPenalty,
    TopNSigma,
    TopK,
    TypicalP,
    TopP,
    MinP,
    Xtc,
    Mirostat,
}
#[cfg(feature = "serde")]
impl serde::Serialize for Step {}
impl Step {
    pub const ALL: [Self; 19] = [
        Self::Constraint,
        Self::AllowedTokens,
        Self::BannedTokens,
        Self::MinNewTokens,
        Self::NoRepeatNgram,
        Self::LogitBias,
        Self::FrequencyPresence,
        Self::Dry,
        Self::Custom(0),
        Self::Temperature,
        Self::DynamicTemperature,
        Self::RepetitionPenalty,
        Self::TopNSigma,
        Self::TopK,
        Self::TypicalP,
        Self::TopP,
        Self::MinP,
        Self::Xtc,
        Self::Mirostat,
    ];
    pub fn as_str(self) -> &'static str {}
}
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    pub initial_logits: Vec<f32>,
    pub steps: Vec<StepSnapshot>,
    pub draw: Option<Draw>,
}
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepSnapshot {
    pub step: Step,
    pub logits: Vec<f32>,
    pub random_draw: Option<f64>,
}
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Draw {
    Greedy,
    #[non_exhaustive]
    InverseCdf { u: f64, from: f64, to: f64 },
    #[non_exhaustive]
    ExponentialRace { quotients: Vec<(u32, f32)> },
}
impl Observer for Trace {}
