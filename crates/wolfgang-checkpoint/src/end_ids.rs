//! `eos_token_id`: the ids that end a text.

use crate::json::{read_json, shown};
use crate::layout::GENERATION_CONFIG;
use crate::{CheckpointError, Skipped};
use serde_json::{Value as Json, json};
use std::path::Path;

/// Their field, in each of the files that can have it.
pub(crate) const FIELD: &str = "eos_token_id";

/// The ids that `config`, the content of `path`, names: one, several or, with null or without the field, none.
///
/// # Errors
/// [`CheckpointError::Unsupported`] for anything but whole numbers.
pub(crate) fn parse(path: &Path, config: &Json) -> Result<Option<Vec<i64>>, CheckpointError> {
    let named = match &config[FIELD] {
        Json::Null => return Ok(None),
        Json::Array(ids) => ids.iter().map(Json::as_i64).collect(),
        id => id.as_i64().map(|id| vec![id]),
    };
    named.map(Some).ok_or_else(|| CheckpointError::Unsupported {
        path: path.to_path_buf(),
        field: FIELD.to_owned(),
        found: shown(&config[FIELD]),
        expected: "a token id or a list of token ids".to_owned(),
    })
}

/// The ids that the `generation_config.json` in `folder` names, if it is there.
///
/// # Errors
/// Those of reading it, and as [`parse`].
pub(crate) fn of_generation(folder: &Path) -> Result<Option<Vec<i64>>, CheckpointError> {
    let path = folder.join(GENERATION_CONFIG);
    if path.is_file() {
        parse(&path, &read_json(&path)?)
    } else {
        Ok(None)
    }
}

/// The ids that a model with this vocabulary can generate, rising, and the others.
pub(crate) fn within(named: Vec<i64>, vocab_size: usize) -> (Vec<u32>, Vec<Skipped>) {
    let mut ids = Vec::new();
    let mut skipped = Vec::new();
    for id in named {
        match u32::try_from(id) {
            Ok(id) if (id as usize) < vocab_size => ids.push(id),
            _ => skipped.push(Skipped {
                name: format!("{FIELD} {id}"),
                reason: "outside the vocabulary",
            }),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    (ids, skipped)
}

/// As the files have them: one by itself, several as a list.
pub(crate) fn to_json(ids: &[u32]) -> Json {
    match ids {
        [] => Json::Null,
        [one] => json!(one),
        several => json!(several),
    }
}
