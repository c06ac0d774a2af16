//! `eos_token_id`: the ids that end a text.

use crate::file_names::GENERATION_CONFIG;
use crate::json::{read_json, shown};
use crate::{CheckpointError, Skipped};
use serde_json::{Value as Json, json};
use std::path::Path;

/// The name of the field.
pub(crate) const FIELD: &str = "eos_token_id";

/// Returns the ids in `config`, the content of the file at `path`: a number, a list, or, if the
/// field is null or missing, `None`.
///
/// # Errors
/// [`CheckpointError::Unsupported`] for other values.
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

/// Returns the ids in the `generation_config.json` of `folder`, if that file exists.
///
/// # Errors
/// Those of reading the file and of [`parse`].
pub(crate) fn from_generation_config(folder: &Path) -> Result<Option<Vec<i64>>, CheckpointError> {
    let path = folder.join(GENERATION_CONFIG);
    if path.is_file() {
        parse(&path, &read_json(&path)?)
    } else {
        Ok(None)
    }
}

/// Splits ids into those within the vocabulary, in ascending order, and the others.
pub(crate) fn split_by_vocabulary(named: Vec<i64>, vocab_size: usize) -> (Vec<u32>, Vec<Skipped>) {
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

/// Formats ids for a JSON file: null, a number or a list.
pub(crate) fn to_json(ids: &[u32]) -> Json {
    match ids {
        [] => Json::Null,
        [one] => json!(one),
        several => json!(several),
    }
}
