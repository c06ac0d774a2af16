//! Errors of generation.

use crate::Summary;
use std::any::Any;
use std::path::PathBuf;
use wolfgang_checkpoint::CheckpointError;
#[cfg(feature = "constrain")]
use wolfgang_constrain::GrammarError;
use wolfgang_model::ModelError;
use wolfgang_sampling::SamplingError;
use wolfgang_tokenize::TokenizerError;

/// Error of creating a generator or of generating.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// An error of the checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An error of the tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// An error of the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An error of sampling: invalid parameters or logits.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// [`GenerateOptions::grammar`](crate::GenerateOptions::grammar) cannot be used.
    #[cfg(feature = "constrain")]
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    /// A value in the `generation_config.json` of a model is outside of its range.
    #[error("{}: the sampling settings are not valid", path.display())]
    GenerationConfig {
        /// The file.
        path: PathBuf,
        /// The field, its value and the range.
        source: SamplingError,
    },
    /// The tokenizer does not match the model.
    #[error(
        "the tokenizer has {tokenizer} tokens, but the model's vocab_size is {model}: they belong to different models"
    )]
    VocabularyMismatch {
        /// Size of the tokenizer's vocabulary.
        tokenizer: usize,
        /// The model's `vocab_size`.
        model: usize,
    },
    /// The source is a model on the Hugging Face Hub, and the feature `hub` is not compiled in.
    #[error(
        "the model is {model:?}, but this program was built without the feature `hub`: name a file or folder"
    )]
    HubNotCompiledIn {
        /// The source.
        model: String,
    },
    /// The source is a model on the Hugging Face Hub, and the builder has no Hub to download it
    /// from.
    #[error("the model is {model:?}, but no Hub is set: call GeneratorBuilder::hub")]
    HubNotSet {
        /// The source.
        model: String,
    },
    /// A stop string is empty.
    #[error("stop string {index} is empty, but it must have at least one character")]
    EmptyStopString {
        /// Index of the stop string.
        index: usize,
    },
    /// More alternatives were requested than the vocabulary has tokens.
    #[error("{n} alternatives were requested, but the vocabulary has {vocab_size} tokens")]
    TooManyAlternatives {
        /// Number requested.
        n: usize,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// The minimum number of new tokens exceeds the maximum.
    #[error("min_new_tokens is {min}, but it must be at most max_new_tokens ({max})")]
    MinAboveMax {
        /// [`SamplingParams::min_new_tokens`](crate::SamplingParams::min_new_tokens).
        min: usize,
        /// [`GenerateOptions::max_new_tokens`](crate::GenerateOptions::max_new_tokens).
        max: usize,
    },
    /// The number of samples is 0 or exceeds the maximum.
    #[error("{n} samples were requested, but the number must be between 1 and {limit}")]
    SampleCount {
        /// Number requested.
        n: usize,
        /// Maximum number.
        limit: usize,
    },
    /// A stop token is outside the vocabulary.
    #[error("stop token {id} is outside the vocabulary of {vocab_size} tokens")]
    UnknownStopToken {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// The prompt exceeds the context, and truncation is disabled with
    /// [`PromptTruncation::Error`](crate::PromptTruncation::Error).
    #[error("the prompt has {tokens} tokens, but the model's context has {block_size}")]
    PromptTooLong {
        /// Number of tokens of the prompt.
        tokens: usize,
        /// Context length of the model.
        block_size: usize,
    },
    /// The prompt is empty, and the tokenizer has no `<|endoftext|>` token to start from.
    #[error("the prompt is empty, and the tokenizer has no <|endoftext|> token to start from")]
    EmptyPrompt,
    /// The tokenizer has no `<|endoftext|>` token, the prefix of the first window of
    /// [`ScoreWindows::Rolling`](crate::ScoreWindows::Rolling).
    #[error("the tokenizer has no <|endoftext|>, which rolling windows begin with")]
    NoEndOfText,
    /// The continuation has no tokens to score: it is empty, or merged into the last token of its
    /// context.
    #[error("the continuation has no tokens of its own, so there is nothing to score")]
    EmptyContinuation,
    /// The continuation is longer than the model's context.
    #[error("the continuation has {tokens} tokens, but the model's context holds {block_size}")]
    ContinuationTooLong {
        /// Number of tokens of the continuation.
        tokens: usize,
        /// Context length of the model.
        block_size: usize,
    },
    /// The conversation has no user message.
    #[error("the conversation has no user message to reply to")]
    NothingToAnswer,
    /// The reply to the previous message is still in progress.
    #[error(
        "the reply to the last message is still in progress; finish, cancel or drop it before sending the next"
    )]
    ReplyInProgress,
    /// An error ended a running generation. All errors that a [`Generation`](crate::Generation)
    /// returns are of this variant.
    #[error("failed to generate token {}", partial.generated_tokens + 1)]
    GenerationFailed {
        /// The error that ended the generation.
        source: Box<GenerateError>,
        /// The summary of the text generated before, with
        /// [`FinishReason::Error`](crate::FinishReason::Error).
        partial: Box<Summary>,
    },
    /// The operating system did not provide a random seed.
    #[error("failed to get a random seed from the system (set a seed to avoid this)")]
    NoSeed {
        /// The error of the operating system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine's queue is full.
    #[error("the engine's queue is full: {limit} requests are waiting; try again later")]
    QueueFull {
        /// [`EngineOptions::max_queued`](crate::EngineOptions::max_queued).
        limit: usize,
    },
    /// The engine was closed.
    #[error("the engine was closed, so it accepts no further requests")]
    EngineClosed,
    /// The engine's thread could not be started.
    #[error("failed to start the engine's thread")]
    EngineThread {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The engine's thread ended before the generation was finished. This is a bug.
    ///
    /// Also returned by [`GenerationHandle::into_summary`](crate::GenerationHandle::into_summary)
    /// if the last event has been read before.
    #[error("the engine stopped before the generation was finished")]
    EngineStopped,
    /// A [`LogitsProcessor`](crate::LogitsProcessor) or
    /// [`StoppingCriterion`](crate::StoppingCriterion) of a generation in an
    /// [`Engine`](crate::Engine) panicked.
    #[error("a logits processor or stopping criterion panicked: {message}")]
    CallbackPanicked {
        /// The message of the panic.
        message: String,
    },
}

impl GenerateError {
    pub(crate) fn callback_panicked(panic: &(dyn Any + Send)) -> Self {
        let owned = panic.downcast_ref::<String>().map(String::as_str);
        let message = owned.or_else(|| panic.downcast_ref::<&str>().copied());
        Self::CallbackPanicked {
            message: message.unwrap_or("no message").to_owned(),
        }
    }
}
