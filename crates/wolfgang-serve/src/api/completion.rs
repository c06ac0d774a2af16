//! `/v1/completions`.

use crate::api::fields::Route;
use crate::api::reader::Reader;
use crate::api::request::{ApiRequest, Form};
use crate::api::{ApiContext, ApiError, prompt, sampling};

/// OpenAI's default.
const MAX_TOKENS: usize = 16;

pub(crate) fn request(mut reader: Reader, context: &ApiContext) -> Result<ApiRequest, ApiError> {
    let prompts = prompt::parse(reader.take("prompt"))?;
    let adds_special = reader.flag("add_special_tokens").unwrap_or(true);
    let form = Form {
        echo: reader.flag("echo").unwrap_or(false),
        logprobs: reader.count("logprobs"),
        ..Form::default()
    };
    let options = sampling::options(&mut reader, context, MAX_TOKENS)?;
    let encode = |given| prompt::encode(given, adds_special, context);
    let prompts = prompts.into_iter().map(encode).collect::<Result<_, _>>()?;
    ApiRequest::new(Route::Completions, reader, context, prompts, options, form)
}
