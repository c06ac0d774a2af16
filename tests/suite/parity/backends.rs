//! The cases that every backend must pass. `cargo xtask test-backends` builds and runs them.

use crate::fixtures::repository;
use crate::generation::batch;
use crate::parity::{greedy, llama_family, logits};
use std::sync::LazyLock;
use wolfgang_generate::{Device, DeviceName, WolfgangGenerator};

/// A device under test.
pub(crate) struct Target {
    pub(crate) device: Device,
    /// The shipped model on it.
    pub(crate) faust: WolfgangGenerator,
    /// How far logits may be from the original's, as a share of the largest of them.
    pub(crate) tolerance: f32,
    /// How many tokens of the golden runs it generates.
    pub(crate) new_tokens: usize,
}

impl Target {
    fn open(device: &str, tolerance: f32, new_tokens: usize) -> Self {
        let device = device.parse::<DeviceName>().unwrap().open();
        let device =
            device.unwrap_or_else(|error| panic!("{error}; `wolfgang devices` tells more"));
        Self {
            faust: WolfgangGenerator::from_path(repository("models/faust"), &device).unwrap(),
            device,
            tolerance,
            new_tokens,
        }
    }
}

/// f32 on a CPU, where sums differ from the original's in their order only.
const CPU: f32 = 1e-4;

/// f32 on a GPU, whose exponential function and division are less exact.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
const GPU: f32 = 1e-3;

/// As many tokens of the golden runs as a case generates, far past the block size.
const WHOLE_RUNS: usize = usize::MAX;

/// Has a backend pass each of the cases.
macro_rules! cases {
    ($backend:ident, $tolerance:expr, $new_tokens:expr, $($file:ident::$case:ident,)*) => {
        mod $backend {
            use super::*;

            static TARGET: LazyLock<Target> =
                LazyLock::new(|| Target::open(stringify!($backend), $tolerance, $new_tokens));

            $(#[test]
            fn $case() {
                $file::$case(&TARGET);
            })*
        }
    };
}

macro_rules! every_case {
    ($backend:ident, $tolerance:expr, $new_tokens:expr) => {
        cases! {
            $backend, $tolerance, $new_tokens,
            logits::tiny_models_have_the_originals_logits,
            logits::the_faust_model_has_the_originals_logits_and_log_probabilities,
            logits::chunking_the_trained_model_changes_logits_only_by_rounding,
            logits::a_truncated_cache_gives_the_logits_of_a_new_one,
            logits::reduced_precisions_are_close_to_the_original_or_refused,
            greedy::the_generator_continues_as_the_original,
            greedy::a_full_context_slides_on_as_the_original,
            llama_family::the_llama_family_has_the_logits_and_ids_of_transformers,
            batch::batches_and_sessions_change_results_only_by_rounding,
        }
    };
}

every_case!(flex, CPU, WHOLE_RUNS);
// It repacks the weight for every product: minutes for whole runs.
#[cfg(feature = "ndarray")]
every_case!(ndarray, CPU, 100);
// On a software GPU a token takes a tenth of a second.
#[cfg(feature = "wgpu")]
every_case!(wgpu, GPU, 40);
#[cfg(feature = "tch")]
every_case!(tch, CPU, WHOLE_RUNS);
#[cfg(feature = "cuda")]
every_case!(cuda, GPU, WHOLE_RUNS);
