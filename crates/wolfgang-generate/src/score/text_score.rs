//! The log-probabilities of a text, as data.

/// A token and its log-probability at a position of a scored text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ScoreAlternative {
    /// Token id.
    pub id: u32,
    /// Natural logarithm of its probability according to the model.
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub logprob: f32,
}

/// Log-probabilities of a text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Score {
    /// The ids of the text.
    pub ids: Vec<u32>,
    /// Natural logarithm of the probability of each token, given the tokens before it in its
    /// window. `None` for the first token, except with
    /// [`ScoreWindows::Rolling`](crate::ScoreWindows::Rolling).
    pub logprobs: Vec<Option<f32>>,
    /// For each token, the most likely tokens at its position, most likely first; of equally likely
    /// tokens the lower id is first. Their number is
    /// [`ScoreOptions::alternatives`](crate::ScoreOptions::alternatives). Empty where
    /// `logprobs` is `None`.
    pub alternatives: Vec<Vec<ScoreAlternative>>,
}

impl Score {
    /// Returns the natural logarithm of the probability of the text: the sum over the scored
    /// tokens.
    pub fn sum_logprob(&self) -> f64 {
        self.logprobs.iter().flatten().copied().map(f64::from).sum()
    }

    /// Returns the mean log-probability of the scored tokens, or `None` if there are none.
    pub fn mean_logprob(&self) -> Option<f64> {
        let n = self.logprobs.iter().flatten().count();
        (n > 0).then(|| self.sum_logprob() / n as f64)
    }

    /// Returns the perplexity, exp(−[`mean_logprob`](Self::mean_logprob)), or `None` if no token
    /// was scored. It is the number of equally likely tokens that would be equally hard to predict.
    pub fn perplexity(&self) -> Option<f64> {
        self.mean_logprob().map(|mean| (-mean).exp())
    }
}
