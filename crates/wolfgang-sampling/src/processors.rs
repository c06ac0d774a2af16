//! The steps of the chain, one file each.

mod repetition_penalty;
mod temperature;
mod top_k;
mod top_p;

pub(crate) use repetition_penalty::RepetitionPenalty;
pub(crate) use temperature::Temperature;
pub(crate) use top_k::TopK;
pub(crate) use top_p::TopP;

use crate::History;

/// One step of the chain: changes the logits, given the ids so far.
///
/// An id is ruled out by setting its logit to −∞. A processor is a pure function of its arguments: `&mut self` is
/// room for scratch that is reused from step to step, never memory of earlier ones.
pub(crate) trait LogitsProcessor: Send {
    /// Changes `logits`, one per vocabulary entry.
    fn process(&mut self, logits: &mut [f32], history: History<'_>);
}
