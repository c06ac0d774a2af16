//! A request in the form that both routes have in common.

use crate::api::fields::Route;
use crate::api::json::describe;
use crate::api::reader::Reader;
use crate::api::{ApiContext, ApiError};
use serde_json::Value;
use wolfgang_generate::{GenerateError, GenerateOptions, Generation, Prompt};

/// A valid request for completions or for replies in a chat.
///
/// It has one choice for each prompt and sample, in this order: the index of choice k of prompt i
/// is i · n + k. [`choices`](Self::choices) are its generations; an
/// [`ApiResponse`](crate::ApiResponse) is made of their summaries.
#[derive(Debug)]
pub struct ApiRequest {
    pub(crate) route: Route,
    pub(crate) prompts: Vec<Vec<u32>>,
    pub(crate) options: GenerateOptions,
    /// The seed of the first choice of each prompt.
    pub(crate) seed: u64,
    pub(crate) n: usize,
    pub(crate) form: Form,
    pub(crate) ignored: Vec<String>,
}

/// What the response contains besides the text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) continuous_usage: bool,
    pub(crate) echo: bool,
    /// Number of alternatives.
    pub(crate) logprobs: Option<usize>,
    pub(crate) token_ids: bool,
    /// Whether tokens are named by their ids.
    pub(crate) tokens_as_ids: bool,
}

impl Form {
    fn read_stream_options(&mut self, reader: &mut Reader) -> Result<(), ApiError> {
        let Some(Value::Object(options)) = reader.take("stream_options") else {
            return Ok(());
        };
        for (name, value) in options {
            let place = format!("stream_options.{name}");
            let option = match name.as_str() {
                "include_usage" => &mut self.include_usage,
                "continuous_usage_stats" => &mut self.continuous_usage,
                _ => {
                    reader.ignore(place);
                    continue;
                }
            };
            *option = match value {
                Value::Bool(value) => value,
                Value::Null => false,
                other => {
                    let found = describe(&other);
                    let message = format!("{place} is {found}, but it must be true or false");
                    return Err(ApiError::invalid(&place, message));
                }
            };
        }
        Ok(())
    }
}

/// A choice whose generation has not started.
#[derive(Debug)]
#[non_exhaustive]
pub struct SubmittedChoice {
    /// The index of the choice in the response.
    pub index: usize,
    /// Its generation.
    pub generation: Generation,
}

impl ApiRequest {
    /// Returns the number of choices.
    pub fn n_choices(&self) -> usize {
        self.prompts.len() * self.n
    }

    /// Returns the names of fields of the request that are unknown and therefore have no effect.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Creates the generations.
    ///
    /// # Errors
    /// [`ApiError`] for options that the library refuses.
    pub fn choices(&self, context: &ApiContext) -> Result<Vec<SubmittedChoice>, ApiError> {
        let choice = |index: usize| {
            let mut options = self.options.clone();
            options.seed = Some(self.seed.wrapping_add((index % self.n) as u64));
            let prompt = &self.prompts[index / self.n];
            let prompt = match self.route {
                Route::Completions => Prompt::Ids(prompt),
                Route::Chat => Prompt::ChatIds(prompt),
            };
            let generation = context.generator.generate(prompt, &options)?;
            Ok(SubmittedChoice { index, generation })
        };
        (0..self.n_choices()).map(choice).collect()
    }

    /// The parts that both routes have in common.
    pub(crate) fn new(
        route: Route,
        mut reader: Reader,
        context: &ApiContext,
        prompts: Vec<Vec<u32>>,
        mut options: GenerateOptions,
        mut form: Form,
    ) -> Result<Self, ApiError> {
        let n = reader.count("n").unwrap_or(1);
        form.token_ids = reader.flag("return_token_ids").unwrap_or(false);
        form.tokens_as_ids = reader.flag("return_tokens_as_token_ids").unwrap_or(false);
        form.stream = reader.flag("stream").unwrap_or(false);
        form.read_stream_options(&mut reader)?;
        let vocab_size = context.generator.model().config().vocab_size;
        if form.logprobs.is_some_and(|n| n > vocab_size) {
            return Err(GenerateError::TooManyAlternatives {
                n: form.logprobs.unwrap_or_default(),
                vocab_size,
            }
            .into());
        }
        options.logprobs = form.logprobs;
        options.prompt_logprobs = form.logprobs.filter(|_| form.echo);
        options.include_prompt = form.echo;
        Ok(Self {
            route,
            prompts,
            seed: options.seed.map_or_else(random_seed, Ok)?,
            options,
            n,
            form,
            ignored: reader.ignored(),
        })
    }
}

/// A random seed below 2^52, so that it and the seeds of further choices are exact in JSON numbers
/// that are parsed as doubles.
fn random_seed() -> Result<u64, ApiError> {
    match getrandom::u64() {
        Ok(bits) => Ok(bits >> 12),
        Err(error) => Err(GenerateError::NoSeed {
            source: error.into(),
        }
        .into()),
    }
}
