//! Conversations: messages, and an answer to the last of them.

use crate::{
    GenerateError, GenerateOptions, LongPrompt, Message, Reply, Role, Session, WolfgangGenerator,
};

/// A conversation with the model, in the format that the models saw:
/// [`Tokenizer::encode_chat`](crate::Tokenizer::encode_chat).
///
/// An answer costs only what is new in the prompt; its text is that of a new generator with the same messages, options and
/// seed. For that, the prompt is always encoded from the messages, so a conversation goes on alike whether it was kept in
/// memory or in a file. What was generated is computed again only from the place on where the model cut a word otherwise
/// than the tokenizer does, where its bytes were no text, or where the answer ended without the line break that ends a
/// message.
///
/// What does not fit into the context is left out, whole turns, the oldest first, but never the system prompt or the last
/// message: [`Reply::truncated_messages`] tells, and [`messages`](Self::messages) keeps them. Room is kept for
/// [`max_new_tokens`](GenerateOptions::max_new_tokens), up to half of the context.
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
#[derive(Clone, Debug)]
pub struct Conversation<'a> {
    generator: &'a WolfgangGenerator,
    session: Session<'a>,
    system: String,
    messages: Vec<Message>,
    /// Where an answer ends, whatever the caller wishes.
    ends: [u32; 4],
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(
        generator: &'a WolfgangGenerator,
        system: String,
    ) -> Result<Self, GenerateError> {
        Ok(Self {
            generator,
            session: generator.session(),
            system,
            messages: Vec::new(),
            ends: generator.tokenizer().chat_tokens()?,
        })
    }

    /// The system prompt; empty if there is none.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Changes the system prompt, from the next answer on.
    pub fn set_system(&mut self, system: impl Into<String>) {
        self.system = system.into();
    }

    /// What has been said, the oldest first, without the system prompt.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Goes on from these messages instead.
    pub fn set_messages(&mut self, messages: Vec<Message>) {
        self.messages = messages;
    }

    /// Begins anew. The system prompt stays.
    pub fn reset(&mut self) {
        self.messages.clear();
    }

    /// Says something, and begins an answer. Control tokens written out in `text` stay text.
    ///
    /// The answer ends at every control token of the format. `ignore_eos`, `include_prompt` and `long_prompt` of the
    /// options do not count.
    ///
    /// # Errors
    /// [`GenerateError::PromptTooLong`] if the message does not fit into the context even alone behind the system prompt;
    /// else as [`WolfgangGenerator::generate`]. The conversation is then as before.
    pub fn send(
        &mut self,
        text: impl Into<String>,
        options: &GenerateOptions,
    ) -> Result<Reply<'_>, GenerateError> {
        let mut messages = self.messages.clone();
        messages.push(Message::new(Role::User, text));
        self.answer(messages, options)
    }

    /// Takes back the last answer, if there is one, and begins another; with the same seed it is the same.
    ///
    /// # Errors
    /// [`GenerateError::NothingToAnswer`] if nothing has been said, else as [`send`](Self::send). The conversation is then
    /// as before.
    pub fn regenerate(&mut self, options: &GenerateOptions) -> Result<Reply<'_>, GenerateError> {
        let last = self.messages.iter().rposition(is_users);
        let last = last.ok_or(GenerateError::NothingToAnswer)?;
        self.answer(self.messages[..=last].to_vec(), options)
    }

    /// Answers the last of these messages, which is a user's.
    fn answer(
        &mut self,
        messages: Vec<Message>,
        options: &GenerateOptions,
    ) -> Result<Reply<'_>, GenerateError> {
        let mut options = GenerateOptions {
            long_prompt: LongPrompt::Refuse,
            include_prompt: false,
            ignore_eos: false,
            ..options.clone()
        };
        options.stop_tokens.extend(self.ends);
        options.sampling.end_tokens.extend(self.ends);

        let left_out = self.left_out(&messages, options.max_new_tokens)?;
        let mut seen = self.system_message();
        seen.extend_from_slice(&messages[left_out..]);
        let generation = self.session.generate(&seen, &options)?;
        self.messages = messages;
        Ok(Reply::new(generation, &mut self.messages, left_out))
    }

    /// How many of the oldest messages have no place in the context. A message's tokens depend on no other.
    fn left_out(
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

fn is_users(message: &Message) -> bool {
    message.role == Role::User
}
