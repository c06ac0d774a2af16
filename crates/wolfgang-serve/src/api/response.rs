//! Responses and chunks of streams.

use crate::api::choice::{Choice, ChoiceBuilder};
use crate::api::context::seconds_since_1970;
use crate::api::fields::Route;
use crate::api::{ApiContext, ApiError, ApiRequest, Usage};
use serde::Serialize;
use wolfgang_generate::Summary;

/// What all chunks of a response have in common.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) id: String,
    created: u64,
    object: &'static str,
    model: String,
    fingerprint: String,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'a str,
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

impl Envelope {
    pub(crate) fn new(request: &ApiRequest, context: &ApiContext, id: &str) -> Self {
        let (prefix, object) = match (request.route, request.form.stream) {
            (Route::Completions, _) => ("cmpl", "text_completion"),
            (Route::Chat, false) => ("chatcmpl", "chat.completion"),
            (Route::Chat, true) => ("chatcmpl", "chat.completion.chunk"),
        };
        Self {
            id: format!("{prefix}-{id}"),
            created: seconds_since_1970(),
            object,
            model: context.model.clone(),
            fingerprint: context.fingerprint.clone(),
        }
    }

    /// `usage` is missing, null or an object.
    pub(crate) fn json(&self, choices: Vec<Choice>, usage: Option<Option<Usage>>) -> String {
        let body = Body {
            id: &self.id,
            object: self.object,
            created: self.created,
            model: &self.model,
            system_fingerprint: &self.fingerprint,
            choices,
            usage,
        };
        // Maps with keys that are no strings cannot occur.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// A response that is not streamed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiResponse {
    /// The body, in JSON.
    pub json: String,
    /// The seed of the first choice.
    pub seed: u64,
}

impl ApiResponse {
    /// Creates the response from the summaries of the [choices](ApiRequest::choices) of the
    /// request, in their order. `id` is the identifier of the request.
    pub fn new(
        request: &ApiRequest,
        context: &ApiContext,
        id: &str,
        summaries: Vec<Summary>,
    ) -> Self {
        let mut usage = Usage::default();
        let seed = summaries.first().map_or(0, |summary| summary.seed);
        let choices = summaries.into_iter().enumerate();
        let choices = choices.map(|(index, summary)| {
            usage.add(&summary, index % request.n == 0);
            ChoiceBuilder::new(index, request).whole(summary, request, context)
        });
        let choices = choices.collect();
        let envelope = Envelope::new(request, context, id);
        Self {
            json: envelope.json(choices, Some(Some(usage))),
            seed,
        }
    }
}

/// An error in a stream that has begun.
pub(crate) fn error_event(error: &ApiError) -> String {
    format!("data: {}\n\n", error.to_json())
}
