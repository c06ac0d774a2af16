//! The files of a model, found by its path or downloaded from the Hugging Face Hub.

#[cfg(feature = "hub")]
use crate::GenerateError;
use std::path::{Path, PathBuf};
#[cfg(feature = "hub")]
use wolfgang_checkpoint::{Hub, HubUnavailable, Progress};

/// What the name of a model on the Hugging Face Hub begins with: `hf:OWNER/NAME`. A path that begins with it is written
/// `./hf:…`.
pub const HUB_PREFIX: &str = "hf:";

/// Where the files of a model are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    checkpoint: PathBuf,
    tokenizer: PathBuf,
    #[cfg(feature = "hub")]
    unavailable: Option<HubUnavailable>,
}

impl ModelFiles {
    /// What [`Checkpoint::open`](crate::Checkpoint::open) opens: a folder or a `.pt`.
    pub fn checkpoint(&self) -> &Path {
        &self.checkpoint
    }

    /// The model's own `tokenizer.json`, or where it would be if there is none: in the checkpoint's folder, or beside it
    /// if it is a file.
    pub fn tokenizer(&self) -> &Path {
        &self.tokenizer
    }

    /// Why the Hub could not be asked, if it could not: these are the files that the cache had, perhaps not the newest.
    #[cfg(feature = "hub")]
    pub fn unavailable(&self) -> Option<&HubUnavailable> {
        self.unavailable.as_ref()
    }

    /// The files at this path. Nothing is read.
    pub(crate) fn at(checkpoint: &Path) -> Self {
        Self {
            checkpoint: checkpoint.to_path_buf(),
            tokenizer: default_tokenizer_path(checkpoint),
            #[cfg(feature = "hub")]
            unavailable: None,
        }
    }

    /// Downloads the model called `name`, without its prefix.
    #[cfg(feature = "hub")]
    pub(crate) fn download(
        name: &str,
        hub: Option<&Hub>,
        progress: &mut dyn Progress,
    ) -> Result<Self, GenerateError> {
        // A mistyped name is the more likely mistake.
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

/// The name of the model on the Hub that `source` is, without its prefix; none if `source` is a path.
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
