//! Samples the next token id from logits: penalties, temperature, filters, softmax and the random
//! draw.
//!
//! The crate is arithmetic on slices, without tensors, text or files. Input is one `f32` per
//! vocabulary entry and the ids so far; output is one id.
//!
//! ```
//! use wolfgang_sampling::{History, Sampler, SamplingParams};
//!
//! let params = SamplingParams::default().with_temperature(0.0);
//! let mut sampler = Sampler::new(&params, 4, 42)?;
//! let mut logits = [0.1, 0.40, 0.35, -1.0];
//! let id = sampler.sample(&mut logits, History::new(&[1], &[]))?;
//! assert_eq!(id, 2, "id 1 is in the prompt and is penalised, so id 2 is the most likely");
//! # Ok::<(), wolfgang_sampling::SamplingError>(())
//! ```
//!
//! # The order
//!
//! [`SamplingParams`] enables steps. The enabled steps always run in the order of this table. The
//! four steps of the original Python implementation (temperature, repetition penalty, top-k, top-p)
//! have the order of the original. The other steps have the positions of llama.cpp, except that the
//! temperature comes before the filters. The last column shows whether a greedy sampler runs the
//! step.
//!
//! | | step | parameters | what it does | greedy |
//! | --- | --- | --- | --- | --- |
//! | 0 | constraint | [`Sampler::with_constraint`] | masks | yes |
//! | 1 | allowed tokens | `allowed_tokens` | masks | yes |
//! | 2 | banned tokens | `banned_tokens` | masks | yes |
//! | 3 | minimum of new tokens | `min_new_tokens`, `end_tokens` | masks | yes |
//! | 4 | no-repeat n-gram | `no_repeat_ngram_size` | masks | yes |
//! | 5 | logit bias | `logit_bias` | adds | yes |
//! | 6 | frequency and presence penalty | `frequency_penalty`, `presence_penalty` | subtracts | yes |
//! | 7 | DRY | `dry` | subtracts | yes |
//! | 8 | custom | [`Sampler::with_processor`] | anything | yes |
//! | 9 | temperature, dynamic or not | `temperature`, `dynamic_temperature` | divides | |
//! | 10 | repetition penalty | `repetition_penalty`, `repetition_window`, `penalty_scope` | divides or multiplies | yes |
//! | 11 | top-nσ | `top_n_sigma` | keeps the most likely | |
//! | 12 | top-k | `top_k` | keeps the most likely | |
//! | 13 | typical-p | `typical_p` | keeps the most typical | |
//! | 14 | top-p | `top_p` | keeps the most likely | |
//! | 15 | min-p | `min_p` | keeps the most likely | |
//! | 16 | XTC | `xtc` | masks the most likely, at random | |
//! | 17 | mirostat 2 | `mirostat` | keeps the most likely | |
//! | 18 | softmax | | | |
//! | 19 | draw | `rng` | samples | argmax |
//!
//! To mask an id is to set its logit to −∞. Steps that depend on the distribution (9 and 11 to 17)
//! use the distribution that results from the steps before them. Ties are broken in favour of the
//! lower id. The repetition penalty divides a logit z ≥ 0 and multiplies a logit z < 0 by the
//! penalty, once for each distinct id in the window.
//!
//! # Random numbers
//!
//! The sampled ids are a pure function of parameters, logits, ids and seed, stable across releases.
//! Two steps consume random numbers. XTC, if enabled, consumes one; then the draw consumes one of
//! [`ChaChaRng`] (the default) or one per vocabulary entry of [`TorchRng`]. Without XTC the draws
//! of [`TorchRng`] are exactly those of PyTorch. A greedy sampler consumes none.
//!
//! # Properties
//!
//! - **No allocation per step.** A [`Sampler`] allocates its buffers when it is created. A
//!   [`Constraint`] may allocate.
//! - **Processors work on logits.** Logits become probabilities once, after all steps:
//!   [`Sampler::probabilities`] computes them.
//! - **Steps are pure** functions of the logits and the ids so far. XTC and [`draw`] take their
//!   random number as an argument, so that everything except the generators can be tested without a
//!   seed. Only mirostat has state.
//! - **Filters (11 to 17) always keep at least one id.** Steps 0 to 4 can mask all ids, which is
//!   [`SamplingError::AllTokensMasked`], or with a constraint
//!   [`SamplingError::ConflictsWithConstraint`].

mod chain;
mod constraint;
mod distribution;
mod draw;
mod error;
mod history;
mod logits;
mod params;
mod processors;
mod rng;
mod sampler;
mod scan;
mod sort_key;
mod step;
mod suffix_matches;
mod trace;

pub use constraint::{Constraint, ConstraintProgress, TokenMask};
pub use draw::draw;
pub use error::{ConstraintError, SamplingError};
pub use history::{History, PenaltyScope};
pub use params::{DryParams, DynamicTemperatureParams, MirostatParams, SamplingParams, XtcParams};
pub use processors::LogitsProcessor;
pub use rng::{ChaChaRng, RngKind, TorchRng};
pub use sampler::Sampler;
pub use step::Step;
pub use trace::{Draw, StepSnapshot, Trace};
