//! Scores of continuations of a context.

use super::scorer::Scorer;
use crate::{GenerateError, Prompt, WolfgangGenerator};
use wolfgang_tokenize::Tokenizer;

/// Log-probabilities of a continuation, given its context.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ContinuationScore {
    /// The ids of the continuation.
    pub ids: Vec<u32>,
    /// Natural logarithm of the probability of each token, given the context and the tokens before
    /// it.
    pub logprobs: Vec<f32>,
    /// Whether greedy decoding of the context gives this continuation: each token is the most
    /// likely one; of equally likely tokens the one with the lowest id counts.
    pub is_greedy: bool,
    /// Number of tokens removed at the beginning of the context, because context and continuation
    /// together exceed the model's context.
    pub truncated_tokens: usize,
}

impl ContinuationScore {
    /// Returns the natural logarithm of the probability of the continuation: the sum over its
    /// tokens.
    pub fn sum_logprob(&self) -> f64 {
        self.logprobs.iter().copied().map(f64::from).sum()
    }
}

impl WolfgangGenerator {
    /// Computes the log-probabilities of a continuation of a context, as `loglikelihood` of
    /// lm-evaluation-harness does.
    ///
    /// ```
    /// # use wolfgang_generate::{Device, WolfgangGenerator};
    /// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
    /// let score = generator.score_continuation("Habe nun, ach! Philosophie,", " Juristerei")?;
    /// println!("{:.3}, greedy: {}", score.sum_logprob(), score.is_greedy);
    /// # Ok::<(), wolfgang_generate::GenerateError>(())
    /// ```
    ///
    /// If both are text, white space at the end of the context is moved to the continuation, and
    /// the ids of the continuation are those of the whole text after the first n, where n is the
    /// number of ids of the context alone. Otherwise each is encoded separately.
    ///
    /// An empty context is replaced by `<|endoftext|>`, the beginning of a document. If context and
    /// continuation together exceed `block_size + 1` tokens, the context is truncated on the left
    /// (the last token is not an input of the model).
    ///
    /// # Errors
    /// [`GenerateError::EmptyContinuation`], [`GenerateError::ContinuationTooLong`],
    /// [`GenerateError::EmptyPrompt`], [`GenerateError::Model`], [`GenerateError::Tokenizer`], and
    /// [`GenerateError::Sampling`] for invalid logits, such as NaN.
    pub fn score_continuation<'a, 'b>(
        &self,
        context: impl Into<Prompt<'a>>,
        continuation: impl Into<Prompt<'b>>,
    ) -> Result<ContinuationScore, GenerateError> {
        let mut scorer = Scorer::new(self, 0);
        self.continuation(&mut scorer, context.into(), continuation.into())
    }

    /// Computes the log-probabilities of several continuations of the same context, in their order.
    ///
    /// Each score equals that of [`score_continuation`](Self::score_continuation), on the CPU bit
    /// for bit, but the context is computed only once; if it must be truncated, once for each
    /// truncated length.
    ///
    /// ```
    /// # use wolfgang_generate::{Device, WolfgangGenerator};
    /// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
    /// let answers = [" Nacht und Wind?", " Tag und Regen?"];
    /// let scores = generator.score_continuations("Wer reitet so spät durch", answers)?;
    /// let best = scores.iter().max_by(|a, b| a.sum_logprob().total_cmp(&b.sum_logprob()));
    /// # assert_eq!(best, scores.first());
    /// # Ok::<(), wolfgang_generate::GenerateError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`score_continuation`](Self::score_continuation) for the first continuation that
    /// fails.
    pub fn score_continuations<'a, 'b, C: Into<Prompt<'b>>>(
        &self,
        context: impl Into<Prompt<'a>>,
        continuations: impl IntoIterator<Item = C>,
    ) -> Result<Vec<ContinuationScore>, GenerateError> {
        let context = context.into();
        let mut scorer = Scorer::new(self, 0);
        let scores = continuations.into_iter();
        let scores = scores.map(|one| self.continuation(&mut scorer, context, one.into()));
        scores.collect()
    }

    fn continuation(
        &self,
        scorer: &mut Scorer<'_>,
        context: Prompt<'_>,
        continuation: Prompt<'_>,
    ) -> Result<ContinuationScore, GenerateError> {
        let (context, continuation) = encode_pair(self.tokenizer(), context, continuation)?;
        self.check_ids(&context)?;
        self.check_ids(&continuation)?;
        let (tokens, block_size) = (continuation.len(), self.model().config().block_size);
        if tokens == 0 {
            return Err(GenerateError::EmptyContinuation);
        }
        if tokens > block_size {
            return Err(GenerateError::ContinuationTooLong { tokens, block_size });
        }
        let truncated_tokens = (context.len() + tokens).saturating_sub(block_size + 1);
        let context = &context[truncated_tokens..];
        let all = [context, &continuation].concat();
        let mut logprobs = Vec::with_capacity(tokens);
        let mut is_greedy = true;
        scorer.score(&all, context.len(), |token| {
            logprobs.push(token.logprob);
            is_greedy &= token.is_greedy;
        })?;
        Ok(ContinuationScore {
            ids: continuation,
            logprobs,
            is_greedy,
            truncated_tokens,
        })
    }
}

/// Encodes the context, to at least one id, and the continuation. Two texts are encoded as
/// `_encode_pair` of lm-evaluation-harness does.
fn encode_pair(
    tokenizer: &Tokenizer,
    context: Prompt<'_>,
    continuation: Prompt<'_>,
) -> Result<(Vec<u32>, Vec<u32>), GenerateError> {
    let (Prompt::Text(context), Prompt::Text(continuation)) = (context, continuation) else {
        return Ok((context.encode(tokenizer)?, continuation.ids(tokenizer)?));
    };
    let mut whole = tokenizer.encode(&format!("{context}{continuation}"))?;
    let context = Prompt::Text(context.trim_end_matches(is_python_space));
    let context_tokens = context.ids(tokenizer)?.len();
    let continuation = whole.split_off(context_tokens.min(whole.len()));
    Ok((context.encode(tokenizer)?, continuation))
}

/// Whether Python's `str.rstrip` removes the character: Unicode white space and four ASCII
/// separators.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
