//! The sampling settings of a model: `generation_config.json` of the transformers library.

use crate::CheckpointError;
use crate::file_names::GENERATION_CONFIG;
use crate::json::{read_json, shown};
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// The fields that [`GenerationConfig`] has, as they are called in the file.
const SAMPLING: [&str; 8] = [
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "no_repeat_ngram_size",
];

/// Fields that do not change which token is sampled next.
const OTHER: [&str; 7] = [
    "_from_model_config",
    "transformers_version",
    "use_cache",
    "cache_implementation",
    "max_length",
    "max_new_tokens",
    "return_dict_in_generate",
];

/// The sampling settings in a `generation_config.json`, with the names, the meaning and the
/// defaults of the transformers library.
///
/// The types of the values are checked, their ranges are not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GenerationConfig {
    /// The file.
    pub path: PathBuf,
    /// Whether tokens are sampled; otherwise decoding is greedy. Default: `false`.
    pub do_sample: bool,
    /// Default: 1.
    pub temperature: f32,
    /// Number of most likely tokens to keep; `None` keeps all. Default: 50; null and 0 are `None`.
    pub top_k: Option<usize>,
    /// Default: 1, off.
    pub top_p: f32,
    /// Default: `None`, off.
    pub min_p: Option<f32>,
    /// Default: 1, off.
    pub typical_p: f32,
    /// Repetition penalty of all tokens of prompt and text. Default: 1, off.
    pub repetition_penalty: f32,
    /// Size of the n-grams that are never repeated. Default: `None`, off, which is also 0.
    pub no_repeat_ngram_size: Option<usize>,
    /// The names of other fields with a value that may change which token is sampled, in ascending
    /// order.
    pub unused: Vec<String>,
}

impl GenerationConfig {
    /// Reads the file in the folder `checkpoint`, or beside it if `checkpoint` is a file. Returns
    /// `None` if there is no such file.
    ///
    /// # Errors
    /// [`CheckpointError::Read`] and [`CheckpointError::Damaged`], and
    /// [`CheckpointError::Unsupported`] for values of another type.
    pub fn beside(checkpoint: impl AsRef<Path>) -> Result<Option<Self>, CheckpointError> {
        let Some((path, json)) = read(checkpoint.as_ref())? else {
            return Ok(None);
        };
        let fields = Fields { path, json };
        Ok(Some(Self {
            do_sample: fields.bool("do_sample", false)?,
            temperature: fields.number("temperature")?.unwrap_or(1.0),
            top_k: match fields.json.get("top_k") {
                None => Some(50),
                Some(_) => fields.count("top_k")?,
            },
            top_p: fields.number("top_p")?.unwrap_or(1.0),
            min_p: fields.number("min_p")?,
            typical_p: fields.number("typical_p")?.unwrap_or(1.0),
            repetition_penalty: fields.number("repetition_penalty")?.unwrap_or(1.0),
            no_repeat_ngram_size: fields.count("no_repeat_ngram_size")?,
            unused: fields.unused(),
            path: fields.path,
        }))
    }
}

/// Returns the path and the content of the file, if it exists. Every field of a content that is not
/// an object is missing.
fn read(checkpoint: &Path) -> Result<Option<(PathBuf, Json)>, CheckpointError> {
    let folder = match checkpoint.is_dir() {
        true => checkpoint,
        false => checkpoint.parent().unwrap_or(Path::new("")),
    };
    let path = folder.join(GENERATION_CONFIG);
    if !path.is_file() {
        return Ok(None);
    }
    let json = read_json(&path)?;
    Ok(Some((path, json)))
}

/// Returns the sampling fields of the file in or beside `checkpoint`, for a conversion. They
/// are empty if it has none.
pub(crate) fn sampling_fields(checkpoint: &Path) -> Result<Map<String, Json>, CheckpointError> {
    let mut fields = Map::new();
    if let Some((_, json)) = read(checkpoint)? {
        for name in SAMPLING {
            if let Some(value) = json.get(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
    }
    Ok(fields)
}

/// The content of a file.
struct Fields {
    path: PathBuf,
    json: Json,
}

impl Fields {
    fn bool(&self, field: &str, default: bool) -> Result<bool, CheckpointError> {
        match &self.json[field] {
            Json::Null => Ok(default),
            Json::Bool(value) => Ok(*value),
            _ => Err(self.unsupported(field, "true or false")),
        }
    }

    fn number(&self, field: &str) -> Result<Option<f32>, CheckpointError> {
        match &self.json[field] {
            Json::Null => Ok(None),
            value => match value.as_f64() {
                Some(number) => Ok(Some(number as f32)),
                None => Err(self.unsupported(field, "a number")),
            },
        }
    }

    /// A number of which 0 is off.
    fn count(&self, field: &str) -> Result<Option<usize>, CheckpointError> {
        let value = &self.json[field];
        let number = value.as_u64().and_then(|number| number.try_into().ok());
        match number {
            _ if value.is_null() => Ok(None),
            Some(0) => Ok(None),
            Some(number) => Ok(Some(number)),
            None => Err(self.unsupported(field, "a non-negative integer")),
        }
    }

    /// Python writes defaults of several types, so a value counts unless it is one of those that
    /// mean off.
    fn unused(&self) -> Vec<String> {
        let off = |value: &Json| {
            value.is_null()
                || *value == false
                || value.as_f64().is_some_and(|n| n == 0.0 || n == 1.0)
        };
        let known = |name: &str| {
            SAMPLING.contains(&name) || OTHER.contains(&name) || name.ends_with("_token_id")
        };
        let fields = self.json.as_object().into_iter().flatten();
        let unused = fields.filter(|(name, value)| !known(name) && !off(value));
        let mut names: Vec<_> = unused.map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    fn unsupported(&self, field: &str, expected: &str) -> CheckpointError {
        CheckpointError::Unsupported {
            path: self.path.clone(),
            field: field.to_owned(),
            found: shown(&self.json[field]),
            expected: expected.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<GenerationConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(GENERATION_CONFIG), json).unwrap();
        let config = GenerationConfig::beside(folder.path());
        config
            .map(Option::unwrap)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn absent_fields_have_the_defaults_of_transformers() {
        let config = parsed("{\"eos_token_id\": 2, \"temperature\": null}").unwrap();
        assert!(!config.do_sample && config.unused.is_empty());
        assert_eq!(
            (config.temperature, config.top_p, config.typical_p),
            (1.0, 1.0, 1.0)
        );
        assert_eq!((config.top_k, config.min_p), (Some(50), None));
        assert_eq!(
            (config.repetition_penalty, config.no_repeat_ngram_size),
            (1.0, None)
        );
    }

    #[test]
    fn null_and_0_of_top_k_are_off() {
        for off in ["null", "0"] {
            assert_eq!(
                parsed(&format!("{{\"top_k\": {off}}}")).unwrap().top_k,
                None
            );
        }
    }

    #[test]
    fn other_fields_that_change_sampling_are_listed() {
        let json = "{\"num_beams\": 4, \"epsilon_cutoff\": 0.1, \"eta_cutoff\": 0.0, \
                    \"length_penalty\": 1.0, \"max_length\": 4096, \"pad_token_id\": [7]}";
        assert_eq!(
            parsed(json).unwrap().unused,
            ["epsilon_cutoff", "num_beams"]
        );
    }

    #[test]
    fn values_of_other_types_are_errors_that_name_file_field_and_value() {
        for (json, expected) in [
            ("{\"temperature\": \"warm\"}", "temperature is \"warm\""),
            ("{\"top_p\": NaN}", "top_p is NaN"),
            ("{\"top_k\": 2.5}", "top_k is 2.5"),
            ("{\"top_k\": -1}", "top_k is -1"),
            ("{\"do_sample\": 1}", "do_sample is 1"),
        ] {
            let error = parsed(json).unwrap_err();
            assert!(error.contains("generation_config.json: "), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_file_is_in_the_folder_or_beside_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.gguf");
        std::fs::write(&file, "").unwrap();
        assert_eq!(GenerationConfig::beside(&file).unwrap(), None);
        std::fs::write(folder.path().join(GENERATION_CONFIG), "{\"top_k\": 7}").unwrap();
        for checkpoint in [folder.path(), &file] {
            let config = GenerationConfig::beside(checkpoint).unwrap().unwrap();
            assert_eq!(config.top_k, Some(7));
        }
    }
}
