//! The parameters of the sampling chain.

mod ids;
mod param_groups;
mod presets;
mod setters;
mod validate;

pub use param_groups::{DryParams, DynamicTemperatureParams, MirostatParams, XtcParams};

use crate::{PenaltyScope, RngKind};

/// Parameters of the sampling chain. Defaults are those of the original Python implementation; all
/// other steps are off.
///
/// Fields are in the order in which their steps run, see [the crate](crate#the-order).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct SamplingParams {
    /// Masks all ids except these. Default: `None`, all ids are allowed.
    pub allowed_tokens: Option<Vec<u32>>,
    /// Masks these ids. Default: none.
    pub banned_tokens: Vec<u32>,
    /// Masks `end_tokens` until this many ids have been generated. Default: 0, off.
    pub min_new_tokens: usize,
    /// The ids that end a generation, used by `min_new_tokens`. Default: none.
    pub end_tokens: Vec<u32>,
    /// Masks each id that would complete an n-gram of this size that the prompt or the generated
    /// ids already contain. Range: `1..=1_048_576`; with 1, every id that has occurred is masked.
    /// Default: `None`, off.
    pub no_repeat_ngram_size: Option<usize>,
    /// Adds a bias to the logits of single ids. Each id may occur once. Range of the biases:
    /// `-1e6..=1e6`. Default: none.
    ///
    /// To exclude ids, use `banned_tokens`: an extreme bias widens the standard deviation of
    /// `top_n_sigma`, which then keeps more ids.
    pub logit_bias: Vec<(u32, f32)>,
    /// Subtracts this from the logit of an id for each time it has been generated. Negative values
    /// encourage repetition. Range: `-1e6..=1e6`. Default: 0, off.
    pub frequency_penalty: f32,
    /// Subtracts this once from the logit of each id that has been generated. Negative values
    /// encourage repetition. Range: `-1e6..=1e6`. Default: 0, off.
    pub presence_penalty: f32,
    /// DRY: penalises ids that would extend a repetition, more the longer it is. Default: `None`,
    /// off.
    pub dry: Option<DryParams>,
    /// Divides the logits by the temperature: below 1 sharpens the distribution, above 1 flattens
    /// it, 0 is greedy decoding. Default: 0.6.
    pub temperature: f32,
    /// Dynamic temperature: adapts the temperature to the entropy of the distribution. Default:
    /// `None`, off.
    pub dynamic_temperature: Option<DynamicTemperatureParams>,
    /// Repetition penalty: divides positive and multiplies negative logits of the ids in the window
    /// by this value. Above 1 makes them less likely, below 1 more likely. Range: `1e-6..=1e6`; 1
    /// is off. Default: 1.2.
    pub repetition_penalty: f32,
    /// Number of last ids that the repetition penalty covers, each distinct id once. 0 is off.
    /// Default: 24.
    pub repetition_window: usize,
    /// Whether the window of the repetition penalty includes the prompt. Default:
    /// [`PenaltyScope::Context`].
    pub penalty_scope: PenaltyScope,
    /// Top-nσ: keeps the ids whose logits are within `n` standard deviations of the largest logit.
    /// Range: `0..`. Default: `None`, off.
    ///
    /// The standard deviation is that of the logits at this step: a bias or penalty (`dry`, for
    /// example) far outside the range of the others widens it.
    pub top_n_sigma: Option<f32>,
    /// Keeps the `k` most likely ids, and those that tie with the last of them. `None` keeps all.
    /// Default: 40.
    pub top_k: Option<usize>,
    /// Locally typical sampling: keeps the ids whose surprisal is closest to the entropy of the
    /// distribution, up to cumulative probability `p`, at least one id. Range: above 0, at most 1;
    /// 1 is off. Default: `None`, off.
    pub typical_p: Option<f32>,
    /// Nucleus sampling: keeps the most likely ids until their cumulative probability exceeds `p`,
    /// at least one id. Range: `0..=1`; `None` and 1 keep all. Default: 0.9.
    pub top_p: Option<f32>,
    /// Keeps the ids with at least this fraction of the probability of the most likely id. Range:
    /// `0..=1`; 0 is off. Default: `None`, off.
    pub min_p: Option<f32>,
    /// XTC (exclude top choices): at random, masks all top choices except the least likely.
    /// Default: `None`, off.
    pub xtc: Option<XtcParams>,
    /// Mirostat 2: keeps the surprisal of the text near a target. Default: `None`, off.
    ///
    /// It runs after the filters. Set `top_k` and `top_p`, which are on by default, to `None` with
    /// it.
    pub mirostat: Option<MirostatParams>,
    /// The random number generator. Default: [`RngKind::ChaCha`].
    pub rng: RngKind,
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            allowed_tokens: None,
            banned_tokens: Vec::new(),
            min_new_tokens: 0,
            end_tokens: Vec::new(),
            no_repeat_ngram_size: None,
            logit_bias: Vec::new(),
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            dry: None,
            temperature: 0.6,
            dynamic_temperature: None,
            repetition_penalty: 1.2,
            repetition_window: 24,
            penalty_scope: PenaltyScope::Context,
            top_n_sigma: None,
            top_k: Some(40),
            typical_p: None,
            top_p: Some(0.9),
            min_p: None,
            xtc: None,
            mirostat: None,
            rng: RngKind::ChaCha,
        }
    }
}

/// The smallest temperature except 0. Below it the division of a logit can overflow. Much larger
/// temperatures already make the draw greedy.
pub(crate) const MIN_TEMPERATURE: f32 = 1e-6;

impl SamplingParams {
    /// Returns whether decoding is greedy: the most likely id is always taken, without a random
    /// draw.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }
}
