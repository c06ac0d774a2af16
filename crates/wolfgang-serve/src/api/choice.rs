//! Choices of a response and of its chunks.

use crate::api::collector::Pieces;
use crate::api::fields::Route;
use crate::api::finish::Finish;
use crate::api::logprobs::{Logprobs, Names, TokenRow, by_model};
use crate::api::token_rows::TokenRows;
use crate::api::{ApiContext, ApiRequest};
use serde::Serialize;
use wolfgang_generate::Summary;

/// A choice, or a piece of one.
#[derive(Debug, Serialize)]
pub(crate) struct Choice {
    index: usize,
    #[serde(flatten)]
    content: Content,
    logprobs: Option<Logprobs>,
    #[serde(flatten)]
    finish: Finish,
    /// The seed, in the last piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ids: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_token_ids: Option<Vec<u32>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Text(String),
    Message(Message),
    Delta(Message),
}

#[derive(Debug, Default, Serialize)]
struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Always null; clients read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<String>>,
}

/// Makes the pieces of a choice.
#[derive(Debug)]
pub(crate) struct ChoiceBuilder {
    index: usize,
    /// Tokens of a completion with log-probabilities.
    rows: Option<TokenRows>,
    /// Ids of an echoed prompt that are still to come.
    prompt_ids_left: usize,
    has_begun: bool,
    waits_for_scores: bool,
    /// Tokens generated so far.
    pub(crate) generated: usize,
}

impl ChoiceBuilder {
    pub(crate) fn new(index: usize, request: &ApiRequest) -> Self {
        let prompt = &request.prompts[index / request.n];
        Self {
            index,
            rows: None,
            prompt_ids_left: if request.form.echo { prompt.len() } else { 0 },
            has_begun: false,
            waits_for_scores: request.form.echo && request.form.logprobs.is_some(),
            generated: 0,
        }
    }

    /// The first chunk of a reply in a chat.
    pub(crate) fn role(&self) -> Choice {
        let content = Content::Delta(Message {
            role: Some("assistant"),
            content: Some(String::new()),
            refusal: None,
        });
        self.choice(content)
    }

    fn choice(&self, content: Content) -> Choice {
        Choice {
            index: self.index,
            content,
            logprobs: None,
            finish: Finish::default(),
            seed: None,
            token_ids: None,
            prompt_token_ids: None,
        }
    }

    /// A whole choice.
    pub(crate) fn whole(
        mut self,
        summary: Summary,
        request: &ApiRequest,
        context: &ApiContext,
    ) -> Choice {
        let mut pieces = Pieces::whole(summary);
        let logprobs = self.logprobs(&pieces, request, context);
        let text = std::mem::take(&mut pieces.text);
        let mut choice = self.choice(match request.route {
            Route::Completions => Content::Text(text),
            Route::Chat => Content::Message(Message {
                role: Some("assistant"),
                content: Some(text),
                refusal: Some(None),
            }),
        });
        choice.logprobs = logprobs;
        self.add_ids(&mut choice, &pieces.ids, request);
        if let Some(summary) = pieces.end {
            choice.finish(&summary, request);
        }
        choice
    }

    /// Whether the pieces can become chunks: those of an echoed prompt wait for its
    /// log-probabilities.
    pub(crate) fn is_complete(&self, pieces: &Pieces) -> bool {
        !self.waits_for_scores || pieces.prompt_logprobs.is_some() || pieces.end.is_some()
    }

    /// The next chunks: a piece of the text, if there is one, and the end.
    pub(crate) fn chunks(
        &mut self,
        mut pieces: Pieces,
        request: &ApiRequest,
        context: &ApiContext,
    ) -> Vec<Choice> {
        self.waits_for_scores = false;
        let logprobs = self.logprobs(&pieces, request, context);
        let has_tokens = logprobs.as_ref().is_some_and(|list| !list.is_empty())
            || request.form.token_ids && !pieces.ids.is_empty();
        let mut chunks = Vec::new();
        if !pieces.text.is_empty() || has_tokens {
            let text = std::mem::take(&mut pieces.text);
            let mut chunk = self.choice(delta(request.route, Some(text)));
            chunk.logprobs = logprobs;
            self.add_ids(&mut chunk, &pieces.ids, request);
            chunks.push(chunk);
        } else {
            self.count(&pieces.ids);
        }
        if let Some(summary) = pieces.end {
            let content = match request.route {
                Route::Completions => delta(Route::Completions, Some(String::new())),
                Route::Chat => delta(Route::Chat, None),
            };
            let mut last = self.choice(content);
            // The choice has no token.
            if !self.has_begun {
                self.add_ids(&mut last, &[], request);
            }
            last.finish(&summary, request);
            chunks.push(last);
        }
        chunks
    }

    /// Counts generated ids, and returns how many of the ids belong to an echoed prompt.
    fn count(&mut self, ids: &[u32]) -> usize {
        let of_prompt = ids.len().min(self.prompt_ids_left);
        self.prompt_ids_left -= of_prompt;
        self.generated += ids.len() - of_prompt;
        of_prompt
    }

    /// Counts ids, and adds them to a piece if the request asks for them; those of the prompt to the
    /// first piece.
    fn add_ids(&mut self, choice: &mut Choice, ids: &[u32], request: &ApiRequest) {
        let of_prompt = self.count(ids);
        if request.form.token_ids {
            let is_first = !std::mem::replace(&mut self.has_begun, true);
            choice.prompt_token_ids =
                is_first.then(|| request.prompts[self.index / request.n].clone());
            choice.token_ids = Some(ids[of_prompt..].to_vec());
        }
    }

    /// The log-probabilities of the pieces, before their ids are counted.
    fn logprobs(
        &mut self,
        pieces: &Pieces,
        request: &ApiRequest,
        context: &ApiContext,
    ) -> Option<Logprobs> {
        request.form.logprobs?;
        let names = Names {
            tokenizer: context.generator.tokenizer(),
            as_ids: request.form.tokens_as_ids,
        };
        let generated = pieces.logprobs.iter();
        if request.route == Route::Chat {
            return Some(Logprobs::Chat {
                content: generated.map(|token| names.chat_token(token)).collect(),
                refusal: None,
            });
        }
        let index = self.index;
        let rows = self
            .rows
            .get_or_insert_with(|| TokenRows::new(index, request, context));
        let of_prompt = pieces.ids.len().min(self.prompt_ids_left);
        for (at, id) in pieces.ids[..of_prompt].iter().enumerate() {
            let score = pieces.prompt_logprobs.as_ref();
            let alternatives = score.and_then(|score| score.alternatives.get(at));
            let alternatives = alternatives.into_iter().flatten();
            rows.push(TokenRow {
                id: *id,
                logprob: score.and_then(|score| *score.logprobs.get(at)?),
                alternatives: alternatives.map(|one| (one.id, one.logprob)).collect(),
            });
        }
        for token in generated {
            rows.push(TokenRow {
                id: token.chosen.id,
                logprob: Some(token.chosen.model),
                alternatives: by_model(&token.alternatives),
            });
        }
        let list = rows.take(&pieces.text, pieces.end.is_some(), names);
        Some(Logprobs::Completion(list))
    }
}

fn delta(route: Route, content: Option<String>) -> Content {
    match route {
        Route::Completions => Content::Text(content.unwrap_or_default()),
        Route::Chat => Content::Delta(Message {
            content,
            ..Message::default()
        }),
    }
}

impl Choice {
    fn finish(&mut self, summary: &Summary, request: &ApiRequest) {
        self.finish = Finish::new(summary.reason, &request.options);
        self.seed = Some(summary.seed);
    }
}
