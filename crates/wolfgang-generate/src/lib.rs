//! Text generation with Wolfgang-LM: from a prompt to streamed text.
//!
//! ```
//! use wolfgang_generate::{Event, GenerateOptions, Precision, WolfgangGenerator};
//!
//! # std::env::set_current_dir("../..").unwrap();
//! let builder = WolfgangGenerator::builder("models/faust");
//! let generator = builder.precision(Precision::Int8).load()?;
//! let options = GenerateOptions::default().with_max_new_tokens(12).with_seed(1);
//! for event in generator.generate("Habe nun, ach!", &options)? {
//!     match event? {
//!         Event::Text { text, .. } => print!("{text}"),
//!         Event::Finished(summary) => println!("\n{:?}, seed {}", summary.reason, summary.seed),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), wolfgang_generate::GenerateError>(())
//! ```
//!
//! [`WolfgangGenerator`] is an immutable model with its tokenizer, cheap to clone and shared by any
//! number of threads. These start from it:
//!
//! | to | use |
//! | --- | --- |
//! | generate a text | [`WolfgangGenerator::generate_text`] |
//! | stream a text, cancel it, add processors or stopping criteria | [`WolfgangGenerator::generate`], a [`Generation`] |
//! | generate several texts from one prompt | [`WolfgangGenerator::generate_n`] |
//! | run several prompts with shared forward passes | [`Batch`] |
//! | keep the KV cache between prompts that share a prefix | [`Session`] |
//! | chat | [`Conversation`] and [`Reply`] |
//! | serve concurrent callers, blocking or async | [`Engine`] |
//! | score a text, or compare continuations of a context | [`WolfgangGenerator::score`], [`WolfgangGenerator::score_continuations`] |
//!
//! A generation is an iterator of [`Event`]s: it computes only while it is advanced, and stops when
//! it is dropped. All of these types are `Send + 'static`.
//!
//! # Several users
//!
//! On the CPU, a model runs one forward pass at a time, so generations on several threads take
//! turns. An [`Engine`] runs the generations of concurrent callers in one batch instead: each
//! forward pass reads the weights once for all of them. Create one engine per program, clone it
//! into each thread or handler, and call [`Engine::submit`]. The example `axum_sse` is an HTTP
//! server.
//!
//! # Guarantees
//!
//! The same prompt, options and seed give the same ids. On the CPU this holds bit for bit, alone,
//! in a [`Batch`], a [`Session`] or an [`Engine`], and with any number of threads; on other
//! devices, logits are equal up to rounding. [`Summary::seed`] reports a seed that was chosen at
//! random.
//!
//! # Serialization
//!
//! With the feature `serde`, options, parameters and [`Message`] can be serialized and
//! deserialized: missing fields have their defaults, and unknown fields are an error. Events,
//! summaries, scores and explanations can be serialized; [`Timing`] and [`TokenLogprobs`] can be
//! deserialized, too. Names are in snake_case, durations are seconds, and the logarithm of 0 is
//! null.
//!
//! # Panics
//!
//! Panics in device drivers, kernels and file readers are caught and returned as errors. This
//! requires unwinding, the default of Cargo: with `panic = "abort"`, such a panic ends the process.
//!
//! # Cargo features
//!
//! - `flex` (default), `ndarray`, `wgpu`, `vulkan`, `metal`, `webgpu`, `cuda`, `tch`: the backends.
//!   `flex` is the CPU, with the kernels of `wolfgang-kernels`.
//! - `autotune`: GPU backends measure several kernels at each start and use the fastest.
//! - `hub`: download of models from the Hugging Face Hub, `hf:OWNER/NAME`.
//! - `serde`: `Serialize` for events, summaries and scores, and both directions for options,
//!   parameters and messages.

mod batch;
mod builder;
mod context_window;
mod conversation;
mod engine;
mod error;
mod explanation;
mod forward;
mod generation;
mod generator;
#[cfg(feature = "serde")]
mod logarithm;
mod logprobs;
mod model_files;
mod model_sampling;
mod opened_model;
mod options;
mod output_buffer;
mod prefix_cache;
mod prompt;
mod reply;
mod score;
#[cfg(feature = "serde")]
mod seconds;
mod sequence_cache;
mod session;
mod stop_strings;
mod stopping;
mod summary;
mod tokenizer_source;

pub use batch::Batch;
pub use builder::GeneratorBuilder;
pub use conversation::Conversation;
pub use engine::{Engine, EngineOptions, EngineStats, GenerationHandle, GenerationStream};
pub use error::GenerateError;
pub use explanation::{
    Candidate, CdfInterval, Change, Contender, DrawReport, Explanation, StepReport,
};
pub use generation::{Event, Generation};
pub use generator::WolfgangGenerator;
pub use logprobs::{Alternative, TokenLogprobs};
pub use model_files::{HUB_PREFIX, ModelFiles};
pub use opened_model::OpenedModel;
pub use options::{ContextOverflow, GenerateOptions, PromptTruncation};
pub use prompt::Prompt;
pub use reply::Reply;
pub use score::{ContinuationScore, Score, ScoreAlternative, ScoreOptions, ScoreWindows};
pub use session::Session;
pub use stopping::{CancelHandle, StoppingContext, StoppingCriterion};
pub use summary::{FinishReason, Summary, Timing};
pub use tokenizer_source::TokenizerSource;

pub use wolfgang_checkpoint::{Checkpoint, CheckpointError, GenerationConfig, Phase, Progress};
#[cfg(feature = "hub")]
pub use wolfgang_checkpoint::{Hub, HubClock, HubFiles, HubModel, HubUnavailable, SystemClock};
#[cfg(feature = "constrain")]
pub use wolfgang_constrain::{Grammar, GrammarCompiler, GrammarConstraint, GrammarError};
pub use wolfgang_model::{
    Backend, BackendStatus, Device, DeviceId, DeviceName, DeviceStatus, ModelConfig, ModelError,
    ModelOptions, Precision, WolfgangModel, devices,
};
pub use wolfgang_sampling::{
    Constraint, ConstraintError, ConstraintProgress, DryParams, DynamicTemperatureParams, History,
    LogitsProcessor, MirostatParams, PenaltyScope, RngKind, SamplingError, SamplingParams, Step,
    TokenMask, XtcParams,
};
pub use wolfgang_tokenize::{
    ChatTemplate, DecodeStream, Message, RenderedChat, Role, SpecialTokens, TextOffsets, Tokenizer,
    TokenizerError,
};
