//! Generations with a constraint.

use super::Generation;
use crate::GenerateError;
use wolfgang_sampling::{Constraint, ConstraintProgress, History, SamplingError};

/// What the constraint says of the ids so far.
#[derive(Debug, Default)]
pub(super) struct Constrained {
    /// `None` without a constraint.
    pub(super) progress: Option<ConstraintProgress>,
    /// The ids that follow next, as far as the constraint leaves no choice. The model computes them
    /// with the last id in one pass, and each is sampled from its logits like any other. So they
    /// change neither the text nor the random numbers.
    pub(super) forced: Vec<u32>,
    /// The window of the last pass with forced ids, and these.
    pub(super) input: Vec<u32>,
}

impl Generation {
    /// Sets the constraint of the generated text, the [first
    /// step](wolfgang_sampling#the-order) of the sampling chain. It replaces that of
    /// `GenerateOptions::grammar`.
    ///
    /// A text that cannot continue ends with
    /// [`FinishReason::ConstraintComplete`](crate::FinishReason::ConstraintComplete). Steps that
    /// mask all ids that the constraint allows are an error.
    pub fn with_constraint(mut self, constraint: impl Constraint + 'static) -> Self {
        self.sampler = self.sampler.with_constraint(constraint);
        self
    }

    /// Asks the constraint about the ids so far.
    ///
    /// # Errors
    /// [`GenerateError::Sampling`] with [`SamplingError::Constraint`].
    pub(super) fn update_constraint(&mut self) -> Result<(), GenerateError> {
        let Some(constraint) = self.sampler.constraint() else {
            return Ok(());
        };
        let history = History::new(self.output.prompt(), self.output.generated());
        let state = &mut self.constrained;
        state.forced.clear();
        let progress = constraint.progress(history);
        state.progress = Some(progress.map_err(SamplingError::Constraint)?);
        if self.prompt_scorer.is_some() {
            return Ok(());
        }
        // The pass gives one more id than it has forced ones, and must not move the window.
        let generated = history.generated.len() + 1;
        let wanted = self.options.max_new_tokens.saturating_sub(generated);
        let room = wanted.min(self.window.room(self.output.ids().len()));
        if room > 0 {
            let forced = constraint.forced(history, &mut state.forced);
            forced.map_err(SamplingError::Constraint)?;
            state.forced.truncate(room);
        }
        Ok(())
    }

    /// Whether the text satisfies the constraint and nothing can follow.
    ///
    /// Not before `min_new_tokens`: then the sampling step returns an error that names both.
    pub(super) fn is_constraint_complete(&self) -> bool {
        let min = self.options.sampling.min_new_tokens;
        self.constrained.progress == Some(ConstraintProgress::Complete)
            && self.output.generated().len() >= min
            && !self.scores_prompt()
    }

    /// Whether the text satisfies the constraint as it is.
    pub(super) fn satisfies_constraint(&self) -> Option<bool> {
        let progress = self.constrained.progress?;
        Some(matches!(
            progress,
            ConstraintProgress::Satisfied | ConstraintProgress::Complete
        ))
    }
}
