//! Choices of a response and of its chunks.

use crate::api::collector::Pieces;
use crate::api::fields::Route;
use crate::api::finish::Finish;
use crate::api::logprobs::{CompletionLogprobs, Logprobs, Names, Offsets, by_model};
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
    offsets: Offsets,
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
            offsets: Offsets::default(),
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
        let text = std::mem::take(&mut pieces.text);
        let content = match request.route {
            Route::Completions => Content::Text(text),
            Route::Chat => Content::Message(Message {
                role: Some("assistant"),
                content: Some(text),
                refusal: Some(None),
            }),
        };
        let end = pieces.end.take();
        let mut choice = self.with_tokens(content, pieces, request, context);
        if let Some(summary) = end {
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
        let form = &request.form;
        self.waits_for_scores = false;
        let end = pieces.end.take();
        let has_tokens = !pieces.ids.is_empty() && (form.token_ids || form.logprobs.is_some());
        let mut chunks = Vec::new();
        if !pieces.text.is_empty() || has_tokens {
            let text = std::mem::take(&mut pieces.text);
            let content = delta(request.route, Some(text));
            chunks.push(self.with_tokens(content, pieces, request, context));
        } else {
            self.count(&pieces.ids);
        }
        if let Some(summary) = end {
            let content = match request.route {
                Route::Completions => delta(Route::Completions, Some(String::new())),
                Route::Chat => delta(Route::Chat, None),
            };
            let mut last = self.choice(content);
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

    fn with_tokens(
        &mut self,
        content: Content,
        pieces: Pieces,
        request: &ApiRequest,
        context: &ApiContext,
    ) -> Choice {
        let form = &request.form;
        let of_prompt = self.count(&pieces.ids);
        let mut choice = self.choice(content);
        if form.logprobs.is_some() {
            choice.logprobs = Some(self.logprobs(&pieces, of_prompt, request, context));
        }
        if form.token_ids {
            let is_first = !std::mem::replace(&mut self.has_begun, true);
            choice.prompt_token_ids =
                is_first.then(|| request.prompts[self.index / request.n].clone());
            choice.token_ids = Some(pieces.ids[of_prompt..].to_vec());
        }
        choice
    }

    fn logprobs(
        &mut self,
        pieces: &Pieces,
        of_prompt: usize,
        request: &ApiRequest,
        context: &ApiContext,
    ) -> Logprobs {
        let names = Names {
            tokenizer: context.generator.tokenizer(),
            as_ids: request.form.tokens_as_ids,
        };
        let generated = pieces.logprobs.iter();
        if request.route == Route::Chat {
            return Logprobs::Chat {
                content: generated.map(|token| names.chat_token(token)).collect(),
                refusal: None,
            };
        }
        let mut list = CompletionLogprobs::default();
        for (at, id) in pieces.ids[..of_prompt].iter().enumerate() {
            let score = pieces.prompt_logprobs.as_ref();
            let logprob = score.and_then(|score| *score.logprobs.get(at)?);
            let alternatives = score.and_then(|score| score.alternatives.get(at));
            let alternatives = alternatives.into_iter().flatten();
            let alternatives: Vec<_> = alternatives.map(|one| (one.id, one.logprob)).collect();
            list.push(*id, logprob, &alternatives, names, &mut self.offsets);
        }
        for token in generated {
            let alternatives = by_model(&token.alternatives);
            let (id, logprob) = (token.chosen.id, Some(token.chosen.model));
            list.push(id, logprob, &alternatives, names, &mut self.offsets);
        }
        Logprobs::Completion(list)
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
