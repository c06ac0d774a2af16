//! What a generation begins with.

use crate::GenerateError;
use wolfgang_tokenize::{Message, Tokenizer};

/// A prompt in one of its forms. Most callers pass a `&str` and never name this type.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Prompt<'a> {
    /// Plain text. Control tokens written out in it stay text.
    Text(&'a str),
    /// Token ids, whatever they are; from [`Tokenizer::encode_with_special`], say, for text whose control tokens count.
    Ids(&'a [u32]),
    /// A conversation, to be continued by the assistant.
    Chat(&'a [Message]),
}

impl<'a> From<&'a str> for Prompt<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Prompt<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u32]> for Prompt<'a> {
    fn from(ids: &'a [u32]) -> Self {
        Self::Ids(ids)
    }
}

impl<'a> From<&'a Vec<u32>> for Prompt<'a> {
    fn from(ids: &'a Vec<u32>) -> Self {
        Self::Ids(ids)
    }
}

impl<'a, const N: usize> From<&'a [u32; N]> for Prompt<'a> {
    fn from(ids: &'a [u32; N]) -> Self {
        Self::Ids(ids)
    }
}

impl<'a, const N: usize> From<&'a [Message; N]> for Prompt<'a> {
    fn from(messages: &'a [Message; N]) -> Self {
        Self::Chat(messages)
    }
}

impl<'a> From<&'a Vec<Message>> for Prompt<'a> {
    fn from(messages: &'a Vec<Message>) -> Self {
        Self::Chat(messages)
    }
}

impl<'a> From<&'a [Message]> for Prompt<'a> {
    fn from(messages: &'a [Message]) -> Self {
        Self::Chat(messages)
    }
}

impl Prompt<'_> {
    /// The prompt as ids, at least one: an empty prompt begins a new document from `<|endoftext|>`.
    pub(crate) fn encode(self, tokenizer: &Tokenizer) -> Result<Vec<u32>, GenerateError> {
        let mut ids = self.ids(tokenizer)?;
        if ids.is_empty() {
            ids.push(tokenizer.end_of_text().ok_or(GenerateError::EmptyPrompt)?);
        }
        Ok(ids)
    }

    /// The ids of the prompt; none if it is empty.
    pub(crate) fn ids(self, tokenizer: &Tokenizer) -> Result<Vec<u32>, GenerateError> {
        Ok(match self {
            Self::Text(text) => tokenizer.encode(text)?,
            Self::Ids(ids) => ids.to_vec(),
            Self::Chat(messages) => tokenizer.encode_chat(messages)?,
        })
    }
}
