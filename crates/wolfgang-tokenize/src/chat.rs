//! Conversations, and the form in which the models saw them.

use crate::{Tokenizer, TokenizerError, tokenizer::END_OF_TEXT};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Role {
    /// The instructions above the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The control token that opens a message of this role.
    pub fn token(self) -> &'static str {
        match self {
            Role::System => "<|system|>",
            Role::User => "<|user|>",
            Role::Assistant => "<|assistant|>",
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; plain text, whatever it contains.
    pub content: String,
}

impl Message {
    /// A message of `role`.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

impl Tokenizer {
    /// The prompt that asks for the assistant's next message: each message as `<|role|>\n…\n<|endoftext|>`, then
    /// `<|assistant|>\n`.
    ///
    /// The control tokens are set as ids. Contents go through [`encode`](Self::encode), so a `<|endoftext|>` in them
    /// stays text.
    ///
    /// # Errors
    /// [`TokenizerError::NoChatToken`] if the vocabulary lacks one of the control tokens used.
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        for message in messages {
            ids.push(self.chat_token(message.role.token())?);
            ids.extend(self.encode(&format!("\n{}\n", message.content))?);
            ids.push(self.chat_token(END_OF_TEXT)?);
        }
        ids.push(self.chat_token(Role::Assistant.token())?);
        ids.extend(self.encode("\n")?);
        Ok(ids)
    }

    /// The ids of the format's control tokens: those that open a message, by any role, and the one that ends it.
    ///
    /// # Errors
    /// [`TokenizerError::NoChatToken`] if the vocabulary lacks one of them.
    pub fn chat_tokens(&self) -> Result<[u32; 4], TokenizerError> {
        Ok([
            self.chat_token(Role::System.token())?,
            self.chat_token(Role::User.token())?,
            self.chat_token(Role::Assistant.token())?,
            self.chat_token(END_OF_TEXT)?,
        ])
    }

    fn chat_token(&self, token: &'static str) -> Result<u32, TokenizerError> {
        self.special_id(token)
            .ok_or(TokenizerError::NoChatToken { token })
    }
}
