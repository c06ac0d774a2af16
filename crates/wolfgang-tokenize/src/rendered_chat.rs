//! Chat prompts as text and ids, through the chat template of a tokenizer.

use crate::chat_template::ChatTemplate;
use crate::chat_template::marks::Marks;
use crate::chat_template::origin;
use crate::message::Role;
use crate::{Message, Tokenizer, TokenizerError};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// A chat prompt, from [`Tokenizer::render_chat`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedChat {
    /// The text. Control tokens that the template wrote and those that occur in a message look the
    /// same in it.
    pub text: String,
    /// The ids. Control tokens are those that the template wrote.
    pub ids: Vec<u32>,
}

/// A control token in a rendered text.
struct Found<'a> {
    start: usize,
    token: &'a ControlToken,
    is_of_template: bool,
}

/// An added token of a tokenizer that is not only whitespace.
struct ControlToken {
    text: String,
    id: u32,
}

impl Tokenizer {
    /// Returns this tokenizer with a chat template, which [`encode_chat`](Self::encode_chat) and
    /// [`render_chat`](Self::render_chat) use instead of the built-in format.
    #[must_use]
    pub fn with_chat_template(mut self, template: ChatTemplate) -> Self {
        self.chat_template = Some(Arc::new(template));
        self
    }

    /// Loads a tokenizer from a `tokenizer.json` file, with the chat template in its folder if
    /// there is one ([`ChatTemplate::beside`]).
    ///
    /// # Errors
    /// Those of [`from_file`](Self::from_file) and [`ChatTemplate::beside`].
    pub fn from_file_with_chat_template(path: impl AsRef<Path>) -> Result<Self, TokenizerError> {
        let tokenizer = Self::from_file(&path)?;
        Ok(match ChatTemplate::beside(path)? {
            Some(template) => tokenizer.with_chat_template(template),
            None => tokenizer,
        })
    }

    /// Sets the date of the chat template ([`ChatTemplate::with_date`]). Without a template, it has
    /// no effect.
    ///
    /// # Errors
    /// [`TokenizerError::ChatTemplate`] if there is no such date.
    pub fn with_chat_date(mut self, year: u16, month: u8, day: u8) -> Result<Self, TokenizerError> {
        if let Some(template) = self.chat_template() {
            let template = template.clone().with_date(year, month, day)?;
            self.chat_template = Some(Arc::new(template));
        }
        Ok(self)
    }

    /// Returns the chat template, if there is one.
    pub fn chat_template(&self) -> Option<&ChatTemplate> {
        self.chat_template.as_deref()
    }

    /// Renders a conversation with the chat template, or in the built-in format
    /// (see [`encode_chat`](Self::encode_chat)) if there is none. With `add_generation_prompt`, the
    /// text ends with the beginning of the next message of the assistant.
    ///
    /// The text is that of `apply_chat_template` in the `transformers` library. Control tokens,
    /// special or not, that the text of a message contains or completes are encoded as plain text.
    ///
    /// # Errors
    /// [`TokenizerError::NoChatToken`] if there is no template and the vocabulary lacks a control
    /// token of the built-in format; [`TokenizerError::ChatTemplate`];
    /// [`TokenizerError::RefusedByChatTemplate`] if the template calls `raise_exception`;
    /// [`TokenizerError::UntraceableChat`] if the template changes text that may contain control
    /// tokens in a way that leaves their origin open.
    pub fn render_chat(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<RenderedChat, TokenizerError> {
        match self.chat_template() {
            Some(template) => self.render_with(template, messages, add_generation_prompt),
            None => self.render_built_in(messages, add_generation_prompt),
        }
    }

    /// Returns the control tokens that end a reply of the assistant, in ascending order: those that
    /// the chat format writes around messages, and the `eos_token` of the template.
    ///
    /// # Errors
    /// Those of [`render_chat`](Self::render_chat).
    pub fn chat_end_ids(&self) -> Result<Vec<u32>, TokenizerError> {
        let Some(template) = self.chat_template() else {
            let mut ids = self.chat_tokens()?.to_vec();
            ids.sort_unstable();
            return Ok(ids);
        };
        let exchange = [
            Message::new(Role::User, "a"),
            Message::new(Role::Assistant, "b"),
        ];
        let system = [Message::new(Role::System, "c")];
        // Some templates refuse system prompts.
        let chat = self.render_chat(&[&system[..], &exchange[..]].concat(), true);
        let chat = chat.or_else(|_| self.render_chat(&exchange, true))?;
        let mut ids = chat.ids;
        ids.retain(|&id| self.is_special(id));
        ids.extend(
            template
                .token("eos_token")
                .and_then(|token| self.special_id(token)),
        );
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn render_with(
        &self,
        template: &ChatTemplate,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<RenderedChat, TokenizerError> {
        let contents: Vec<Cow<'_, str>> = messages
            .iter()
            .map(|message| message.content.as_str().into())
            .collect();
        let render = |contents: &[Cow<'_, str>], marks| {
            template.render(messages, contents, add_generation_prompt, marks)
        };
        let text = render(&contents, Marks::NONE)?;
        let tokens: Vec<ControlToken> = self
            .control_tokens()
            .filter(|(text, _)| !text.trim().is_empty())
            .map(|(text, id)| ControlToken {
                text: text.to_owned(),
                id,
            })
            .collect();
        let mut found = occurrences(&text, &tokens);
        if !found.is_empty() {
            let tokens: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
            let trace = origin::trace(
                &text,
                template.source(),
                &contents,
                &tokens,
                // A template that counts or compares characters can fail.
                |contents, marks| render(contents, marks).ok(),
            )
            .ok_or_else(|| TokenizerError::UntraceableChat {
                origin: template.name().to_owned(),
            })?;
            for found in &mut found {
                let end = found.start + found.token.text.len();
                found.is_of_template = trace.is_of_template(found.start, end);
            }
        }
        let ids = self.encode_around(&text, &found)?;
        Ok(RenderedChat { text, ids })
    }

    /// Encodes `text`, with the control tokens of the template as such.
    fn encode_around(&self, text: &str, found: &[Found<'_>]) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        let mut at = 0;
        for Found {
            start,
            token,
            is_of_template,
        } in found
        {
            if *is_of_template {
                ids.extend(self.encode_data(&text[at..*start])?);
                ids.push(token.id);
                at = start + token.text.len();
            } else if !self.is_special(token.id) {
                // Encoding recognises tokens that are not special in plain text, but not in parts.
                let first = token.text.chars().next().map_or(0, char::len_utf8);
                ids.extend(self.encode_data(&text[at..start + first])?);
                at = start + first;
            }
        }
        ids.extend(self.encode_data(&text[at..])?);
        Ok(ids)
    }

    /// Encodes a part of the text without control tokens.
    fn encode_data(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        match text {
            "" => Ok(Vec::new()),
            text => self.encode(text),
        }
    }
}

/// Finds the tokens in `text` from left to right, the longest first, as the `tokenizers` crate
/// does.
fn occurrences<'a>(text: &str, tokens: &'a [ControlToken]) -> Vec<Found<'a>> {
    let mut by_first_byte: Vec<Vec<&ControlToken>> = vec![Vec::new(); 256];
    for token in tokens {
        if let Some(&byte) = token.text.as_bytes().first() {
            by_first_byte[usize::from(byte)].push(token);
        }
    }
    for tokens in &mut by_first_byte {
        tokens.sort_by_key(|token| std::cmp::Reverse(token.text.len()));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let rest = &text.as_bytes()[at..];
        let candidates = &by_first_byte[usize::from(*byte)];
        match candidates
            .iter()
            .find(|token| rest.starts_with(token.text.as_bytes()))
        {
            Some(token) => {
                found.push(Found {
                    start: at,
                    token,
                    is_of_template: false,
                });
                at += token.text.len();
            }
            None => at += 1,
        }
    }
    found
}
