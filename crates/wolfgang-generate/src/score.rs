//! Log-probabilities of given texts.

mod continuation;
mod scorer;
mod token;
mod windows;

pub use continuation::ContinuationScore;
pub use token::ScoreAlternative;

pub(crate) use token::{MAX_LOGITS_ROWS, TokenScorer};

use crate::{GenerateError, Prompt, WolfgangGenerator};
use scorer::Scorer;
use windows::{Window, overlapping, rolling};

/// Log-probabilities of a text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Score {
    /// The ids of the text.
    pub ids: Vec<u32>,
    /// Natural logarithm of the probability of each token, given the tokens before it in its
    /// window. `None` for the first token, except with [`ScoreWindows::Rolling`].
    pub logprobs: Vec<Option<f32>>,
    /// For each token, the most likely tokens at its position, most likely first; of equally likely
    /// tokens the lower id is first. Their number is [`ScoreOptions::alternatives`]. Empty where
    /// `logprobs` is `None`.
    pub alternatives: Vec<Vec<ScoreAlternative>>,
}

/// Options of scoring a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct ScoreOptions {
    /// How a text that exceeds the model's context is divided. Default:
    /// [`ScoreWindows::Overlapping`].
    pub windows: ScoreWindows,
    /// Number of the most likely tokens to return for each position, at most the size of the
    /// vocabulary. Default: 0.
    pub alternatives: usize,
}

impl ScoreOptions {
    /// Sets [`windows`](Self::windows).
    #[must_use]
    pub fn with_windows(mut self, windows: ScoreWindows) -> Self {
        self.windows = windows;
        self
    }

    /// Sets [`alternatives`](Self::alternatives).
    #[must_use]
    pub fn with_alternatives(mut self, alternatives: usize) -> Self {
        self.alternatives = alternatives;
        self
    }
}

/// How a text that exceeds the model's context is divided into windows, each of which is scored
/// independently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ScoreWindows {
    /// Windows overlap by half: every token after the first window is given at least half a
    /// context. The first token of the text is not scored.
    #[default]
    Overlapping,
    /// The windows of `loglikelihood_rolling` of lm-evaluation-harness. Each scores as many tokens
    /// as fit into the context, given one token before them; the last scores the rest, given as
    /// many tokens as fit. The first token of the text is scored given the BOS id of the tokenizer,
    /// or else `<|endoftext|>`, so every token is scored once.
    Rolling,
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

impl WolfgangGenerator {
    /// Computes the log-probabilities of a text, with the default [`ScoreOptions`]:
    /// [`ScoreWindows::Overlapping`], without alternatives.
    ///
    /// # Errors
    /// [`GenerateError::EmptyPrompt`], [`GenerateError::Model`], [`GenerateError::Tokenizer`], and
    /// [`GenerateError::Sampling`] for invalid logits, such as NaN.
    pub fn score<'a>(&self, text: impl Into<Prompt<'a>>) -> Result<Score, GenerateError> {
        self.score_with(text, &ScoreOptions::default())
    }

    /// Computes the log-probabilities of a text.
    ///
    /// ```
    /// use wolfgang_generate::{Device, ScoreOptions, ScoreWindows, WolfgangGenerator};
    ///
    /// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
    /// let options = ScoreOptions::default()
    ///     .with_windows(ScoreWindows::Rolling)
    ///     .with_alternatives(3);
    /// let score = generator.score_with("Habe nun, ach!", &options)?;
    /// println!("ln p = {:.3}", score.sum_logprob());
    /// for (id, alternatives) in score.ids.iter().zip(&score.alternatives) {
    ///     println!("{id} instead of {:?}", alternatives[0]);
    /// }
    /// # Ok::<(), wolfgang_generate::GenerateError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`score`](Self::score), [`GenerateError::TooManyAlternatives`], and, with
    /// [`ScoreWindows::Rolling`], [`GenerateError::NoEndOfText`].
    pub fn score_with<'a>(
        &self,
        text: impl Into<Prompt<'a>>,
        options: &ScoreOptions,
    ) -> Result<Score, GenerateError> {
        self.check_alternatives(options.alternatives)?;
        let (text, tokenizer) = (text.into(), self.tokenizer());
        // With rolling windows, `ids` begin with the prefix token.
        let (mut ids, prefix) = match options.windows {
            ScoreWindows::Overlapping => (text.encode(tokenizer)?, 0),
            ScoreWindows::Rolling => {
                let first = tokenizer.bos_id().or_else(|| tokenizer.end_of_text());
                let first = first.ok_or(GenerateError::NoEndOfText)?;
                ([vec![first], text.ids(tokenizer)?].concat(), 1)
            }
        };
        self.check_ids(&ids[prefix..])?;
        let block_size = self.model().config().block_size;
        let windows: Vec<Window> = match options.windows {
            ScoreWindows::Overlapping => overlapping(ids.len(), block_size).collect(),
            ScoreWindows::Rolling => rolling(ids.len(), block_size).collect(),
        };
        let mut scorer = Scorer::new(self, options.alternatives);
        let (mut logprobs, mut alternatives) = (vec![None], vec![Vec::new()]);
        for Window { start, scored } in windows {
            let context = scored.start - start;
            scorer.score(&ids[start..scored.end], context, |token| {
                logprobs.push(Some(token.logprob));
                alternatives.push(token.alternatives);
            })?;
        }
        Ok(Score {
            ids: ids.split_off(prefix),
            logprobs: logprobs.split_off(prefix),
            alternatives: alternatives.split_off(prefix),
        })
    }
}
