//! Setters that return the changed options, for method chains.
//!
//! Setters of `Option` fields also accept the value itself: `.with_seed(1)` and `.with_seed(None)`.

use super::{ContextOverflow, GenerateOptions, PromptTruncation};
use std::time::Duration;
#[cfg(feature = "constrain")]
use wolfgang_constrain::Grammar;
use wolfgang_sampling::SamplingParams;

impl GenerateOptions {
    /// Sets [`max_new_tokens`](Self::max_new_tokens).
    pub fn with_max_new_tokens(mut self, max_new_tokens: usize) -> Self {
        self.max_new_tokens = max_new_tokens;
        self
    }

    /// Sets [`sampling`](Self::sampling).
    pub fn with_sampling(mut self, sampling: SamplingParams) -> Self {
        self.sampling = sampling;
        self
    }

    /// Sets [`stop_tokens`](Self::stop_tokens).
    pub fn with_stop_tokens(mut self, stop_tokens: impl IntoIterator<Item = u32>) -> Self {
        self.stop_tokens = stop_tokens.into_iter().collect();
        self
    }

    /// Sets [`stop_strings`](Self::stop_strings).
    pub fn with_stop_strings(
        mut self,
        stop_strings: impl IntoIterator<Item: Into<String>>,
    ) -> Self {
        self.stop_strings = stop_strings.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`keep_stop_string`](Self::keep_stop_string).
    pub fn with_keep_stop_string(mut self, keep_stop_string: bool) -> Self {
        self.keep_stop_string = keep_stop_string;
        self
    }

    /// Sets [`max_time`](Self::max_time).
    pub fn with_max_time(mut self, max_time: impl Into<Option<Duration>>) -> Self {
        self.max_time = max_time.into();
        self
    }

    /// Sets [`ignore_eos`](Self::ignore_eos).
    pub fn with_ignore_eos(mut self, ignore_eos: bool) -> Self {
        self.ignore_eos = ignore_eos;
        self
    }

    /// Sets [`seed`](Self::seed).
    pub fn with_seed(mut self, seed: impl Into<Option<u64>>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Sets [`logprobs`](Self::logprobs).
    pub fn with_logprobs(mut self, logprobs: impl Into<Option<usize>>) -> Self {
        self.logprobs = logprobs.into();
        self
    }

    /// Sets [`prompt_logprobs`](Self::prompt_logprobs).
    pub fn with_prompt_logprobs(mut self, prompt_logprobs: impl Into<Option<usize>>) -> Self {
        self.prompt_logprobs = prompt_logprobs.into();
        self
    }

    /// Sets [`explain`](Self::explain).
    pub fn with_explain(mut self, explain: impl Into<Option<usize>>) -> Self {
        self.explain = explain.into();
        self
    }

    /// Sets [`grammar`](Self::grammar).
    #[cfg(feature = "constrain")]
    pub fn with_grammar(mut self, grammar: impl Into<Option<Grammar>>) -> Self {
        self.grammar = grammar.into();
        self
    }

    /// Sets [`include_prompt`](Self::include_prompt).
    pub fn with_include_prompt(mut self, include_prompt: bool) -> Self {
        self.include_prompt = include_prompt;
        self
    }

    /// Sets [`context_overflow`](Self::context_overflow).
    pub fn with_context_overflow(mut self, context_overflow: ContextOverflow) -> Self {
        self.context_overflow = context_overflow;
        self
    }

    /// Sets [`prompt_truncation`](Self::prompt_truncation).
    pub fn with_prompt_truncation(mut self, prompt_truncation: PromptTruncation) -> Self {
        self.prompt_truncation = prompt_truncation;
        self
    }
}
