//! How likely a given text is.

mod continuation;
mod scorer;
mod windows;

pub use continuation::ContinuationScore;
pub use scorer::ScoreAlternative;

use crate::{GenerateError, Prompt, WolfgangGenerator};
use scorer::Scorer;
use windows::{Window, overlapping, rolling};

/// The score of a text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Score {
    /// Its tokens.
    pub ids: Vec<u32>,
    /// For each token the natural logarithm of its probability, given those before it in its window;
    /// none for the first, unless the windows are [`ScoreWindows::Rolling`].
    pub logprobs: Vec<Option<f32>>,
    /// For each token the likeliest ones at its position, likeliest first, of equally likely ones the
    /// lower id first: as many as [`ScoreOptions::alternatives`]. None where there is no logarithm.
    pub alternatives: Vec<Vec<ScoreAlternative>>,
}

/// How a text is scored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct ScoreOptions {
    /// How a text that is longer than the model's context is divided.
    pub windows: ScoreWindows,
    /// How many of the likeliest tokens to return for each position; 0 by default.
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

/// How a text that is longer than the model's context is divided into windows, each of which is scored
/// on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ScoreWindows {
    /// Windows overlap by half: every token but those of the first window is given at least half a
    /// context. The first token of the text is not scored.
    #[default]
    Overlapping,
    /// The windows of `loglikelihood_rolling` of lm-evaluation-harness: each scores as many tokens as the
    /// context holds, given one token before them; the last scores the rest, given as many as fit. The
    /// first token of the text is given `<|endoftext|>`, so that every token is scored once.
    Rolling,
}

impl Score {
    /// The natural logarithm of the text's probability: the sum over the tokens that were scored.
    pub fn sum_logprob(&self) -> f64 {
        self.logprobs.iter().flatten().copied().map(f64::from).sum()
    }

    /// The mean over the tokens that were scored; none if there are none.
    pub fn mean_logprob(&self) -> Option<f64> {
        let n = self.logprobs.iter().flatten().count();
        (n > 0).then(|| self.sum_logprob() / n as f64)
    }

    /// exp(−[`mean_logprob`](Self::mean_logprob)): the number of equally likely tokens that would be as
    /// hard to predict.
    pub fn perplexity(&self) -> Option<f64> {
        self.mean_logprob().map(|mean| (-mean).exp())
    }
}

impl WolfgangGenerator {
    /// Scores a text with the default [`ScoreOptions`]: in [`ScoreWindows::Overlapping`], without
    /// alternatives.
    ///
    /// # Errors
    /// [`GenerateError::Model`], [`GenerateError::Tokenizer`], and [`GenerateError::Sampling`] if the model's logits are
    /// no numbers.
    pub fn score<'a>(&self, text: impl Into<Prompt<'a>>) -> Result<Score, GenerateError> {
        self.score_with(text, &ScoreOptions::default())
    }

    /// Scores a text.
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
    /// As [`score`](Self::score), [`GenerateError::TooManyAlternatives`], and for
    /// [`ScoreWindows::Rolling`] [`GenerateError::NoEndOfText`].
    pub fn score_with<'a>(
        &self,
        text: impl Into<Prompt<'a>>,
        options: &ScoreOptions,
    ) -> Result<Score, GenerateError> {
        self.check_alternatives(options.alternatives)?;
        let (text, tokenizer) = (text.into(), self.tokenizer());
        // The windows divide the text, in rolling ones after the prefix token.
        let (mut ids, prefix) = match options.windows {
            ScoreWindows::Overlapping => (text.encode(tokenizer)?, 0),
            ScoreWindows::Rolling => {
                let first = tokenizer.end_of_text().ok_or(GenerateError::NoEndOfText)?;
                ([vec![first], text.ids(tokenizer)?].concat(), 1)
            }
        };
        self.check_ids(&ids[prefix..])?;
        let block_size = self.model().config().block_size;
        let windows: Vec<Window> = match options.windows {
            ScoreWindows::Overlapping => overlapping(ids.len(), block_size).collect(),
            ScoreWindows::Rolling => rolling(ids.len(), block_size).collect(),
        };
        let mut scorer = Scorer::new(self.model(), options.alternatives);
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
