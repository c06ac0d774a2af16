//! Prompt, generated ids and their text.

use crate::stop_strings::{StopMatch, StopStrings};
use crate::{Event, Explanation, GenerateOptions, TokenLogprobs};
use wolfgang_tokenize::{DecodeStream, SpecialTokens, Tokenizer};

/// Number of ids without available text after which an event with an empty text is returned, so
/// that the caller can cancel.
const MAX_IDS_WITHOUT_TEXT: usize = 16;

/// Log-probabilities and explanation of a generated id, if the options request them.
#[derive(Debug, Default)]
pub(crate) struct TokenDetails {
    pub(crate) logprobs: Option<TokenLogprobs>,
    pub(crate) explanation: Option<Explanation>,
}

/// Text, ids and details for the summary.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) text: String,
    /// The ids of the text.
    pub(crate) ids: Vec<u32>,
    /// Of each generated id, if requested.
    pub(crate) logprobs: Vec<TokenLogprobs>,
    /// Of each generated id, if requested.
    pub(crate) explanations: Vec<Explanation>,
}

/// Prompt and generated ids, and the part of them that has been returned as text.
pub(crate) struct OutputBuffer {
    tokenizer: Tokenizer,
    stream: DecodeStream,
    stop_strings: StopStrings,
    ids: Vec<u32>,
    prompt_tokens: usize,
    /// Of the generated ids, if requested.
    logprobs: Vec<TokenLogprobs>,
    /// Of the generated ids, if requested.
    explanations: Vec<Explanation>,
    /// Index of the first id that belongs to the text: 0 if it includes the prompt.
    visible_from: usize,
    /// Number of ids that have been returned, or that never will be.
    emitted: usize,
    text: String,
}

impl OutputBuffer {
    /// `is_reply`: whether the text is a message of its own, which does not continue the text of
    /// the prompt.
    pub(crate) fn new(
        tokenizer: Tokenizer,
        prompt: Vec<u32>,
        is_reply: bool,
        options: &GenerateOptions,
    ) -> Self {
        let prompt_tokens = prompt.len();
        let visible_from = if options.include_prompt {
            0
        } else {
            prompt_tokens
        };
        let before = &prompt[..if is_reply { 0 } else { visible_from }];
        Self {
            stream: tokenizer.decode_stream_after(before, SpecialTokens::Skip),
            tokenizer,
            stop_strings: StopStrings::new(&options.stop_strings, options.keep_stop_string),
            ids: prompt,
            prompt_tokens,
            logprobs: Vec::new(),
            explanations: Vec::new(),
            visible_from,
            emitted: visible_from,
            text: String::new(),
        }
    }

    /// Prompt and generated ids.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub(crate) fn prompt(&self) -> &[u32] {
        &self.ids[..self.prompt_tokens]
    }

    pub(crate) fn generated(&self) -> &[u32] {
        &self.ids[self.prompt_tokens..]
    }

    /// Text, ids and details for the summary.
    pub(crate) fn content(&self) -> Content {
        Content {
            text: self.text.clone(),
            ids: self.ids[self.visible_from..].to_vec(),
            logprobs: self.logprobs.clone(),
            explanations: self.explanations.clone(),
        }
    }

    /// As [`content`](Self::content), without a copy.
    pub(crate) fn into_content(mut self) -> Content {
        Content {
            text: self.text,
            ids: self.ids.split_off(self.visible_from),
            logprobs: self.logprobs,
            explanations: self.explanations,
        }
    }

    /// The text returned so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text of the prompt, if it is part of the text.
    pub(crate) fn begin(&mut self) -> Option<Event> {
        if self.visible_from == self.prompt_tokens {
            return None;
        }
        let pieces = self.ids.iter().map(|&id| self.stream.push(id).to_owned());
        let piece = pieces.collect();
        Some(self.emit(piece))
    }

    /// Adds a generated id. Returns the event that became available, and the index of the stop
    /// string that is complete.
    pub(crate) fn push(
        &mut self,
        id: u32,
        details: TokenDetails,
    ) -> (Option<Event>, Option<usize>) {
        self.ids.push(id);
        self.logprobs.extend(details.logprobs);
        self.explanations.extend(details.explanation);
        let StopMatch { text, stop } = self.stop_strings.push(self.stream.push(id));
        let silent = self.ids.len() - self.emitted;
        let speaks = !text.is_empty() || stop.is_some() || silent >= MAX_IDS_WITHOUT_TEXT;
        (speaks.then(|| self.emit(text)), stop)
    }

    /// Flushes the buffered text and ids: an incomplete character, the beginning of a stop string,
    /// or ids without text. The incomplete character may complete a stop string.
    pub(crate) fn finish(&mut self) -> (Option<Event>, Option<usize>) {
        let fresh = self.tokenizer.decode_stream(SpecialTokens::Skip);
        let rest = std::mem::replace(&mut self.stream, fresh).finish();
        let StopMatch { mut text, stop } = self.stop_strings.push(&rest);
        if stop.is_none() {
            text.push_str(&self.stop_strings.finish());
        }
        let nothing = text.is_empty() && self.emitted == self.ids.len();
        ((!nothing).then(|| self.emit(text)), stop)
    }

    fn emit(&mut self, piece: String) -> Event {
        let first = self.emitted.saturating_sub(self.prompt_tokens);
        let logprobs = self.logprobs.get(first..).unwrap_or_default().to_vec();
        let explanations = self.explanations.get(first..).unwrap_or_default().to_vec();
        let ids = self.ids[self.emitted..].to_vec();
        self.emitted = self.ids.len();
        self.text.push_str(&piece);
        Event::Text {
            text: piece,
            ids,
            logprobs,
            explanations,
        }
    }
}
