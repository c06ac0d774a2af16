//! Constraints on generated texts.

use crate::{ConstraintError, History};

/// A rule that generated ids must satisfy, such as a regular expression or a grammar: the first
/// [step](crate#the-order) of the sampling chain.
///
/// All methods are pure functions of the generated ids: for the same [`History::generated`] they
/// give the same results, in any order of calls. An implementation may keep the state after
/// the last ids, and must go back if they are not a prefix of the next ones.
pub trait Constraint: Send {
    /// Adds the ids that may follow to `allowed`, which is empty. These include ids that end the
    /// text where it may end.
    ///
    /// # Errors
    /// [`ConstraintError`] if the generated ids violate the constraint, or a limit is exceeded.
    fn allow(
        &mut self,
        history: History<'_>,
        allowed: &mut TokenMask,
    ) -> Result<(), ConstraintError>;

    /// Returns whether the text satisfies the constraint as it is.
    ///
    /// # Errors
    /// As [`allow`](Self::allow).
    fn progress(&mut self, history: History<'_>) -> Result<ConstraintProgress, ConstraintError>;

    /// Adds the ids that follow next, as far as the constraint leaves no choice. The model
    /// computes them in one pass. They are sampled as all others, so that they do not change the
    /// text; a wrong guess only costs time. Default: none.
    ///
    /// # Errors
    /// As [`allow`](Self::allow).
    fn forced(
        &mut self,
        _history: History<'_>,
        _ids: &mut Vec<u32>,
    ) -> Result<(), ConstraintError> {
        Ok(())
    }
}

/// How far a text satisfies a [`Constraint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintProgress {
    /// More text is required.
    Incomplete,
    /// The text may end here, or continue.
    Satisfied,
    /// Nothing can follow: the text ends here.
    Complete,
}

/// A set of ids of a vocabulary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenMask {
    /// One bit per id, the lowest first.
    words: Vec<u32>,
    vocab_size: usize,
}

impl TokenMask {
    /// Creates an empty set of ids below `vocab_size`.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            words: vec![0; vocab_size.div_ceil(32)],
            vocab_size,
        }
    }

    /// Returns the size of the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Removes all ids.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Adds an id. No effect outside the vocabulary.
    pub fn insert(&mut self, id: u32) {
        if (id as usize) < self.vocab_size {
            self.words[id as usize / 32] |= 1 << (id % 32);
        }
    }

    /// Removes an id.
    pub fn remove(&mut self, id: u32) {
        if (id as usize) < self.vocab_size {
            self.words[id as usize / 32] &= !(1 << (id % 32));
        }
    }

    /// Adds the ids of a bit set, one bit per id, the lowest first. Bits outside the vocabulary are
    /// ignored.
    pub fn insert_bits(&mut self, bits: &[u32]) {
        for (word, bits) in self.words.iter_mut().zip(bits) {
            *word |= bits;
        }
        let used = self.vocab_size % 32;
        if let Some(last) = self.words.last_mut().filter(|_| used > 0) {
            *last &= (1 << used) - 1;
        }
    }

    /// Returns whether the set contains an id.
    pub fn contains(&self, id: u32) -> bool {
        let word = self.words.get(id as usize / 32);
        word.is_some_and(|word| word >> (id % 32) & 1 == 1)
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Sets the logits of all other ids to −∞.
    pub(crate) fn mask(&self, logits: &mut [f32]) {
        for (logits, word) in logits.chunks_mut(32).zip(&self.words) {
            if *word == u32::MAX {
                continue;
            }
            for (i, logit) in logits.iter_mut().enumerate() {
                if word >> i & 1 == 0 {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
    }
}

/// The first step of a sampler.
pub(crate) struct ConstraintStep {
    pub(crate) constraint: Box<dyn Constraint>,
    /// Ids that the constraint allows. Scratch buffer of one step.
    allowed: TokenMask,
}

impl ConstraintStep {
    pub(crate) fn new(constraint: Box<dyn Constraint>, vocab_size: usize) -> Self {
        Self {
            constraint,
            allowed: TokenMask::new(vocab_size),
        }
    }

    /// # Errors
    /// [`ConstraintError`] of the constraint, or if it allows no id.
    pub(crate) fn process(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<(), ConstraintError> {
        self.allowed.clear();
        self.constraint.allow(history, &mut self.allowed)?;
        if self.allowed.is_empty() {
            return Err(ConstraintError::new(
                "no token of the vocabulary can continue the text",
            ));
        }
        self.allowed.mask(logits);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_set_of_the_ids_of_a_vocabulary() {
        for vocab_size in [0, 1, 31, 32, 33, 70] {
            let mut mask = TokenMask::new(vocab_size);
            assert!(mask.is_empty());
            for id in (0..100).step_by(3) {
                mask.insert(id);
            }
            let contained = (0..100).filter(|id| mask.contains(*id));
            assert!(contained.eq((0..vocab_size as u32).step_by(3)));
            let mut logits = vec![1.0; vocab_size];
            mask.mask(&mut logits);
            for (id, logit) in logits.iter().enumerate() {
                let expected = if id % 3 == 0 { 1.0 } else { f32::NEG_INFINITY };
                assert_eq!(*logit, expected);
            }
            mask.remove(0);
            assert!(!mask.contains(0));
            mask.insert_bits(&[u32::MAX; 4]);
            assert!((0..200).all(|id| mask.contains(id) == ((id as usize) < vocab_size)));
        }
    }
}
