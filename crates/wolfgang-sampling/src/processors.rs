//! The steps of the chain, one file each.

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

/// One step of the chain: changes the logits, given the ids so far.
///
/// Users write their own and hand them to [`Sampler::with_processor`](crate::Sampler::with_processor):
///
/// ```
/// use wolfgang_sampling::{History, LogitsProcessor, Sampler, SamplingParams};
///
/// /// Every other id is even.
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
/// What an implementation can count on, and what is counted on:
///
/// - `logits` has one entry per vocabulary entry, a number or −∞, which means ruled out; none is NaN or +∞. It should
///   leave them so: the step fails with [`SamplingError::InvalidLogit`](crate::SamplingError::InvalidLogit) otherwise, and
///   with [`SamplingError::AllTokensMasked`](crate::SamplingError::AllTokensMasked) where every id is ruled out.
/// - Ids in the `history` can lie beyond the vocabulary, for a caller may hand any.
/// - A processor should be a pure function of its arguments, with `&mut self` for room that is reused from step to step
///   and not for memory of earlier steps: then the same seed gives the same text however a sequence was arrived at.
///   The built-in ones are; one that does remember belongs to one sequence, as its sampler does.
/// - A step of the built-in ones allocates nothing.
pub trait LogitsProcessor: Send {
    /// Changes `logits`, one per vocabulary entry, in the order of ids.
    fn process(&mut self, logits: &mut [f32], history: History<'_>);
}

impl<P: LogitsProcessor + ?Sized> LogitsProcessor for Box<P> {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        (**self).process(logits, history);
    }
}

fn rule_out(logits: &mut [f32], ids: &[u32]) {
    for &id in ids {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}
