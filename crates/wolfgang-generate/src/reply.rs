//! A reply of a conversation, while it is generated.

use crate::conversation::Messages;
use crate::{
    CancelHandle, Event, GenerateError, Generation, LogitsProcessor, Message, Role,
    StoppingCriterion, Summary,
};
use std::iter::FusedIterator;
use std::sync::Arc;

/// The reply to the last message of a [`Conversation`](crate::Conversation): an iterator of
/// [`Event`]s, as a [`Generation`] is.
///
/// Before [`Event::Finished`] is returned, the reply becomes a message of the conversation,
/// whatever ended it. If it is dropped before, or ends by an error, the conversation ends with the
/// message that has no reply; the error has the text ([`GenerateError::GenerationFailed`]).
#[derive(Debug)]
#[must_use = "a reply is lazy: it generates only when its events are asked for"]
pub struct Reply {
    generation: Generation,
    /// Where the reply is added at its end; none after it. The conversation counts these to know
    /// whether a reply is in progress.
    messages: Option<Arc<Messages>>,
    truncated_messages: Vec<Message>,
}

impl Reply {
    pub(crate) fn new(
        generation: Generation,
        messages: Arc<Messages>,
        truncated_messages: Vec<Message>,
    ) -> Self {
        Self {
            generation,
            messages: Some(messages),
            truncated_messages,
        }
    }

    /// The messages that the model does not see, because its context is full: the oldest.
    pub fn truncated_messages(&self) -> &[Message] {
        &self.truncated_messages
    }

    /// The seed in use, given or drawn.
    pub fn seed(&self) -> u64 {
        self.generation.seed()
    }

    /// Ends the reply: the next events are what was held back and [`Event::Finished`].
    pub fn cancel(&mut self) {
        self.generation.cancel();
    }

    /// A handle that cancels the reply from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.generation.cancel_handle()
    }

    /// As [`Generation::with_stopping`].
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {
        self.generation = self.generation.with_stopping(criterion);
        self
    }

    /// As [`Generation::with_processor`].
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.generation = self.generation.with_processor(processor);
        self
    }

    /// Runs to the end; the pieces are in the summary.
    ///
    /// # Errors
    /// As [`Generation::into_summary`].
    pub fn into_summary(self) -> Result<Summary, GenerateError> {
        let summary = self.generation.into_summary()?;
        if let Some(messages) = self.messages {
            messages.lock().push(reply_message(&summary));
        }
        Ok(summary)
    }
}

/// The format ends every message with a line break, which is not part of it.
fn reply_message(summary: &Summary) -> Message {
    let content = summary.text.strip_suffix('\n').unwrap_or(&summary.text);
    Message::new(Role::Assistant, content)
}

impl Iterator for Reply {
    type Item = Result<Event, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.generation.next();
        match &event {
            Some(Ok(Event::Finished(summary))) => {
                if let Some(messages) = self.messages.take() {
                    messages.lock().push(reply_message(summary));
                }
            }
            // The conversation can go on.
            Some(Err(_)) => self.messages = None,
            _ => {}
        }
        event
    }
}

impl FusedIterator for Reply {}
