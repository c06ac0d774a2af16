//! Token counts of a response.

use serde::Serialize;
use wolfgang_generate::Summary;

/// Token counts of a response. The tokens of a prompt count once, however many choices it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: usize,
    pub(crate) completion_tokens: usize,
    pub(crate) total_tokens: usize,
    pub(crate) prompt_tokens_details: PromptTokensDetails,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PromptTokensDetails {
    /// Tokens at the beginning of the prompts that were not computed again.
    pub(crate) cached_tokens: usize,
}

impl Usage {
    pub(crate) fn new(prompt_tokens: usize, completion_tokens: usize) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: PromptTokensDetails::default(),
        }
    }

    /// The counts of a finished choice.
    pub(crate) fn add(&mut self, summary: &Summary, is_first_of_prompt: bool) {
        if is_first_of_prompt {
            self.prompt_tokens += summary.prompt_tokens;
            self.prompt_tokens_details.cached_tokens += summary.cached_tokens;
        }
        self.completion_tokens += summary.generated_tokens;
        self.total_tokens = self.prompt_tokens + self.completion_tokens;
    }
}
