//! Paths of a model's files, local or downloaded from the Hugging Face Hub.

#[cfg(feature = "hub")]
use crate::GenerateError;
use std::path::{Path, PathBuf};
#[cfg(feature = "hub")]
use wolfgang_checkpoint::{Hub, HubUnavailable, Progress};

/// Prefix of the name of a model on the Hugging Face Hub: `hf:OWNER/NAME`. To use a path that
/// begins with it, write `./hf:…`.
pub const HUB_PREFIX: &str = "hf:";

/// The paths of a model's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    checkpoint: PathBuf,
    tokenizer: PathBuf,
    #[cfg(feature = "hub")]
    unavailable: Option<HubUnavailable>,
}

impl ModelFiles {
    /// Returns the path of the checkpoint, a folder, a `.pt` or a GGUF file, for
    /// [`Checkpoint::open`](crate::Checkpoint::open).
    pub fn checkpoint(&self) -> &Path {
        &self.checkpoint
    }

    /// Returns the path of the `tokenizer.json` in the checkpoint's folder, or next to it if the
    /// checkpoint is a file. The file may not exist, and a GGUF file may contain a tokenizer
    /// ([`GeneratorBuilder::tokenizer_source`](crate::GeneratorBuilder::tokenizer_source)).
    pub fn tokenizer(&self) -> &Path {
        &self.tokenizer
    }

    /// Returns the reason why the Hub was not available, if it was not: the files are then those of
    /// the cache, which may be out of date.
    #[cfg(feature = "hub")]
    pub fn unavailable(&self) -> Option<&HubUnavailable> {
        self.unavailable.as_ref()
    }

    /// The files at this path, without reading anything.
    pub(crate) fn at(checkpoint: &Path) -> Self {
        Self {
            checkpoint: checkpoint.to_path_buf(),
            tokenizer: default_tokenizer_path(checkpoint),
            #[cfg(feature = "hub")]
            unavailable: None,
        }
    }

    /// Downloads the model `name`, which has no prefix.
    #[cfg(feature = "hub")]
    pub(crate) fn download(
        name: &str,
        hub: Option<&Hub>,
        progress: &mut dyn Progress,
    ) -> Result<Self, GenerateError> {
        // A mistyped name is more likely than a missing Hub, so it is reported first.
        let model = name.parse()?;
        let hub = hub.ok_or_else(|| GenerateError::HubNotSet {
            model: format!("{HUB_PREFIX}{name}"),
        })?;
        let files = hub.fetch(&model, progress)?;
        let beside = || default_tokenizer_path(&files.checkpoint);
        Ok(Self {
            tokenizer: files.tokenizer.unwrap_or_else(beside),
            checkpoint: files.checkpoint,
            unavailable: files.unavailable,
        })
    }
}

/// The name of a model on the Hub, without its prefix; `None` if `source` is a path.
pub(crate) fn name_on_the_hub(source: &Path) -> Option<&str> {
    source.to_str()?.strip_prefix(HUB_PREFIX)
}

fn default_tokenizer_path(checkpoint: &Path) -> PathBuf {
    let folder = if checkpoint.is_dir() {
        checkpoint
    } else {
        checkpoint.parent().unwrap_or(checkpoint)
    };
    folder.join("tokenizer.json")
}
