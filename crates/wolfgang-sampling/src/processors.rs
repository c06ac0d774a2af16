//! The steps of the sampling chain, one file each.

mod allowed_tokens;
mod banned_tokens;
mod dry;
mod dynamic_temperature;
mod frequency_presence;
mod logit_bias;
mod min_new_tokens;
mod min_p;
mod mirostat;
mod no_repeat_ngram;
mod repetition_penalty;
mod temperature;
mod top_k;
mod top_n_sigma;
mod top_p;
mod typical_p;
mod xtc;

pub(crate) use allowed_tokens::AllowedTokens;
pub(crate) use banned_tokens::BannedTokens;
pub(crate) use dry::Dry;
pub(crate) use dynamic_temperature::DynamicTemperature;
pub(crate) use frequency_presence::FrequencyPresence;
pub(crate) use logit_bias::LogitBias;
pub(crate) use min_new_tokens::MinNewTokens;
pub(crate) use min_p::MinP;
pub(crate) use mirostat::Mirostat;
pub(crate) use no_repeat_ngram::NoRepeatNgram;
pub(crate) use repetition_penalty::RepetitionPenalty;
pub(crate) use temperature::Temperature;
pub(crate) use top_k::TopK;
pub(crate) use top_n_sigma::TopNSigma;
pub(crate) use top_p::TopP;
pub(crate) use typical_p::TypicalP;
pub(crate) use xtc::Xtc;

use crate::History;

/// A step of the sampling chain that modifies the logits.
///
/// Custom steps are added with [`Sampler::with_processor`](crate::Sampler::with_processor):
///
/// ```
/// use wolfgang_sampling::{History, LogitsProcessor, Sampler, SamplingParams};
///
/// /// Alternates between odd and even ids.
/// struct Alternate;
///
/// impl LogitsProcessor for Alternate {
///     fn process(&mut self, logits: &mut [f32], history: History<'_>) {
///         for logit in logits.iter_mut().skip(history.generated.len() % 2).step_by(2) {
///             *logit = f32::NEG_INFINITY;
///         }
///     }
/// }
///
/// let params = SamplingParams::default().with_temperature(0.0);
/// let mut sampler = Sampler::new(&params, 4, 42)?.with_processor(Alternate);
/// let mut generated = Vec::new();
/// for _ in 0..3 {
///     let id = sampler.sample(&mut [0.4, 0.3, 0.2, 0.1], History::new(&[], &generated))?;
///     generated.push(id);
/// }
/// assert_eq!(generated, [1, 0, 1]);
/// # Ok::<(), wolfgang_sampling::SamplingError>(())
/// ```
///
/// Contract for implementors:
///
/// - `logits` has one entry per vocabulary entry, finite or −∞ (masked), never NaN or +∞. The same
///   must hold afterwards: otherwise sampling fails with
///   [`SamplingError::InvalidLogit`](crate::SamplingError::InvalidLogit), or with
///   [`SamplingError::AllTokensMasked`](crate::SamplingError::AllTokensMasked) if all ids are
///   masked.
/// - Ids in `history` can be outside the vocabulary.
/// - A processor should be a pure function of its arguments and use `&mut self` only for reusable
///   buffers. Then the same seed gives the same text, whether or not a sequence was continued from
///   a session. A processor with state belongs to one sequence.
/// - The built-in processors allocate nothing per call.
pub trait LogitsProcessor: Send {
    /// Modifies `logits`, `[vocab_size]` in the order of ids.
    fn process(&mut self, logits: &mut [f32], history: History<'_>);
}

impl<P: LogitsProcessor + ?Sized> LogitsProcessor for Box<P> {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        (**self).process(logits, history);
    }
}

/// Masks the ids: sets their logits to −∞.
fn mask(logits: &mut [f32], ids: &[u32]) {
    for &id in ids {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}
