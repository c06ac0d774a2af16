//! The built-in chat format.

use crate::message::{Message, Role};
use crate::rendered_chat::RenderedChat;
use crate::tokenizer::END_OF_TEXT;
use crate::{Tokenizer, TokenizerError};

impl Tokenizer {
    /// Encodes a chat as the prompt for the next message of the assistant, with the
    /// [chat template](Self::chat_template) if there is one.
    ///
    /// Without a template, the format is `<|role|>\n…\n<|endoftext|>` for each message, then
    /// `<|assistant|>\n`. Control tokens are inserted as ids. Contents are encoded with
    /// [`encode`](Self::encode), so a `<|endoftext|>` in them stays text.
    ///
    /// # Errors
    /// Those of [`render_chat`](Self::render_chat).
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.render_chat(messages, true)?.ids)
    }

    pub(crate) fn render_built_in(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<RenderedChat, TokenizerError> {
        let mut chat = RenderedChat::default();
        let control = |chat: &mut RenderedChat, token| {
            chat.ids.push(self.chat_token(token)?);
            chat.text.push_str(token);
            Ok(())
        };
        let plain = |chat: &mut RenderedChat, text: &str| {
            chat.ids.extend(self.encode(text)?);
            chat.text.push_str(text);
            Ok(())
        };
        for message in messages {
            control(&mut chat, message.role.token())?;
            plain(&mut chat, &format!("\n{}\n", message.content))?;
            control(&mut chat, END_OF_TEXT)?;
        }
        if add_generation_prompt {
            control(&mut chat, Role::Assistant.token())?;
            plain(&mut chat, "\n")?;
        }
        Ok(chat)
    }

    /// Returns the ids of the control tokens of the built-in chat format: those that begin a
    /// message, and the one that ends it.
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
