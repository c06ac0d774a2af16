//! The constraint of a compiled grammar.

use crate::compiler::shortened;
use llguidance::Matcher;
use llguidance::api::StopReason;
use toktrie::{SimpleVob, TokenId};
use wolfgang_sampling::{Constraint, ConstraintError, ConstraintProgress, History, TokenMask};

/// Maximum number of forced ids that are computed together.
const MAX_FORCED: usize = 64;

/// A compiled grammar, and its state after the ids so far.
///
/// If the next history does not continue the last one, the state goes back to their common prefix:
/// results depend only on the history.
pub struct GrammarConstraint {
    matcher: Matcher,
    /// The ids that the matcher has consumed.
    consumed: Vec<u32>,
    /// The mask after them, once it is computed.
    mask: Option<SimpleVob>,
    /// Stands for the end of a text in masks.
    end: TokenId,
    end_ids: Vec<u32>,
}

impl GrammarConstraint {
    pub(crate) fn new(matcher: Matcher, end: TokenId, end_ids: &[u32]) -> Self {
        Self {
            matcher,
            consumed: Vec::new(),
            mask: None,
            end,
            end_ids: end_ids.to_vec(),
        }
    }

    /// Whether there is a first token, or the empty text satisfies the grammar.
    pub(crate) fn has_a_text(&mut self) -> Result<bool, ConstraintError> {
        Ok(!self.mask()?.is_zero())
    }

    /// Brings the matcher to the state after `ids`.
    fn advance(&mut self, ids: &[u32]) -> Result<(), ConstraintError> {
        let pairs = self.consumed.iter().zip(ids);
        let common = pairs.take_while(|(a, b)| a == b).count();
        if common < self.consumed.len() || common < ids.len() {
            self.mask = None;
        }
        if common < self.consumed.len() {
            let back = self.consumed.len() - common;
            self.consumed.truncate(common);
            self.matcher.rollback(back).map_err(|e| failed(&e))?;
        }
        for (place, id) in ids.iter().enumerate().skip(common) {
            let is_end = self.end_ids.contains(id);
            let consumed = if is_end { self.end } else { *id };
            self.matcher.consume_token(consumed).map_err(|error| {
                let message = shortened(&error.to_string());
                ConstraintError::new(format!("token {id} at position {place}: {message}"))
            })?;
            self.consumed.push(*id);
        }
        Ok(())
    }

    fn mask(&mut self) -> Result<&SimpleVob, ConstraintError> {
        let mask = match self.mask.take() {
            Some(mask) => mask,
            None => self.matcher.compute_mask_or_eos().map_err(|e| failed(&e))?,
        };
        Ok(self.mask.insert(mask))
    }
}

fn failed(error: &anyhow::Error) -> ConstraintError {
    ConstraintError::new(shortened(&error.to_string()))
}

impl Constraint for GrammarConstraint {
    fn allow(
        &mut self,
        history: History<'_>,
        allowed: &mut TokenMask,
    ) -> Result<(), ConstraintError> {
        self.advance(history.generated)?;
        let end = self.end;
        let mask = self.mask()?;
        let may_end = mask.is_allowed(end);
        allowed.insert_bits(mask.as_slice());
        // A model can have more ids than its tokenizer.
        allowed.remove(end);
        if may_end {
            self.end_ids.iter().for_each(|id| allowed.insert(*id));
        }
        Ok(())
    }

    fn progress(&mut self, history: History<'_>) -> Result<ConstraintProgress, ConstraintError> {
        self.advance(history.generated)?;
        match self.matcher.stop_reason() {
            StopReason::NotStopped => {}
            StopReason::NoExtension | StopReason::NoExtensionBias | StopReason::EndOfSentence => {
                return Ok(ConstraintProgress::Complete);
            }
            other => {
                return Err(ConstraintError::new(format!(
                    "the matcher stopped: {other:?}"
                )));
            }
        }
        if !self.matcher.is_accepting().map_err(|e| failed(&e))? {
            return Ok(ConstraintProgress::Incomplete);
        }
        // Without a token that continues the text, it is complete.
        let end = self.end as usize;
        let mut others = self.mask()?.iter().filter(|id| *id as usize != end);
        Ok(match others.next() {
            Some(_) => ConstraintProgress::Satisfied,
            None => ConstraintProgress::Complete,
        })
    }

    fn forced(&mut self, history: History<'_>, ids: &mut Vec<u32>) -> Result<(), ConstraintError> {
        self.advance(history.generated)?;
        let forced = self.matcher.compute_ff_tokens();
        let end = self.end;
        let texts = forced.into_iter().take_while(|id| *id != end);
        ids.extend(texts.take(MAX_FORCED));
        Ok(())
    }
}

impl std::fmt::Debug for GrammarConstraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrammarConstraint")
            .field("consumed", &self.consumed.len())
            .finish_non_exhaustive()
    }
}
