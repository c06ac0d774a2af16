//! `logit_bias`: an object of token ids and biases.

use crate::api::ApiError;
use crate::api::json::describe;
use serde_json::Value;

/// Parses the biases, in the order of the ids.
pub(crate) fn parse(value: &Value, vocab_size: usize) -> Result<Vec<(u32, f32)>, ApiError> {
    let mut biases = Vec::new();
    for (name, bias) in value.as_object().into_iter().flatten() {
        let id = name
            .parse()
            .ok()
            .filter(|id: &u32| (*id as usize) < vocab_size);
        let id = id.ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            invalid(format!(
                "logit_bias has the key {name:?}, but keys must be token ids below {vocab_size}"
            ))
        })?;
        let number = bias.as_f64().map(|bias| bias as f32);
        let number = number.filter(|bias| bias.is_finite()).ok_or_else(|| {
            invalid(format!(
                "the logit_bias of {id} is {}, but it must be a number",
                describe(bias)
            ))
        })?;
        biases.push((id, number));
    }
    biases.sort_unstable_by_key(|(id, _)| *id);
    Ok(biases)
}

fn invalid(message: String) -> ApiError {
    ApiError::invalid("logit_bias", message)
}
