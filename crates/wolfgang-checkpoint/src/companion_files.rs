//! The files of a folder besides the model: the tokenizer and the chat template.

use crate::atomic_dir::StagingDir;
use crate::file_names::{CHAT_TEMPLATE, TOKENIZER, TOKENIZER_CONFIG};
use crate::{Checkpoint, CheckpointError, ConvertOptions};
use std::fs::File;
use std::path::Path;

/// Writes those that the source or the options name.
pub(crate) fn write(
    source: &Checkpoint,
    options: &ConvertOptions,
    staging: &StagingDir,
) -> Result<(), CheckpointError> {
    let embedded = source
        .embedded_tokenizer()
        .filter(|_| options.embedded_tokenizer);
    if let Some(tokenizer) = &options.tokenizer {
        copy(tokenizer, TOKENIZER, staging)?;
        for name in [TOKENIZER_CONFIG, CHAT_TEMPLATE] {
            copy_if_present(&tokenizer.with_file_name(name), name, staging)?;
        }
    } else if let Some(tokenizer) = embedded {
        let files = tokenizer.to_files(source.path())?;
        staging.write(TOKENIZER, &files.tokenizer)?;
        staging.write(TOKENIZER_CONFIG, &files.config)?;
    }
    Ok(())
}

fn copy_if_present(path: &Path, name: &str, staging: &StagingDir) -> Result<(), CheckpointError> {
    match path.is_file() {
        true => copy(path, name, staging),
        false => Ok(()),
    }
}

fn copy(path: &Path, name: &str, staging: &StagingDir) -> Result<(), CheckpointError> {
    let file = File::open(path).map_err(|source| CheckpointError::read(path, source))?;
    staging.copy(name, file)
}
