//! Detects, by name, files that are part of a checkpoint or contain weights in other formats.

use crate::CheckpointError;
use crate::file_names::{
    CONFIG, GENERATION_CONFIG, INDEX, RECORD, SINGLE, TOKENIZER, TOKENIZER_CONFIG,
};
use std::path::Path;

/// How to obtain a supported format from weights in another format, the easiest way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The transformers library loads the format.
    SaveWithTransformers,
    /// A script of the transformers library reads the format.
    ConvertFromMeta,
    /// The format cannot be converted back to the original weights.
    FindOriginal,
}

impl Remedy {
    /// Returns the instruction, a sentence without the full stop.
    pub(crate) fn instruction(self) -> &'static str {
        match self {
            Self::SaveWithTransformers => {
                "load the folder with the transformers library and save it with save_pretrained, \
                 which writes model.safetensors"
            }
            Self::ConvertFromMeta => {
                "convert the folder with the transformers library's \
                 convert_llama_weights_to_hf.py, which writes model.safetensors"
            }
            Self::FindOriginal => {
                "use the original repository of this model, with model.safetensors"
            }
        }
    }
}

/// Refuses a file that is part of a model folder or has weights in an unsupported format.
pub(crate) fn check(path: &Path) -> Result<(), CheckpointError> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(());
    };
    if is_part_of_folder(name) {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        return Err(CheckpointError::PartOfFolder {
            path: path.to_path_buf(),
            folder: folder.to_path_buf(),
        });
    }
    if is_gguf(name) {
        let found = "it does not begin with the bytes GGUF";
        return Err(CheckpointError::not_a_checkpoint(path, found));
    }
    match remedy(name) {
        Some(remedy) => Err(CheckpointError::OtherWeights {
            path: path.to_path_buf(),
            instruction: remedy.instruction(),
        }),
        None => Ok(()),
    }
}

/// Returns the error for a folder with weights in an unsupported format only; `None` if it has
/// none.
pub(crate) fn other_weights(folder: &Path) -> Option<CheckpointError> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let (remedy, name) = first_other_weights(names)?;
    Some(CheckpointError::OtherWeights {
        path: folder.join(name),
        instruction: remedy.instruction(),
    })
}

/// Returns, among the files with weights in unsupported formats, the one that is easiest to
/// convert.
pub(crate) fn first_other_weights(names: impl Iterator<Item = String>) -> Option<(Remedy, String)> {
    let known = names.filter_map(|name| Some((remedy(&name)?, name)));
    known.min_by_key(|(remedy, name)| (*remedy as u8, name.clone()))
}

/// Returns the error for a folder without weights in its own format. `found` says what is missing.
pub(crate) fn without_weights(folder: &Path, found: String) -> CheckpointError {
    other_weights(folder).unwrap_or_else(|| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let found = match names.filter(|name| is_gguf(name)).min() {
            Some(name) => format!("{found}; name the file in it: {name}"),
            None => found,
        };
        CheckpointError::not_a_checkpoint(folder, found)
    })
}

/// Whether this is, by its name, a GGUF file.
pub(crate) fn is_gguf(name: &str) -> bool {
    has_extension(name, "gguf")
}

fn is_part_of_folder(name: &str) -> bool {
    const PARTS: [&str; 7] = [
        CONFIG,
        GENERATION_CONFIG,
        INDEX,
        RECORD,
        SINGLE,
        TOKENIZER,
        TOKENIZER_CONFIG,
    ];
    PARTS.contains(&name) || has_extension(name, "safetensors")
}

fn remedy(name: &str) -> Option<Remedy> {
    const TRANSFORMERS: [&str; 3] = ["pytorch_model", "tf_model", "flax_model"];
    let is_transformers = TRANSFORMERS.iter().any(|stem| name.starts_with(stem));
    let extensions = ["bin", "h5", "msgpack", "json"];
    if is_transformers && extensions.iter().any(|e| has_extension(name, e)) {
        Some(Remedy::SaveWithTransformers)
    } else if name.starts_with("consolidated.") && has_extension(name, "pth") {
        Some(Remedy::ConvertFromMeta)
    } else if has_extension(name, "onnx") {
        Some(Remedy::FindOriginal)
    } else {
        None
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    let found = Path::new(name).extension();
    found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_in_other_formats_are_detected_by_name() {
        use Remedy::{ConvertFromMeta, FindOriginal, SaveWithTransformers};
        for (name, expected) in [
            ("pytorch_model.bin", Some(SaveWithTransformers)),
            ("pytorch_model.bin.index.json", Some(SaveWithTransformers)),
            (
                "pytorch_model-00001-of-00002.bin",
                Some(SaveWithTransformers),
            ),
            ("tf_model.h5", Some(SaveWithTransformers)),
            ("flax_model.msgpack", Some(SaveWithTransformers)),
            ("consolidated.00.pth", Some(ConvertFromMeta)),
            ("model-q4_0.gguf", None),
            ("model.ONNX", Some(FindOriginal)),
            ("training_args.bin", None),
            ("checkpoint.pth", None),
            ("model.pt", None),
        ] {
            assert_eq!(remedy(name), expected, "{name}");
        }
    }

    #[test]
    fn the_format_that_is_easiest_to_convert_is_named() {
        let names = [
            "a.onnx",
            "pytorch_model.bin",
            "consolidated.00.pth",
            "config.json",
        ];
        let first = first_other_weights(names.iter().map(|&name| name.to_owned()));
        assert_eq!(
            first,
            Some((Remedy::SaveWithTransformers, "pytorch_model.bin".to_owned()))
        );
    }
}
