//! Parsing of requests.

use crate::api::fields::Route;
use crate::api::reader::Reader;
use crate::api::{ApiContext, ApiError, ApiRequest, chat, completion, json};
use serde_json::Value;

impl ApiRequest {
    /// Parses and validates the body of a request.
    ///
    /// # Errors
    /// An [`ApiError`] that names the invalid field.
    pub fn parse(route: Route, body: &[u8], context: &ApiContext) -> Result<Self, ApiError> {
        let mut reader = Reader::new(route, json::parse(body)?)?;
        if let Some(Value::String(name)) = reader.take("model") {
            context.check_model(&name)?;
        }
        match route {
            Route::Completions => completion::request(reader, context),
            Route::Chat => chat::request(reader, context),
        }
    }
}
