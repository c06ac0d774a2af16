//! Errors of tokenizers.

use std::path::PathBuf;

/// Error of loading a tokenizer or of encoding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file could not be read.
    #[error("failed to read the tokenizer {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not a valid `tokenizer.json`.
    #[error("{origin} is not a valid tokenizer.json")]
    Parse {
        /// Path of the file, or a description of its source.
        origin: String,
        /// The error of the parser.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is not a valid `tokenizer_config.json`.
    #[error("{origin} is not a valid tokenizer_config.json")]
    ParseConfig {
        /// Path of the file, or a description of its source.
        origin: String,
        /// The error of the parser.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is a git-lfs pointer: git-lfs has not downloaded its content.
    #[error(
        "{origin} is a git-lfs pointer, not the tokenizer itself; `git lfs pull` in its repository downloads it"
    )]
    GitLfsPointer {
        /// Path of the file, or a description of its source.
        origin: String,
    },
    /// The tokenizer is not a BPE with a known pipeline, or uses features that are not supported.
    #[error("{origin} is not a supported tokenizer: {found}")]
    Unsupported {
        /// Path of the file, or a description of its source.
        origin: String,
        /// The unsupported feature, as the rest of a sentence.
        found: String,
    },
    /// The `tokenizers` crate failed to encode a text.
    #[error("failed to encode the text")]
    Encode {
        /// The error of the `tokenizers` crate.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no chat template, and the vocabulary lacks a control token of the built-in format.
    #[error(
        "the tokenizer has no token {token}, which chat prompts require, and no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)"
    )]
    NoChatToken {
        /// The missing token.
        token: &'static str,
    },
    /// A file with a chat template could not be read.
    #[error("failed to read the chat template in {}", path.display())]
    ReadChatTemplate {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A chat template is not valid, fails, or exceeds the limits of time and memory.
    #[error("failed to render the chat template {origin}")]
    ChatTemplate {
        /// Name of the template.
        origin: String,
        /// The error of the template engine, with the line.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chat template calls `raise_exception`, for example because roles do not alternate.
    #[error("the chat template {origin} does not accept these messages: {message}")]
    RefusedByChatTemplate {
        /// Name of the template.
        origin: String,
        /// The message of the template.
        message: String,
    },
    /// A chat template changes the text of messages in a way that leaves it open which control
    /// tokens of the result it wrote itself.
    #[error(
        "the chat template {origin} changes text that may contain control tokens, so that their origin is not known"
    )]
    UntraceableChat {
        /// Name of the template.
        origin: String,
    },
}
