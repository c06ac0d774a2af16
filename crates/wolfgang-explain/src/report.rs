//! The report of a generation, from which all views are made.

use crate::token_text::TokenText;
use crate::{ExplainError, with_token_texts};
use serde::ser::Error;
use serde::{Serialize, Serializer};
use wolfgang_generate::{Explanation, SamplingParams, SpecialTokens, Summary, Tokenizer};

/// How each token of a generated text was sampled.
///
/// It serializes as one object: `prompt`, the fields of the [`Summary`], and `tokens`, a list of
/// [`TokenReport`]s. Every object with an `id` has the text of that token as the field `token`, and
/// its bytes as `bytes` if they are not complete characters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainReport {
    /// The prompt.
    pub prompt: String,
    /// The summary of the generation, without its explanations, which are in `tokens`.
    pub summary: Summary,
    /// The generated tokens, followed by the token that ended the text, if one did.
    pub tokens: Vec<TokenReport>,
    pub(crate) sampling: SamplingParams,
    pub(crate) tokenizer: Tokenizer,
}

/// How a token was sampled.
///
/// It serializes as one object: the fields of the [`Explanation`], `text` and `ends`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TokenReport {
    /// The explanation.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The text that the token added: empty while a character is incomplete, and the whole
    /// character when it is completed.
    pub text: String,
    /// Whether the token ended the text and is not part of it.
    pub ends: bool,
    #[serde(skip)]
    pub(crate) token: TokenText,
}

impl ExplainReport {
    /// Makes the report of a generation.
    ///
    /// `sampling` and `tokenizer` are those of the generation: `options.sampling` and
    /// `generator.tokenizer()`.
    ///
    /// # Errors
    /// [`ExplainError::MissingExplanations`] if `summary` does not have one explanation per
    /// generated token, because [`GenerateOptions::explain`] was not set.
    ///
    /// [`GenerateOptions::explain`]: wolfgang_generate::GenerateOptions::explain
    pub fn new(
        prompt: impl Into<String>,
        mut summary: Summary,
        sampling: &SamplingParams,
        tokenizer: &Tokenizer,
    ) -> Result<Self, ExplainError> {
        let explanations = std::mem::take(&mut summary.explanations);
        if explanations.len() != summary.generated_tokens {
            return Err(ExplainError::MissingExplanations {
                found: explanations.len(),
                generated_tokens: summary.generated_tokens,
            });
        }
        let mut stream = tokenizer.decode_stream(SpecialTokens::Keep);
        let stop = summary.stop_explanation.take();
        let tokens = explanations
            .into_iter()
            .map(|explanation| (explanation, false))
            .chain(stop.map(|explanation| (*explanation, true)))
            .map(|(explanation, ends)| TokenReport {
                text: stream.push(explanation.chosen.id).to_owned(),
                token: TokenText::new(explanation.chosen.id, tokenizer),
                explanation,
                ends,
            })
            .collect();
        Ok(Self {
            prompt: prompt.into(),
            summary,
            tokens,
            sampling: sampling.clone(),
            tokenizer: tokenizer.clone(),
        })
    }
}

impl Serialize for ExplainReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            prompt: &'a str,
            #[serde(flatten)]
            summary: &'a Summary,
            tokens: &'a [TokenReport],
        }
        let fields = Fields {
            prompt: &self.prompt,
            summary: &self.summary,
            tokens: &self.tokens,
        };
        let json = with_token_texts(&fields, &self.tokenizer).map_err(S::Error::custom)?;
        json.serialize(serializer)
    }
}

impl TokenReport {
    /// Returns the probability according to the model, before the sampling chain.
    pub(crate) fn model_probability(&self) -> f64 {
        f64::from(self.explanation.chosen.model).exp()
    }

    /// Returns the probability after the sampling chain.
    pub(crate) fn sampled_probability(&self) -> f64 {
        f64::from(self.explanation.chosen.sampled).exp()
    }
}
