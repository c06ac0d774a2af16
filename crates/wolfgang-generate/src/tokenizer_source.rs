//! Where the tokenizer of a model comes from: a file, or the model's own GGUF file.

use crate::{GenerateError, ModelFiles};
use std::fmt;
use std::path::{Path, PathBuf};
use wolfgang_checkpoint::{CheckpointError, GgufTokenizer};
use wolfgang_tokenize::Tokenizer;

/// Where the tokenizer of a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenizerSource {
    /// A `tokenizer.json`, with the `tokenizer_config.json` and the `chat_template.jinja` in its
    /// folder. It may not exist.
    File(PathBuf),
    /// The metadata of this GGUF file.
    Embedded(PathBuf),
}

impl TokenizerSource {
    /// That of the model with these files: a named one, else the one in the model's file, else the
    /// `tokenizer.json` beside it.
    pub(crate) fn of(named: Option<PathBuf>, is_embedded: bool, files: &ModelFiles) -> Self {
        match named {
            Some(path) => Self::File(path),
            None if is_embedded => Self::Embedded(files.checkpoint().to_path_buf()),
            None => Self::File(files.tokenizer().to_path_buf()),
        }
    }

    /// Returns the path of the `tokenizer.json` or of the GGUF file.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Embedded(path) => path,
        }
    }

    /// Reads the tokenizer, with its chat template if there is one.
    ///
    /// # Errors
    /// [`GenerateError::Tokenizer`], and [`GenerateError::Checkpoint`] for an embedded one.
    pub fn load(&self) -> Result<Tokenizer, GenerateError> {
        let path = match self {
            Self::File(path) => return Ok(Tokenizer::from_file_with_chat_template(path)?),
            Self::Embedded(path) => path,
        };
        let tokenizer = GgufTokenizer::from_file(path)?;
        let missing = || CheckpointError::UnsupportedTokenizer {
            path: path.clone(),
            found: "the file has none".to_owned(),
        };
        let files = tokenizer.ok_or_else(missing)?.to_files(path)?;
        let origin = self.to_string();
        Ok(Tokenizer::from_memory(
            &files.tokenizer,
            &files.config,
            &origin,
        )?)
    }
}

/// `PATH`, or `the tokenizer in PATH` for an embedded one.
impl fmt::Display for TokenizerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Embedded(path) => write!(f, "the tokenizer in {}", path.display()),
        }
    }
}
