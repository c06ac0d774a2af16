//! The ids of a sequence that processors can read.

use crate::SamplingError;
use std::fmt;
use std::str::FromStr;

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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum PenaltyScope {
    /// The prompt and the generated ids, as one sequence.
    #[default]
    Context,
    /// The generated ids only.
    Generated,
}

impl PenaltyScope {
    /// All variants.
    pub const ALL: [Self; 2] = [Self::Context, Self::Generated];

    /// Returns the name: `context` or `generated`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Generated => "generated",
        }
    }
}

impl fmt::Display for PenaltyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PenaltyScope {
    type Err = SamplingError;

    fn from_str(name: &str) -> Result<Self, SamplingError> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == name)
            .ok_or_else(|| SamplingError::InvalidParam {
                parameter: "penalty_scope",
                value: format!("{name:?}"),
                rule: "it must be context or generated",
            })
    }
}

impl<'a> History<'a> {
    /// Creates a history from the ids of the prompt and the generated ids.
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

/// A history without ids.
#[cfg(test)]
pub(crate) const EMPTY: History<'_> = History {
    prompt: &[],
    generated: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_includes_the_prompt_only_in_the_scope_context() {
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
