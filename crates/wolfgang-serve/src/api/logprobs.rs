//! Log-probabilities in the two forms of OpenAI's interface.
//!
//! They are those of the model before the sampling chain, so that they are finite and do not depend
//! on the sampling parameters.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::HashSet;
use wolfgang_generate::{Alternative, TokenLogprobs, Tokenizer};

/// The smallest log-probability, OpenAI's for tokens that are very unlikely. JSON has no infinity.
const MIN: f64 = -9999.0;

/// The log-probabilities of some tokens of a choice.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Logprobs {
    Completion(CompletionLogprobs),
    Chat {
        content: Vec<ChatToken>,
        refusal: Option<()>,
    },
}

impl Logprobs {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Completion(lists) => lists.tokens.is_empty(),
            Self::Chat { content, .. } => content.is_empty(),
        }
    }
}

/// Parallel lists.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CompletionLogprobs {
    pub(crate) tokens: Vec<String>,
    /// `None` for the first token of a prompt.
    pub(crate) token_logprobs: Vec<Option<f64>>,
    pub(crate) top_logprobs: Vec<Option<TopLogprobs>>,
    /// Where the tokens begin in the text, in characters; at most its length.
    pub(crate) text_offset: Vec<usize>,
}

/// Names of tokens and their log-probabilities, most likely first.
#[derive(Debug)]
pub(crate) struct TopLogprobs(Vec<(String, f64)>);

impl Serialize for TopLogprobs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, logprob) in &self.0 {
            map.serialize_entry(name, logprob)?;
        }
        map.end()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ChatToken {
    #[serde(flatten)]
    chosen: ChatAlternative,
    top_logprobs: Vec<ChatAlternative>,
}

#[derive(Debug, Serialize)]
struct ChatAlternative {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
}

/// The number as a double, so that JSON has its exact value: the shortest decimal of a single
/// differs from it when it is parsed as a double.
fn finite(logprob: f32) -> f64 {
    f64::from(logprob).max(MIN)
}

/// Names tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    /// Whether names are ids, which are unique.
    pub(crate) as_ids: bool,
}

impl Names<'_> {
    /// The text of a token. Bytes that are not UTF-8 by themselves are `bytes:\xHH…`, as OpenAI
    /// writes them.
    pub(crate) fn completion(self, id: u32) -> String {
        if self.as_ids {
            return format!("token_id:{id}");
        }
        let bytes = self.tokenizer.token_bytes(id).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok("") => self.tokenizer.token_text(id).into_owned(),
            Ok(text) => text.to_owned(),
            Err(_) => {
                let digits = bytes.iter().map(|byte| format!("\\x{byte:02x}"));
                format!("bytes:{}", digits.collect::<String>())
            }
        }
    }

    fn chat(self, alternative: &Alternative) -> ChatAlternative {
        let id = alternative.id;
        let token = match self.as_ids {
            true => format!("token_id:{id}"),
            false => self.tokenizer.token_text(id).into_owned(),
        };
        let bytes = self.tokenizer.token_bytes(id).unwrap_or_default();
        ChatAlternative {
            token,
            logprob: finite(alternative.model),
            bytes: bytes.to_vec(),
        }
    }

    pub(crate) fn chat_token(self, token: &TokenLogprobs) -> ChatToken {
        let alternatives = token.alternatives.iter();
        ChatToken {
            chosen: self.chat(&token.chosen),
            top_logprobs: alternatives.map(|one| self.chat(one)).collect(),
        }
    }

    /// The alternatives, most likely first, and the token itself, which is always part of them. Of
    /// tokens with the same name, the first counts: the token itself is not more likely than the
    /// alternatives, unless it is one of them.
    pub(crate) fn top(self, chosen: (u32, f32), alternatives: &[(u32, f32)]) -> TopLogprobs {
        let all = alternatives.iter().chain(std::iter::once(&chosen));
        let mut top: Vec<_> = all
            .map(|(id, logprob)| (self.completion(*id), finite(*logprob)))
            .collect();
        let mut names = HashSet::with_capacity(top.len());
        let are_new: Vec<bool> = top
            .iter()
            .map(|(name, _)| names.insert(name.as_str()))
            .collect();
        let mut are_new = are_new.into_iter();
        top.retain(|_| are_new.next() == Some(true));
        TopLogprobs(top)
    }
}

/// A token of a completion.
#[derive(Debug)]
pub(crate) struct TokenRow {
    pub(crate) id: u32,
    /// `None` for the first token of a prompt, which nothing precedes.
    pub(crate) logprob: Option<f32>,
    pub(crate) alternatives: Vec<(u32, f32)>,
}

impl CompletionLogprobs {
    /// Adds a token that begins at this character of the text.
    pub(crate) fn push(&mut self, row: TokenRow, offset: usize, names: Names<'_>) {
        let TokenRow {
            id,
            logprob,
            alternatives,
        } = row;
        self.tokens.push(names.completion(id));
        self.token_logprobs.push(logprob.map(finite));
        let top = logprob.map(|logprob| names.top((id, logprob), &alternatives));
        self.top_logprobs.push(top);
        self.text_offset.push(offset);
    }
}

/// Ids and log-probabilities of the model.
pub(crate) fn by_model(alternatives: &[Alternative]) -> Vec<(u32, f32)> {
    alternatives.iter().map(|one| (one.id, one.model)).collect()
}
