//! What can go wrong with a tokenizer.

use std::path::PathBuf;

/// Why a tokenizer could not be made or a text not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file could not be read.
    #[error("failed to read the tokenizer {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no `tokenizer.json`.
    #[error("{origin} is not a valid tokenizer.json")]
    Parse {
        /// Where it came from: a path, or words for one that came with the program.
        origin: String,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file was not downloaded by git-lfs: it only names its content.
    #[error(
        "{origin} is a git-lfs pointer, not the tokenizer itself; `git lfs pull` in its repository downloads it"
    )]
    GitLfsPointer {
        /// Where it came from.
        origin: String,
    },
    /// The tokenizer works otherwise than by byte-level BPE.
    #[error("{origin} is not a byte-level BPE tokenizer: {found}")]
    Unsupported {
        /// Where it came from.
        origin: String,
        /// What stands in the way, as the rest of a sentence.
        found: String,
    },
    /// The library refused a text.
    #[error("failed to encode the text")]
    Encode {
        /// What the library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chat prompt needs a control token that this vocabulary has not.
    #[error("the tokenizer has no token {token}, which chat prompts require")]
    NoChatToken {
        /// The missing token.
        token: &'static str,
    },
}
