//! Conversations with the model.

use crate::{
    GenerateError, GenerateOptions, Message, PromptTruncation, Reply, Role, Session,
    WolfgangGenerator,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A conversation with the model: a list of messages in the chat format of
/// [`Tokenizer::encode_chat`](crate::Tokenizer::encode_chat), which is the model's own chat
/// template if it has one.
///
/// The KV cache is kept between replies, so that a reply computes only the new tokens of its
/// prompt. The prompt is always encoded from the messages: a reply depends only on system prompt,
/// messages, options and seed, and a conversation restored from a file continues like one kept in
/// memory. A generated reply is partly recomputed for the next prompt if the tokenizer splits its
/// text differently than the model did, if it contains bytes that are not UTF-8, or if it ended
/// without the line break that ends a message.
///
/// If the messages exceed the context, the oldest turns are truncated as a whole, never the system
/// prompt or the last message. [`Reply::truncated_messages`] returns them, and
/// [`messages`](Self::messages) still contains them.
/// [`max_new_tokens`](GenerateOptions::max_new_tokens) positions of the context, at most half of
/// it, are reserved for the reply.
///
/// A [`Reply`] is independent of its conversation: a server can store the conversation and run the
/// reply on another thread. A finished reply is added to the messages. Only one reply can be in
/// progress: until it has finished, failed or been dropped, [`send`](Self::send) and
/// [`regenerate`](Self::regenerate) return [`GenerateError::ReplyInProgress`].
///
/// `Clone` forks the conversation: the clone has the messages so far, and no reply in progress.
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
    /// Shared only with the reply in progress, if there is one.
    messages: Arc<Messages>,
    /// The control tokens of the chat format, which end every reply.
    ends: Vec<u32>,
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

impl WolfgangGenerator {
    /// Creates a conversation without messages. An empty `system` means no system prompt.
    ///
    /// # Errors
    /// [`GenerateError::Tokenizer`] with [`TokenizerError::NoChatToken`](crate::TokenizerError) if
    /// the vocabulary lacks control tokens of the chat format.
    pub fn conversation(&self, system: impl Into<String>) -> Result<Conversation, GenerateError> {
        Conversation::new(self.clone(), system.into())
    }
}

impl Conversation {
    pub(crate) fn new(generator: WolfgangGenerator, system: String) -> Result<Self, GenerateError> {
        Ok(Self {
            session: generator.session(),
            system,
            messages: Arc::default(),
            ends: generator.tokenizer().chat_end_ids()?,
            generator,
        })
    }

    /// Returns the system prompt. It is empty if there is none.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Sets the system prompt, effective from the next reply.
    pub fn set_system(&mut self, system: impl Into<String>) {
        self.system = system.into();
    }

    /// Returns the messages, oldest first, without the system prompt.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().clone()
    }

    /// Replaces the messages. A reply in progress continues, but it is not added to the new
    /// messages.
    pub fn set_messages(&mut self, messages: Vec<Message>) {
        self.messages = Messages::new(messages);
    }

    /// Removes all messages, as [`set_messages`](Self::set_messages) with an empty list. The system
    /// prompt is kept.
    pub fn reset(&mut self) {
        self.set_messages(Vec::new());
    }

    /// Adds a user message and starts the reply to it. Control tokens written out in `text` are
    /// encoded as plain text.
    ///
    /// The reply ends at every control token of the chat format. The options `ignore_eos`,
    /// `include_prompt` and `prompt_truncation` are ignored.
    ///
    /// # Errors
    /// [`GenerateError::ReplyInProgress`]; [`GenerateError::PromptTooLong`] if the system prompt
    /// and this message exceed the context; and those of [`WolfgangGenerator::generate`]. The
    /// conversation is then unchanged.
    pub fn send(
        &mut self,
        text: impl Into<String>,
        options: &GenerateOptions,
    ) -> Result<Reply, GenerateError> {
        let mut messages = self.finished_messages()?;
        messages.push(Message::new(Role::User, text));
        self.reply(messages, options)
    }

    /// Replaces the last reply, if there is one, by a new one to the same user message. With the
    /// same options and seed, the new reply is identical.
    ///
    /// # Errors
    /// [`GenerateError::NothingToAnswer`] if there is no user message, and those of
    /// [`send`](Self::send). The conversation is then unchanged.
    pub fn regenerate(&mut self, options: &GenerateOptions) -> Result<Reply, GenerateError> {
        let mut messages = self.finished_messages()?;
        let last = messages.iter().rposition(is_users);
        let last = last.ok_or(GenerateError::NothingToAnswer)?;
        messages.truncate(last + 1);
        self.reply(messages, options)
    }

    /// Returns the messages, or an error if a reply is still in progress.
    fn finished_messages(&mut self) -> Result<Vec<Message>, GenerateError> {
        match Arc::get_mut(&mut self.messages) {
            Some(messages) => Ok(messages.lock().clone()),
            None => Err(GenerateError::ReplyInProgress),
        }
    }

    /// Starts the reply to the last of `messages`, which is a user message, and stores them.
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
        options.stop_tokens.extend(&self.ends);
        options.sampling.end_tokens.extend(&self.ends);

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

    /// Returns the number of the oldest messages that do not fit into the context.
    fn n_truncated(
        &self,
        messages: &[Message],
        max_new_tokens: usize,
    ) -> Result<usize, GenerateError> {
        let block_size = self.generator.model().config().block_size;
        let room = block_size.saturating_sub(max_new_tokens.min(block_size / 2));
        match self.generator.tokenizer().chat_template() {
            Some(_) => self.n_truncated_for_template(messages, room),
            None => self.n_truncated_for_built_in_format(messages, room),
        }
    }

    /// A template can format a message differently for other messages around it, so that the whole
    /// prompt is encoded for every number of messages.
    fn n_truncated_for_template(
        &self,
        messages: &[Message],
        room: usize,
    ) -> Result<usize, GenerateError> {
        let turns = (1..messages.len()).filter(|&place| is_users(&messages[place]));
        let mut first = 0;
        for next in turns {
            let mut seen = self.system_message();
            seen.extend_from_slice(&messages[first..]);
            if self.generator.tokenizer().encode_chat(&seen)?.len() <= room {
                break;
            }
            first = next;
        }
        Ok(first)
    }

    /// The number of tokens of a message does not depend on the other messages.
    fn n_truncated_for_built_in_format(
        &self,
        messages: &[Message],
        room: usize,
    ) -> Result<usize, GenerateError> {
        let tokenizer = self.generator.tokenizer();
        let tokens = |messages: &[Message]| tokenizer.encode_chat(messages).map(|ids| ids.len());
        let opening = tokens(&[])?;
        let mut used = tokens(&self.system_message())?;
        let mut first = messages.len();
        for (place, message) in messages.iter().enumerate().rev() {
            used += tokens(std::slice::from_ref(message))? - opening;
            if used > room && first < messages.len() {
                break;
            }
            if place == 0 || is_users(message) {
                first = place;
            }
        }
        Ok(first)
    }

    /// The system prompt as a message, if it is not empty.
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
            ends: self.ends.clone(),
        }
    }
}

fn is_users(message: &Message) -> bool {
    message.role == Role::User
}
