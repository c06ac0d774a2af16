//! Tokens of a completion until it is known where they begin in its text.

use crate::api::logprobs::{CompletionLogprobs, Names, TokenRow};
use crate::api::{ApiContext, ApiRequest};
use std::collections::VecDeque;
use wolfgang_generate::{SpecialTokens, TextOffsets};

/// Tokens that are not part of a chunk yet: it is not known where they begin, or their text is held
/// back because it may be the beginning of a stop string.
#[derive(Debug)]
pub(crate) struct TokenRows {
    rows: VecDeque<TokenRow>,
    /// Those of the first rows.
    offsets: VecDeque<usize>,
    /// `None` after the end.
    stream: Option<TextOffsets>,
    /// Characters of the text so far.
    characters: usize,
}

impl TokenRows {
    /// `index` is that of the choice.
    pub(crate) fn new(index: usize, request: &ApiRequest, context: &ApiContext) -> Self {
        let prompt: &[u32] = match request.form.echo {
            true => &[],
            false => &request.prompts[index / request.n],
        };
        let tokenizer = context.generator.tokenizer();
        Self {
            rows: VecDeque::new(),
            offsets: VecDeque::new(),
            stream: Some(tokenizer.text_offsets_after(prompt, SpecialTokens::Skip)),
            characters: 0,
        }
    }

    pub(crate) fn push(&mut self, row: TokenRow) {
        if let Some(stream) = &mut self.stream {
            self.offsets.extend(stream.push(row.id));
        }
        self.rows.push_back(row);
    }

    /// Returns the tokens of the next piece of the text, and at the end all that are left. A token
    /// of a stop string, which is not part of the text, begins at the end of the text.
    pub(crate) fn take(
        &mut self,
        text: &str,
        is_end: bool,
        names: Names<'_>,
    ) -> CompletionLogprobs {
        self.characters += text.chars().count();
        if let Some(stream) = self.stream.take_if(|_| is_end) {
            self.offsets.extend(stream.finish());
        }
        let mut list = CompletionLogprobs::default();
        while let Some(offset) = self.offsets.front() {
            if *offset > self.characters && !is_end {
                break;
            }
            let offset = (*offset).min(self.characters);
            self.offsets.pop_front();
            if let Some(row) = self.rows.pop_front() {
                list.push(row, offset, names);
            }
        }
        list
    }
}
