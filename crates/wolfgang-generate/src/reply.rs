//! Replies of a conversation.

use crate::conversation::Messages;
use crate::{
    CancelHandle, Event, GenerateError, Generation, LogitsProcessor, Message, Role,
    StoppingCriterion, Summary,
};
use std::iter::FusedIterator;
use std::sync::Arc;

/// The reply to the last message of a [`Conversation`](crate::Conversation): like [`Generation`],
/// an iterator of [`Event`]s.
///
/// When the reply ends, for any reason except an error, it is added to the messages of the
/// conversation before [`Event::Finished`] is returned. If it is dropped or fails, the conversation
/// ends with the user message; [`GenerateError::GenerationFailed`] contains the text so far.
#[derive(Debug)]
#[must_use = "a reply is lazy: it generates only when its events are requested"]
pub struct Reply {
    generation: Generation,
    /// Where the reply is added at its end; `None` after that. While this reference exists, the
    /// conversation has a reply in progress.
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

    /// Returns the messages that the model does not see because they exceed the context, oldest
    /// first.
    pub fn truncated_messages(&self) -> &[Message] {
        &self.truncated_messages
    }

    /// Returns the seed, either [`GenerateOptions::seed`](crate::GenerateOptions::seed) or a random
    /// one.
    pub fn seed(&self) -> u64 {
        self.generation.seed()
    }

    /// Cancels the reply: the next events are the buffered text, if there is any, and
    /// [`Event::Finished`].
    pub fn cancel(&mut self) {
        self.generation.cancel();
    }

    /// Returns a handle that cancels the reply from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.generation.cancel_handle()
    }

    /// Adds a stopping criterion, as [`Generation::with_stopping`] does.
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {
        self.generation = self.generation.with_stopping(criterion);
        self
    }

    /// Adds a logits processor, as [`Generation::with_processor`] does.
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.generation = self.generation.with_processor(processor);
        self
    }

    /// Runs the reply to its end and returns the summary, which includes the events read before.
    ///
    /// # Errors
    /// Those of [`Generation::into_summary`].
    pub fn into_summary(self) -> Result<Summary, GenerateError> {
        let summary = self.generation.into_summary()?;
        if let Some(messages) = self.messages {
            messages.lock().push(reply_message(&summary));
        }
        Ok(summary)
    }
}

/// The line break that ends every message of the format is not part of the message.
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
            // The reply is no longer in progress, so that the conversation can continue.
            Some(Err(_)) => self.messages = None,
            _ => {}
        }
        event
    }
}

impl FusedIterator for Reply {}
