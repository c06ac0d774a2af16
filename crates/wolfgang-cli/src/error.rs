//! Errors of the command itself, as data. The module `failure` reports them.

use std::path::PathBuf;

/// Bad arguments, input or environment variables that the argument parser cannot detect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Ctrl-C: the text generated until then is written, and the program ends as if by the signal.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Some input lines were rejected. Each has been reported; only the exit code remains.
#[derive(Debug, thiserror::Error)]
#[error("some input lines were rejected")]
pub(crate) struct InputRejected;

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("failed to read the configuration file {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The location and the last line of the parser's message, which has several.
    #[error("{}:{line}: {message}", path.display())]
    Parse {
        path: PathBuf,
        line: usize,
        message: String,
    },
}

/// An output file that must not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("{} is a folder", .0.display())]
    IsFolder(PathBuf),
    #[error("{} already exists; choose another name, or replace it with --force", .0.display())]
    Exists(PathBuf),
}

/// Bad input in a chat, from the user or from a file. `chat::texts` has the German messages.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChatError {
    #[error(
        "unknown command /{0}; /help lists the commands (start a text with // for a literal /)"
    )]
    UnknownCommand(String),
    #[error("/{0} requires a file name")]
    MissingFileName(String),
    #[error("/{name} takes no argument, but got {argument:?}")]
    UnexpectedArgument { name: String, argument: String },
    #[error(
        "the seed is {0:?}, but it must be an integer from 0 to 2^64 - 1, or empty for a random seed"
    )]
    InvalidSeed(String),
    #[error(
        "line {0} of standard input is not UTF-8 text and was skipped; convert the input, for \
         example with iconv -f ISO-8859-1 -t UTF-8"
    )]
    LineNotUtf8(usize),
    #[error("the line is not UTF-8 text and was not sent; set the terminal to UTF-8")]
    TypedLineNotUtf8,
    #[error("{name} is not a saved conversation")]
    NotJson {
        name: String,
        source: serde_json::Error,
    },
    #[error("{name} is not a saved conversation")]
    NotAConversation { name: String, source: MessageError },
    #[error(
        "{0} is JSON Lines, but a conversation is one JSON value: join the messages with jq -s . \
         {0}, or put each line with `messages` into a file of its own"
    )]
    JsonLines(String),
    #[error("the conversation has no user message to reply to")]
    NothingToAnswer,
    #[error(
        "the message has {tokens} tokens with the system prompt, but the model's context has \
         {block_size}; shorten it"
    )]
    MessageTooLong { tokens: usize, block_size: usize },
    #[error("{0} is not a saved conversation; refusing to replace it")]
    OtherFile(String),
    #[error("--ignore-eos has no effect in a chat: <|endoftext|> ends each reply")]
    IgnoreEos,
}

/// An invalid message. Positions count from 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    #[error("expected a list of messages or an object with `messages`")]
    NoList,
    #[error("`system` must be a string")]
    SystemNoText,
    #[error("there is a system prompt in `system` and another in message {position}")]
    TwoSystems { position: usize },
    #[error("message {position} must be an object with `role` and `content`")]
    NoObject { position: usize },
    #[error(
        "the role of message {position} is {role}, but it must be `user` or `assistant`, or, \
         before the first of these, `system` or `developer`"
    )]
    Role { position: usize, role: String },
    #[error("the content of message {position} must be a string or a list of text parts")]
    Content { position: usize },
    #[error(
        "part {part} of message {position} has the type {found}, but only text parts are supported"
    )]
    Part {
        position: usize,
        part: usize,
        found: String,
    },
}
