//! From ids to text that can be handed out.

use crate::stop_strings::{StopStrings, Watched};
use crate::{Event, Explanation, GenerateOptions, TokenLogprobs};
use wolfgang_tokenize::{DecodeStream, SpecialTokens, Tokenizer};

/// So many ids without text are handed out all the same: whoever waits for an event gets to cancel.
const MAX_SILENT: usize = 16;

/// What is told of a generated id, if it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) logprobs: Option<TokenLogprobs>,
    pub(crate) explanation: Option<Explanation>,
}

/// What a summary has of the transcript.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) text: String,
    /// The ids of the text.
    pub(crate) ids: Vec<u32>,
    /// Of each generated id, if they were asked for.
    pub(crate) logprobs: Vec<TokenLogprobs>,
    /// The same.
    pub(crate) explanations: Vec<Explanation>,
}

/// Prompt and generated ids, and how much of them has been handed out as text.
pub(crate) struct Transcript {
    tokenizer: Tokenizer,
    stream: DecodeStream,
    stop_strings: StopStrings,
    ids: Vec<u32>,
    prompt_tokens: usize,
    /// Of the generated tokens, if they were asked for.
    logprobs: Vec<TokenLogprobs>,
    /// The same.
    explanations: Vec<Explanation>,
    /// The first id that is shown.
    shown: usize,
    /// How many of the ids have been handed out, or never will be.
    handed_out: usize,
    text: String,
}

impl Transcript {
    pub(crate) fn new(tokenizer: Tokenizer, prompt: Vec<u32>, options: &GenerateOptions) -> Self {
        let prompt_tokens = prompt.len();
        let shown = if options.include_prompt {
            0
        } else {
            prompt_tokens
        };
        Self {
            stream: tokenizer.decode_stream(SpecialTokens::Skip),
            tokenizer,
            stop_strings: StopStrings::new(&options.stop_strings, options.keep_stop_string),
            ids: prompt,
            prompt_tokens,
            logprobs: Vec::new(),
            explanations: Vec::new(),
            shown,
            handed_out: shown,
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

    /// Text, ids and their details, as the summary has them.
    pub(crate) fn content(&self) -> Content {
        Content {
            text: self.text.clone(),
            ids: self.ids[self.shown..].to_vec(),
            logprobs: self.logprobs.clone(),
            explanations: self.explanations.clone(),
        }
    }

    /// The same without a copy.
    pub(crate) fn into_content(mut self) -> Content {
        Content {
            text: self.text,
            ids: self.ids.split_off(self.shown),
            logprobs: self.logprobs,
            explanations: self.explanations,
        }
    }

    /// The text handed out so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The prompt's text, if it is to be handed out.
    pub(crate) fn begin(&mut self) -> Option<Event> {
        if self.shown == self.prompt_tokens {
            return None;
        }
        let pieces = self.ids.iter().map(|&id| self.stream.push(id).to_owned());
        let piece = pieces.collect();
        Some(self.hand_out(piece))
    }

    /// Takes a generated id. Returns what became text by it, and which stop string is complete with it.
    pub(crate) fn push(&mut self, id: u32, told: Told) -> (Option<Event>, Option<usize>) {
        self.ids.push(id);
        self.logprobs.extend(told.logprobs);
        self.explanations.extend(told.explanation);
        let Watched { text, stop } = self.stop_strings.push(self.stream.push(id));
        let silent = self.ids.len() - self.handed_out;
        let speaks = !text.is_empty() || stop.is_some() || silent >= MAX_SILENT;
        (speaks.then(|| self.hand_out(text)), stop)
    }

    /// What is held back: half a character, the beginning of a stop string, or ids that have no text. The half character
    /// may complete a stop string.
    pub(crate) fn finish(&mut self) -> (Option<Event>, Option<usize>) {
        let fresh = self.tokenizer.decode_stream(SpecialTokens::Skip);
        let rest = std::mem::replace(&mut self.stream, fresh).finish();
        let Watched { mut text, stop } = self.stop_strings.push(&rest);
        if stop.is_none() {
            text.push_str(&self.stop_strings.finish());
        }
        let nothing = text.is_empty() && self.handed_out == self.ids.len();
        ((!nothing).then(|| self.hand_out(text)), stop)
    }

    fn hand_out(&mut self, piece: String) -> Event {
        let first = self.handed_out.saturating_sub(self.prompt_tokens);
        let logprobs = self.logprobs.get(first..).unwrap_or_default().to_vec();
        let explanations = self.explanations.get(first..).unwrap_or_default().to_vec();
        let ids = self.ids[self.handed_out..].to_vec();
        self.handed_out = self.ids.len();
        self.text.push_str(&piece);
        Event::Text {
            text: piece,
            ids,
            logprobs,
            explanations,
        }
    }
}
