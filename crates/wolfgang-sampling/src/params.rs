//! The parameters of the sampling chain.

mod groups;
mod ids;
mod presets;
mod setters;
mod validate;

pub use groups::{DryParams, DynamicTemperatureParams, MirostatParams, XtcParams};

use crate::{PenaltyScope, RngKind};

/// How the next id is chosen. The defaults are the original's; what the original has not is off.
///
/// The steps stand here in the order in which they are taken, see [the crate](crate#the-order).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct SamplingParams {
    /// The only ids that may be chosen. `None`, the default, is all of them.
    pub allowed_tokens: Option<Vec<u32>>,
    /// Ids that are never chosen. Default none.
    pub banned_tokens: Vec<u32>,
    /// How many ids are generated before one of `end_tokens` may be chosen; 0, the default, is off.
    pub min_new_tokens: usize,
    /// The ids that end a generation, which `min_new_tokens` rules out until then. Default none.
    pub end_tokens: Vec<u32>,
    /// Rules out each id that would complete a sequence of this many ids that the prompt or the generated ids already
    /// hold, 1 to 1,048,576 (of one id: everything that has occurred). Default `None`, off.
    pub no_repeat_ngram_size: Option<usize>,
    /// Added to the logits of single ids, each at most once, −1,000,000 to 1,000,000. Default none. To rule ids out there
    /// is `banned_tokens`: an extreme bias counts in the standard deviation of `top_n_sigma`, which then keeps more.
    pub logit_bias: Vec<(u32, f32)>,
    /// Subtracted from the logit of an id once for every time it has been generated, −1,000,000 to 1,000,000; 0, the
    /// default, is off, and negative numbers make repetition likelier.
    pub frequency_penalty: f32,
    /// Subtracted from the logit of each id that has been generated, −1,000,000 to 1,000,000; 0, the default, is off,
    /// and negative numbers make repetition likelier.
    pub presence_penalty: f32,
    /// Makes it the less likely to go on with a repetition, the longer it is already. Default `None`, off.
    pub dry: Option<DryParams>,
    /// Divides the logits: below 1 sharpens the distribution, above 1 flattens it, 0 always takes the likeliest id
    /// (greedy). Default 0.6.
    pub temperature: f32,
    /// Lets the temperature follow the entropy of the distribution. Default `None`, off.
    pub dynamic_temperature: Option<DynamicTemperatureParams>,
    /// Makes each id of the window less likely (above 1) or more likely (below 1); 1 is off. Default 1.2.
    pub repetition_penalty: f32,
    /// How many of the last ids are penalised, each distinct id once; 0 is off. Default 24.
    pub repetition_window: usize,
    /// Whether that window reaches back into the prompt. Default [`PenaltyScope::Context`].
    pub penalty_scope: PenaltyScope,
    /// Keeps the ids whose logits lie within so many standard deviations of the largest, 0 up. Default `None`, off. The
    /// deviation is that of the logits as they come here: a bias or a penalty (`dry`, say) far beyond the others' range
    /// widens it.
    pub top_n_sigma: Option<f32>,
    /// Keeps the `k` likeliest ids and those that tie with the last of them. `None` keeps all. Default 40.
    pub top_k: Option<usize>,
    /// Keeps the ids whose surprise is nearest to the one to be expected, up to this share of the mass, never less
    /// than one id. Default `None`; 1 is off too.
    pub typical_p: Option<f32>,
    /// Keeps the smallest head of the distribution whose mass exceeds `p`, never less than one id. `None` and 1
    /// keep all. Default 0.9.
    pub top_p: Option<f32>,
    /// Keeps the ids that are at least this many times as likely as the likeliest, 0 to 1. Default `None`; 0 is off
    /// too.
    pub min_p: Option<f32>,
    /// Now and then rules out all but the least likely of the good choices. Default `None`, off.
    pub xtc: Option<XtcParams>,
    /// Keeps the surprise of the text near a target. Default `None`, off. It runs behind the filters; `top_k` and `top_p`,
    /// which are on by default, should be `None` with it.
    pub mirostat: Option<MirostatParams>,
    /// Which random numbers a seed stands for. Default [`RngKind::ChaCha`].
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

/// The smallest temperature besides 0. Below it dividing a logit can overflow, and long before it the draw has
/// become greedy anyway.
pub(crate) const MIN_TEMPERATURE: f32 = 1e-6;

impl SamplingParams {
    /// Whether the likeliest id is always taken, without chance.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }
}
