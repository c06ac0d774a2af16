//! An answer under way.

use crate::{
    CancelHandle, Event, GenerateError, Generation, LogitsProcessor, Message, Role,
    StoppingCriterion, Summary,
};

/// The answer to the last message of a [`Conversation`](crate::Conversation): an iterator of [`Event`]s, as a
/// [`Generation`] is.
///
/// With [`Event::Finished`] it becomes a message of the conversation, whatever ended it. If it is dropped before, the
/// conversation ends with the message that has no answer.
#[derive(Debug)]
pub struct Reply<'c> {
    generation: Generation<'c>,
    messages: &'c mut Vec<Message>,
    truncated_messages: usize,
}

impl<'c> Reply<'c> {
    pub(crate) fn new(
        generation: Generation<'c>,
        messages: &'c mut Vec<Message>,
        truncated_messages: usize,
    ) -> Self {
        Self {
            generation,
            messages,
            truncated_messages,
        }
    }

    /// The messages that the model does not see, because its context is full: the oldest.
    pub fn truncated_messages(&self) -> &[Message] {
        &self.messages[..self.truncated_messages]
    }

    /// The seed in use, given or drawn.
    pub fn seed(&self) -> u64 {
        self.generation.seed()
    }

    /// Ends the answer: the next events are what was held back and [`Event::Finished`].
    pub fn cancel(&mut self) {
        self.generation.cancel();
    }

    /// What cancels it from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.generation.cancel_handle()
    }

    /// As [`Generation::with_stopping`].
    #[must_use]
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {
        self.generation = self.generation.with_stopping(criterion);
        self
    }

    /// As [`Generation::with_processor`].
    #[must_use]
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.generation = self.generation.with_processor(processor);
        self
    }

    /// Runs to the end; the pieces are in the summary.
    ///
    /// # Errors
    /// Those of the events.
    pub fn into_summary(mut self) -> Result<Summary, GenerateError> {
        for event in &mut self {
            event?;
        }
        self.generation.into_summary()
    }
}

impl Iterator for Reply<'_> {
    type Item = Result<Event, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.generation.next();
        if let Some(Ok(Event::Finished(summary))) = &event {
            // The format ends every message with a line break, which is no part of it.
            let content = summary.text.strip_suffix('\n').unwrap_or(&summary.text);
            self.messages.push(Message::new(Role::Assistant, content));
        }
        event
    }
}
