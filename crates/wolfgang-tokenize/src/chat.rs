//! Conversations, and the form in which the models saw them.

use crate::{Tokenizer, TokenizerError, tokenizer::END_OF_TEXT};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let control = |token| {
            self.special_id(token)
                .ok_or(TokenizerError::NoChatToken { token })
        };
        let mut ids = Vec::new();
        for message in messages {
            ids.push(control(message.role.token())?);
            ids.extend(self.encode(&format!("\n{}\n", message.content))?);
            ids.push(control(END_OF_TEXT)?);
        }
        ids.push(control(Role::Assistant.token())?);
        ids.extend(self.encode("\n")?);
        Ok(ids)
    }
}
