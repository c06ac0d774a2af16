//! Conversations: messages, and a reply to the last of them.

use crate::{
    GenerateError, GenerateOptions, Message, PromptTruncation, Reply, Role, Session,
    WolfgangGenerator,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A conversation with the model, in the format that the models saw:
/// [`Tokenizer::encode_chat`](crate::Tokenizer::encode_chat).
///
/// A reply costs only what is new in the prompt; its text is that of a new generator with the same
/// messages, options and seed. For that, the prompt is always encoded from the messages, so a
/// conversation goes on alike whether it was kept in memory or in a file. What was generated is
/// computed again only from the place on where the model cut a word otherwise than the tokenizer
/// does, where its bytes were no text, or where the reply ended without the line break that ends a
/// message.
///
/// What does not fit into the context is left out, whole turns, the oldest first, but never the
/// system prompt or the last message: [`Reply::truncated_messages`] tells, and
/// [`messages`](Self::messages) keeps them. Room is kept for
/// [`max_new_tokens`](GenerateOptions::max_new_tokens), up to half of the context.
///
/// Conversation and reply are independent values: a server can keep the conversation and run its
/// reply on another thread. A reply that finishes is added to the messages, wherever it runs. One
/// reply at a time: until it has finished, failed or been dropped, [`send`](Self::send) and
/// [`regenerate`](Self::regenerate) are refused with [`GenerateError::ReplyInProgress`].
///
/// A clone is a fork: it has the messages so far, and no reply in progress.
///
/// ```no_run
/// use wolfgang_generate::{Device, Event, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
/// let mut conversation = generator.conversation("Du bist Johann Wolfgang von Goethe.")?;
/// for event in conversation.send("Wer reitet so spät?", &GenerateOptions::default())? {
///     if let Event::Text { text, .. } = event? {
///         print!("{text}");
///     }
/// }
/// assert_eq!(conversation.messages().len(), 2);
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
#[derive(Debug)]
#[must_use = "a conversation does nothing until a message is sent"]
pub struct Conversation {
    generator: WolfgangGenerator,
    session: Session,
    system: String,
    /// Shared with the reply in progress, if there is one, and with nothing else.
    messages: Arc<Messages>,
    /// The token ids that end every reply, besides those of the options.
    ends: [u32; 4],
}

/// The messages of a conversation, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Messages(Mutex<Vec<Message>>);

impl Messages {
    fn new(messages: Vec<Message>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(messages)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation {
    pub(crate) fn new(generator: WolfgangGenerator, system: String) -> Result<Self, GenerateError> {
        Ok(Self {
            session: generator.session(),
            system,
            messages: Arc::default(),
            ends: generator.tokenizer().chat_tokens()?,
            generator,
        })
    }

    /// The system prompt; empty if there is none.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Changes the system prompt, from the next reply on.
    pub fn set_system(&mut self, system: impl Into<String>) {
        self.system = system.into();
    }

    /// The messages, oldest first, without the system prompt.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().clone()
    }

    /// Replaces the messages. A reply in progress belongs to the old ones: it goes on, but is not
    /// added to the new ones.
    pub fn set_messages(&mut self, messages: Vec<Message>) {
        self.messages = Messages::new(messages);
    }

    /// Removes all messages, as [`set_messages`](Self::set_messages) does. The system prompt stays.
    pub fn reset(&mut self) {
        self.set_messages(Vec::new());
    }

    /// Adds a message of the user, and begins the reply to it. Control tokens written out in `text`
    /// stay text.
    ///
    /// The reply ends at every control token of the format. `ignore_eos`, `include_prompt` and
    /// `prompt_truncation` of the options are ignored.
    ///
    /// # Errors
    /// [`GenerateError::ReplyInProgress`]; [`GenerateError::PromptTooLong`] if the message does not
    /// fit into the context even alone behind the system prompt; else as
    /// [`WolfgangGenerator::generate`]. The conversation is then as before.
    pub fn send(
        &mut self,
        text: impl Into<String>,
        options: &GenerateOptions,
    ) -> Result<Reply, GenerateError> {
        let mut messages = self.finished_messages()?;
        messages.push(Message::new(Role::User, text));
        self.reply(messages, options)
    }

    /// Removes the last reply, if there is one, and begins another; with the same seed it is the
    /// same.
    ///
    /// # Errors
    /// [`GenerateError::NothingToAnswer`] if no message has been sent, else as
    /// [`send`](Self::send). The conversation is then as before.
    pub fn regenerate(&mut self, options: &GenerateOptions) -> Result<Reply, GenerateError> {
        let mut messages = self.finished_messages()?;
        let last = messages.iter().rposition(is_users);
        let last = last.ok_or(GenerateError::NothingToAnswer)?;
        messages.truncate(last + 1);
        self.reply(messages, options)
    }

    /// The messages, unless a reply will still be added to them.
    fn finished_messages(&mut self) -> Result<Vec<Message>, GenerateError> {
        match Arc::get_mut(&mut self.messages) {
            Some(messages) => Ok(messages.lock().clone()),
            None => Err(GenerateError::ReplyInProgress),
        }
    }

    /// Begins the reply to the last of these messages, which is a user's, and makes them the
    /// conversation's.
    fn reply(
        &mut self,
        messages: Vec<Message>,
        options: &GenerateOptions,
    ) -> Result<Reply, GenerateError> {
        let mut options = GenerateOptions {
            prompt_truncation: PromptTruncation::Error,
            include_prompt: false,
            ignore_eos: false,
            ..options.clone()
        };
        options.stop_tokens.extend(self.ends);
        options.sampling.end_tokens.extend(self.ends);

        let n_truncated = self.n_truncated(&messages, options.max_new_tokens)?;
        let mut seen = self.system_message();
        seen.extend_from_slice(&messages[n_truncated..]);
        let generation = self.session.generate(&seen, &options)?;
        let truncated = messages[..n_truncated].to_vec();
        self.messages = Messages::new(messages);
        Ok(Reply::new(
            generation,
            Arc::clone(&self.messages),
            truncated,
        ))
    }

    /// How many of the oldest messages do not fit into the context. A message's tokens depend on no
    /// other.
    fn n_truncated(
        &self,
        messages: &[Message],
        max_new_tokens: usize,
    ) -> Result<usize, GenerateError> {
        let tokenizer = self.generator.tokenizer();
        let tokens = |messages: &[Message]| tokenizer.encode_chat(messages).map(|ids| ids.len());
        let block_size = self.generator.model().config().block_size;
        let room = max_new_tokens.min(block_size / 2);

        let opening = tokens(&[])?;
        let mut used = tokens(&self.system_message())? + room;
        let mut first = messages.len();
        for (place, message) in messages.iter().enumerate().rev() {
            used += tokens(std::slice::from_ref(message))? - opening;
            if used > block_size && first < messages.len() {
                break;
            }
            if place == 0 || is_users(message) {
                first = place;
            }
        }
        Ok(first)
    }

    /// As a message of its own, if there is one.
    fn system_message(&self) -> Vec<Message> {
        let message = || Message::new(Role::System, &self.system);
        let is_some = !self.system.is_empty();
        is_some.then(message).into_iter().collect()
    }
}

impl Clone for Conversation {
    fn clone(&self) -> Self {
        Self {
            generator: self.generator.clone(),
            session: self.session.clone(),
            system: self.system.clone(),
            messages: Messages::new(self.messages()),
            ends: self.ends,
        }
    }
}

fn is_users(message: &Message) -> bool {
    message.role == Role::User
}
