//! How far a generation has come.

use super::Generation;

/// Numbers of tokens so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Prompt tokens computed.
    pub(crate) prompt_tokens: usize,
    /// Prompt tokens that were not recomputed.
    pub(crate) cached_tokens: usize,
    /// Generated tokens.
    pub(crate) generated_tokens: usize,
}

impl Generation {
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            prompt_tokens: self.computed_tokens,
            cached_tokens: self.cached_tokens.unwrap_or(0),
            generated_tokens: self.output.generated().len(),
        }
    }
}
