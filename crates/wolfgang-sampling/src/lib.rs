//! From logits to the next token id: repetition penalty, temperature, top-k, top-p, softmax and the draw.
//!
//! Pure arithmetic on slices. This crate knows no tensor, no text and no file: a model hands it one `f32` per
//! vocabulary entry and the ids so far, and gets one id back.
//!
//! ```
//! use wolfgang_sampling::{History, Sampler, SamplingParams};
//!
//! let params = SamplingParams { temperature: 0.0, ..SamplingParams::default() };
//! let mut sampler = Sampler::new(&params, 4, 42)?;
//! let mut logits = [0.1, 0.40, 0.35, -1.0];
//! let id = sampler.sample(&mut logits, History { prompt: &[1], generated: &[] })?;
//! assert_eq!(id, 2, "id 1 stands in the prompt and is penalised, so id 2 is the likeliest");
//! # Ok::<(), wolfgang_sampling::SamplingError>(())
//! ```
//!
//! Three properties hold throughout:
//!
//! - **Nothing is allocated per step.** A [`Sampler`] owns all the room it needs from the start.
//! - **Logits and probabilities never share a name.** Processors see logits only; [`Sampler::probabilities`] is
//!   the one place where they become probabilities.
//! - **Randomness comes last and from one number**: [`draw`] is a pure function of the probabilities and one
//!   uniform variate, so everything but the generator is testable without a seed.

mod blocks;
mod draw;
mod error;
mod history;
mod params;
mod processors;
mod rng;
mod sampler;

pub use draw::draw;
pub use error::SamplingError;
pub use history::{History, PenaltyScope};
pub use params::SamplingParams;
pub use rng::{ChaChaRng, RngKind, TorchRng};
pub use sampler::Sampler;
