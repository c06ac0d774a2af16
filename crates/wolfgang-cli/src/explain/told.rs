//! What is told of a generation: what `--json` writes, and what the page holds. `docs/command.md` describes it.

use super::words::Words;
use crate::piece::Piece;
use serde::Serialize;
use wolfgang_generate::{Explanation, SpecialTokens, Summary, Tokenizer};

/// A whole generation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) prompt: String,
    /// Without its explanations, which are those of the tokens.
    #[serde(flatten)]
    pub(crate) summary: Summary,
    /// Those of the text, then the one that ended it, if one did.
    pub(crate) tokens: Vec<Token>,
}

/// How a token came about.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Token {
    #[serde(flatten)]
    pub(crate) explanation: Explanation,
    /// What the text became longer by: nothing where a character is not complete, all of it where one is completed.
    pub(crate) text: String,
    /// Whether it ended the text.
    pub(crate) ends: bool,
    #[serde(skip)]
    pub(crate) piece: Piece,
}

impl Told {
    pub(crate) fn new(prompt: &str, mut summary: Summary, tokenizer: &Tokenizer) -> Self {
        let mut stream = tokenizer.decode_stream(SpecialTokens::Keep);
        let explanations = std::mem::take(&mut summary.explanations).into_iter();
        let ending = summary.stop_explanation.take();
        let ending = ending.map(|explanation| (*explanation, true));
        let tokens = explanations
            .map(|explanation| (explanation, false))
            .chain(ending);
        let tokens = tokens.map(|(explanation, ends)| Token {
            text: stream.push(explanation.chosen.id).to_owned(),
            piece: Piece::new(explanation.chosen.id, tokenizer),
            explanation,
            ends,
        });
        Self {
            prompt: prompt.to_owned(),
            tokens: tokens.collect(),
            summary,
        }
    }

    /// The line below the text.
    pub(crate) fn facts(&self, words: &Words) -> String {
        let Summary {
            generated_tokens,
            seed,
            reason,
            ..
        } = self.summary;
        words.facts(generated_tokens, seed, reason)
    }
}

impl Token {
    /// The probability by the model.
    pub(crate) fn probability(&self) -> f64 {
        f64::from(self.explanation.chosen.model).exp()
    }

    /// Behind the chain.
    pub(crate) fn sampled(&self) -> f64 {
        f64::from(self.explanation.chosen.sampled).exp()
    }
}
