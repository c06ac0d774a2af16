//! Prompts.

use crate::GenerateError;
use wolfgang_tokenize::{Message, Tokenizer};

/// A prompt: text, ids or messages. Functions accept a `&str`, `&[u32]` or `&[Message]` directly.
///
/// A text begins with the [`bos_id`](Tokenizer::bos_id) of the tokenizer, if there is one.
/// Otherwise an empty prompt starts a new document with `<|endoftext|>`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Prompt<'a> {
    /// Plain text. Control tokens written out in it are encoded as plain text.
    Text(&'a str),
    /// Token ids, including control tokens; for example from [`Tokenizer::encode_with_special`].
    Ids(&'a [u32]),
    /// Messages of a conversation, to which the assistant replies. With a vocabulary of
    /// SentencePiece, the first space of the reply is not part of its text.
    Chat(&'a [Message]),
    /// The ids of a chat prompt, for example of [`Tokenizer::render_chat`]. The reply is the same as
    /// with [`Chat`](Self::Chat).
    ChatIds(&'a [u32]),
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
    /// Encodes the prompt, to at least one id. A text begins with the BOS id, if there is one; a
    /// prompt without ids becomes `<|endoftext|>`.
    pub(crate) fn encode(self, tokenizer: &Tokenizer) -> Result<Vec<u32>, GenerateError> {
        let mut ids = match self {
            Self::Text(text) => tokenizer.encode_prompt(text)?,
            Self::Ids(_) | Self::Chat(_) | Self::ChatIds(_) => self.ids(tokenizer)?,
        };
        if ids.is_empty() {
            ids.push(tokenizer.end_of_text().ok_or(GenerateError::EmptyPrompt)?);
        }
        Ok(ids)
    }

    /// Encodes the prompt without a BOS id; the result is empty if the prompt is.
    pub(crate) fn ids(self, tokenizer: &Tokenizer) -> Result<Vec<u32>, GenerateError> {
        Ok(match self {
            Self::Text(text) => tokenizer.encode(text)?,
            Self::Ids(ids) | Self::ChatIds(ids) => ids.to_vec(),
            Self::Chat(messages) => tokenizer.encode_chat(messages)?,
        })
    }
}
