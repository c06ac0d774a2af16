//! Text generation with Wolfgang-LM: the loop from a prompt to streamed text.
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
//! Generation is an iterator of [`Event`]s, pulled by whoever wants the text: it runs on the caller's thread, does
//! nothing between two calls, and ends when it is dropped. A callback would take all that from the caller and give
//! nothing back. [`WolfgangGenerator::generate_text`] is the fold of the same events.
//!
//! [`WolfgangGenerator`] is a handle that is cheap to clone. [`Generation`], [`Batch`],
//! [`Session`], [`Conversation`] and [`Reply`] hold a handle of their own: they borrow nothing, can
//! be stored and returned, and are `Send + 'static`:
//!
//! ```
//! # use wolfgang_generate::{GenerateOptions, WolfgangGenerator};
//! # let generator = WolfgangGenerator::builder("../../models/faust").load()?;
//! let options = GenerateOptions::default().with_max_new_tokens(12);
//! let generation = generator.generate("Habe nun, ach!", &options)?;
//! let worker = std::thread::spawn(move || generation.into_summary());
//! println!("{}", worker.join().expect("no panic")?.text);
//! # Ok::<(), wolfgang_generate::GenerateError>(())
//! ```
//!
//! # Serialization
//!
//! With the feature `serde`, options and parameters, with [`Message`], can be serialized and deserialized: what is left out
//! is the default, and an unknown field is an error. Events, summaries and explanations can be serialized, [`Timing`],
//! [`Score`] and [`TokenLogprobs`] deserialized, too. Names are in snake_case, durations are seconds, and the logarithm of 0
//! is null.
//!
//! # Panics
//!
//! Panics of device drivers, of kernels and of file readers become errors. That needs unwinding,
//! the default: in a program with `panic = "abort"` such a panic ends the process.

mod batch;
mod builder;
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
mod opened_model;
mod options;
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
mod transcript;

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

pub use wolfgang_checkpoint::{Checkpoint, CheckpointError, Phase, Progress};
#[cfg(feature = "hub")]
pub use wolfgang_checkpoint::{Hub, HubClock, HubFiles, HubModel, HubUnavailable, SystemClock};
pub use wolfgang_model::{
    Backend, BackendStatus, Device, DeviceId, DeviceName, DeviceStatus, ModelConfig, ModelError,
    ModelOptions, Precision, WolfgangModel, devices,
};
pub use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams, PenaltyScope,
    RngKind, SamplingError, SamplingParams, Step, XtcParams,
};
pub use wolfgang_tokenize::{
    DecodeStream, Message, Role, SpecialTokens, Tokenizer, TokenizerError,
};
