//! The ids a processor may look back on.

/// The token ids of one sequence so far, oldest first.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct History<'a> {
    /// The ids of the prompt.
    pub prompt: &'a [u32],
    /// The ids generated after the prompt.
    pub generated: &'a [u32],
}

/// The ids that the repetition penalty covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PenaltyScope {
    /// The prompt and the generated ids, as one sequence.
    #[default]
    Context,
    /// The generated ids only.
    Generated,
}

impl<'a> History<'a> {
    /// The ids of a prompt, and those generated since.
    pub const fn new(prompt: &'a [u32], generated: &'a [u32]) -> Self {
        Self { prompt, generated }
    }

    /// Returns the last `n` ids within `scope` as two slices: those of the prompt, then the
    /// generated ones.
    pub fn last(self, n: usize, scope: PenaltyScope) -> (&'a [u32], &'a [u32]) {
        let from_generated = n.min(self.generated.len());
        let from_prompt = match scope {
            PenaltyScope::Context => (n - from_generated).min(self.prompt.len()),
            PenaltyScope::Generated => 0,
        };
        (
            &self.prompt[self.prompt.len() - from_prompt..],
            &self.generated[self.generated.len() - from_generated..],
        )
    }
}

/// A sequence that has not begun.
#[cfg(test)]
pub(crate) const EMPTY: History<'_> = History {
    prompt: &[],
    generated: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_reaches_back_into_the_prompt_only_in_context() {
        let history = History {
            prompt: &[1, 2, 3],
            generated: &[4, 5],
        };
        assert_eq!(history.last(1, PenaltyScope::Context), (&[][..], &[5][..]));
        assert_eq!(
            history.last(4, PenaltyScope::Context),
            (&[2, 3][..], &[4, 5][..])
        );
        assert_eq!(
            history.last(9, PenaltyScope::Context),
            (&[1, 2, 3][..], &[4, 5][..])
        );
        assert_eq!(
            history.last(4, PenaltyScope::Generated),
            (&[][..], &[4, 5][..])
        );
        assert_eq!(history.last(0, PenaltyScope::Context), (&[][..], &[][..]));
    }
}
