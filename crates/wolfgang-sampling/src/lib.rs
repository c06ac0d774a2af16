//! From logits to the next token id: penalties, temperature, filters, softmax and the draw.
//!
//! Pure arithmetic on slices. This crate knows no tensor, no text and no file: a model hands it one `f32` per
//! vocabulary entry and the ids so far, and gets one id back.
//!
//! ```
//! use wolfgang_sampling::{History, Sampler, SamplingParams};
//!
//! let params = SamplingParams::default().with_temperature(0.0);
//! let mut sampler = Sampler::new(&params, 4, 42)?;
//! let mut logits = [0.1, 0.40, 0.35, -1.0];
//! let id = sampler.sample(&mut logits, History::new(&[1], &[]))?;
//! assert_eq!(id, 2, "id 1 stands in the prompt and is penalised, so id 2 is the likeliest");
//! # Ok::<(), wolfgang_sampling::SamplingError>(())
//! ```
//!
//! # The order
//!
//! [`SamplingParams`] turns steps on; they are taken in this order, whichever are on. The original's four are in the
//! original's order; the others stand where llama.cpp has them, but that the temperature comes before the filters.
//!
//! | | step | parameters | what it does | greedy |
//! | --- | --- | --- | --- | --- |
//! | 1 | allowed tokens | `allowed_tokens` | rules out | yes |
//! | 2 | banned tokens | `banned_tokens` | rules out | yes |
//! | 3 | minimum of new tokens | `min_new_tokens`, `end_tokens` | rules out | yes |
//! | 4 | no-repeat n-gram | `no_repeat_ngram_size` | rules out | yes |
//! | 5 | logit bias | `logit_bias` | adds | yes |
//! | 6 | frequency and presence penalty | `frequency_penalty`, `presence_penalty` | subtracts | yes |
//! | 7 | DRY | `dry` | subtracts | yes |
//! | 8 | your own | [`Sampler::with_processor`] | anything | yes |
//! | 9 | temperature, dynamic or not | `temperature`, `dynamic_temperature` | divides | |
//! | 10 | repetition penalty | `repetition_penalty`, `repetition_window`, `penalty_scope` | divides or multiplies | yes |
//! | 11 | top-nσ | `top_n_sigma` | keeps the head | |
//! | 12 | top-k | `top_k` | keeps the head | |
//! | 13 | typical-p | `typical_p` | keeps the middle | |
//! | 14 | top-p | `top_p` | keeps the head | |
//! | 15 | min-p | `min_p` | keeps the head | |
//! | 16 | XTC | `xtc` | cuts the head off, by chance | |
//! | 17 | mirostat 2 | `mirostat` | keeps the head | |
//! | 18 | softmax | | | |
//! | 19 | the draw | `rng` | chooses | takes the likeliest |
//!
//! What measures a distribution (9 and 11 to 17) measures the one that the steps before it have left. Of equally likely
//! ids the one with the lower id goes first wherever one must.
//!
//! # Random numbers
//!
//! A seed is a text: with the same parameters, logits and ids, the same seed draws the same ids in every later release.
//! Two steps take numbers from the stream of a seed. XTC, if on, takes one; then the draw takes one of [`ChaChaRng`]
//! (the default), or of [`TorchRng`] one per vocabulary entry. So without XTC the latter's draws are exactly those of
//! PyTorch. A greedy sampler takes none.
//!
//! # Properties
//!
//! - **Nothing is allocated per step.** A [`Sampler`] owns all the room it needs from the start.
//! - **Logits and probabilities never share a name.** Processors see logits only; [`Sampler::probabilities`] is
//!   the one place where they become probabilities.
//! - **Steps are pure**: functions of the logits and the ids so far. Chance is an argument where it is needed, in XTC and
//!   in [`draw`], so that everything but the generators is testable without a seed. Mirostat alone remembers.
//! - **No filter rules out everything.** Rules can; that is [`SamplingError::AllTokensMasked`].

mod blocks;
mod chain;
mod distribution;
mod draw;
mod error;
mod history;
mod logits;
mod params;
mod processors;
mod rank;
mod repeats;
mod rng;
mod sampler;
mod step;
mod trace;

pub use draw::draw;
pub use error::SamplingError;
pub use history::{History, PenaltyScope};
pub use params::{DryParams, DynamicTemperatureParams, MirostatParams, SamplingParams, XtcParams};
pub use processors::LogitsProcessor;
pub use rng::{ChaChaRng, RngKind, TorchRng};
pub use sampler::Sampler;
pub use step::Step;
pub use trace::{Draw, StepSnapshot, Trace};
