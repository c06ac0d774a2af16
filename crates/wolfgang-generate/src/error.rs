//! What can go wrong between prompt and text.

use crate::Summary;
use std::any::Any;
use wolfgang_checkpoint::CheckpointError;
use wolfgang_model::ModelError;
use wolfgang_sampling::SamplingError;
use wolfgang_tokenize::TokenizerError;

/// Why a generator could not be made, or a generation not be begun or continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The sampling parameters, or the logits.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// Tokenizer and model do not belong together.
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
    /// The source is a model on the Hugging Face Hub, and the builder has no Hub to download it from.
    #[error("the model is {model:?}, but no Hub is set: call GeneratorBuilder::hub")]
    HubNotSet {
        /// The source.
        model: String,
    },
    /// A stop string without text would end every generation before it begins.
    #[error("stop string {index} is empty, but it must have at least one character")]
    EmptyStopString {
        /// Its place among the stop strings.
        index: usize,
    },
    /// More alternatives than there are tokens.
    #[error("{n} alternatives were requested, but the vocabulary has {vocab_size} tokens")]
    TooManyAlternatives {
        /// How many were asked for.
        n: usize,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// A minimum above the maximum.
    #[error("min_new_tokens is {min}, but it must be at most max_new_tokens ({max})")]
    MinAboveMax {
        /// [`SamplingParams::min_new_tokens`](crate::SamplingParams::min_new_tokens).
        min: usize,
        /// [`GenerateOptions::max_new_tokens`](crate::GenerateOptions::max_new_tokens).
        max: usize,
    },
    /// No samples, or more than there can be at once.
    #[error("{n} samples were requested, but the number must be between 1 and {limit}")]
    SampleCount {
        /// How many were asked for.
        n: usize,
        /// How many there can be.
        limit: usize,
    },
    /// A stop token that the model cannot produce.
    #[error("stop token {id} is outside the vocabulary of {vocab_size} tokens")]
    UnknownStopToken {
        /// The id.
        id: u32,
        /// Size of the vocabulary; ids lie below it.
        vocab_size: usize,
    },
    /// The prompt is longer than the model's context, and [`PromptTruncation::Error`](crate::PromptTruncation) was asked for.
    #[error("the prompt has {tokens} tokens, but the model's context has {block_size}")]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Positions that the model has.
        block_size: usize,
    },
    /// The prompt is empty, and there is no token to begin a document with.
    #[error("the prompt is empty, and the tokenizer has no <|endoftext|> token to start from")]
    EmptyPrompt,
    /// The tokenizer has no token to score the first one after.
    #[error("the tokenizer has no <|endoftext|>, which rolling windows begin with")]
    NoEndOfText,
    /// The continuation has no tokens to score: it is empty, or merged into the last token of its context.
    #[error("the continuation has no tokens of its own, so there is nothing to score")]
    EmptyContinuation,
    /// The continuation is longer than the model's context.
    #[error("the continuation has {tokens} tokens, but the model's context holds {block_size}")]
    ContinuationTooLong {
        /// Tokens of the continuation.
        tokens: usize,
        /// Positions that the model has.
        block_size: usize,
    },
    /// The conversation has no message of the user.
    #[error("the conversation has no user message to reply to")]
    NothingToAnswer,
    /// The reply to the message before is still in progress.
    #[error(
        "the reply to the last message is still in progress; finish, cancel or drop it before sending the next"
    )]
    ReplyInProgress,
    /// An error ended a generation that had started. Every error of its iterator is this one.
    #[error("failed to generate token {}", partial.generated_tokens + 1)]
    GenerationFailed {
        /// What failed: the model, or sampling.
        source: Box<GenerateError>,
        /// What was generated before, with [`FinishReason::Error`](crate::FinishReason::Error).
        partial: Box<Summary>,
    },
    /// The system gave no random seed.
    #[error("failed to get a random seed from the system (set a seed to avoid this)")]
    NoSeed {
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine's queue is full.
    #[error("the engine's queue is full: {limit} requests are waiting; try again later")]
    QueueFull {
        /// [`EngineOptions::max_queued`](crate::EngineOptions::max_queued).
        limit: usize,
    },
    /// The system gave no thread for the engine.
    #[error("failed to start the engine's thread")]
    EngineThread {
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine's thread ended before the generation did. It is a bug if this occurs.
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
