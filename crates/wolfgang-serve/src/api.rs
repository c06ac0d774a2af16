//! OpenAI's interface without HTTP: requests, validation, and responses.

mod bias;
pub(crate) mod chat;
mod choice;
mod collector;
pub(crate) mod completion;
mod constraint;
mod context;
mod defaults;
mod error;
mod fields;
mod finish;
mod json;
mod logprobs;
mod models;
mod parse;
mod prompt;
mod reader;
mod request;
mod response;
mod sampling;
mod token_rows;
mod tokens;
mod usage;

pub use context::ApiContext;
pub use defaults::Defaults;
pub use error::ApiError;
pub use fields::{Field, Kind, Route, Support, fields};
pub use request::{ApiRequest, SubmittedChoice};
pub use response::ApiResponse;

pub(crate) use choice::{Choice, ChoiceBuilder};
pub(crate) use collector::Pieces;
pub(crate) use finish::finish_reason;
pub(crate) use json::parse_object;
pub(crate) use models::{model_list, model_object};
pub(crate) use response::{Envelope, error_event};
pub(crate) use tokens::{apply_template, detokenize, tokenize, tokenizer_info};
pub(crate) use usage::Usage;
