//! The end of a generation: its summary.

use super::{Generation, Phase};
use crate::output_buffer::Content;
use crate::{FinishReason, GenerateError, Summary};

impl Generation {
    /// Ends the generation with an error, and attaches the summary of the text generated before.
    pub(crate) fn fail(&mut self, error: GenerateError) -> GenerateError {
        self.reason = FinishReason::Error;
        self.phase = Phase::Done;
        self.cache.give_back();
        // The summary includes buffered text.
        self.output.finish();
        GenerateError::GenerationFailed {
            source: Box::new(error),
            partial: Box::new(self.summary()),
        }
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            prompt_logprobs: self.prompt_logprobs.clone(),
            stop_explanation: self.stop_explanation.clone(),
            ..self.summary_with(self.output.content())
        }
    }

    /// Returns whether the last event or an error was returned.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Converts a generation that is over to its summary, without copying the text.
    pub(crate) fn into_finished(mut self) -> Summary {
        let prompt_logprobs = self.prompt_logprobs.take();
        let stop_explanation = self.stop_explanation.take();
        let mut summary = self.summary_with(Content::default());
        let content = self.output.into_content();
        summary.text = content.text;
        summary.ids = content.ids;
        summary.logprobs = content.logprobs;
        summary.explanations = content.explanations;
        Summary {
            prompt_logprobs,
            stop_explanation,
            ..summary
        }
    }

    /// The summary without `prompt_logprobs` and `stop_explanation`.
    fn summary_with(&self, content: Content) -> Summary {
        let output = &self.output;
        Summary {
            reason: self.reason,
            text: content.text,
            ids: content.ids,
            logprobs: content.logprobs,
            prompt_logprobs: None,
            explanations: content.explanations,
            stop_explanation: None,
            prompt_tokens: output.prompt().len(),
            truncated_tokens: self.truncated_tokens(),
            cached_tokens: self.cached_tokens.unwrap_or(0),
            generated_tokens: output.generated().len(),
            context_shifts: self.context_shifts,
            satisfies_constraint: self.satisfies_constraint(),
            seed: self.seed,
            timing: self.timing,
        }
    }
}
