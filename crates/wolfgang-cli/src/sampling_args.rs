//! Options for sampling.

mod params;
#[cfg(test)]
mod tests;

use crate::error::UsageError;
use crate::merge::options;
use crate::named;
use crate::preset::Preset;
use crate::whole_number::{self, WholeNumber};
use wolfgang_generate::{PenaltyScope, RngKind};

options! {
    #[command(next_help_heading = "Sampling")]
    pub(crate) struct SamplingArgs {
        /// Named set of sampling parameters; individual options override it
        #[arg(long, value_enum, env = "WOLFGANG_PRESET", hide_env_values = true)]
        pub(crate) preset: Option<Preset>,

        /// Temperature: below 1 more predictable, above 1 more random; 0 is greedy decoding
        /// [default: 0.6]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) temperature: Option<f32>,

        /// Keep the N most likely tokens; 0 or -1 disables it [default: 40]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) top_k: Option<WholeNumber>,

        /// Nucleus sampling: keep the most likely tokens up to cumulative probability F; 1 disables
        /// it [default: 0.9]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) top_p: Option<f32>,

        /// Keep the tokens with at least F times the probability of the most likely token [default:
        /// 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) min_p: Option<f32>,

        /// Locally typical sampling: keep the tokens whose surprisal is closest to the entropy, up
        /// to cumulative probability F [default: 1, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) typical_p: Option<f32>,

        /// Keep the tokens whose logit is within F standard deviations of the largest logit
        /// [default: -1, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) top_n_sigma: Option<f32>,

        /// Repetition penalty of recent tokens; above 1 makes them less likely, 1 disables it
        /// [default: 1.2]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) repetition_penalty: Option<f32>,

        /// Number of last tokens that the repetition penalty covers; -1 is all [default: 24]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) repetition_window: Option<WholeNumber>,

        /// Tokens that the repetition penalty covers [default: context]
        #[arg(long, value_parser = named::penalty_scope())]
        pub(crate) penalize: Option<PenaltyScope>,

        /// Subtract F from the logit of a token for each time it was generated [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) frequency_penalty: Option<f32>,

        /// Subtract F once from the logit of every token already generated [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) presence_penalty: Option<f32>,

        /// Never repeat a sequence of N tokens [default: 0, off]
        #[arg(long, value_name = "N", value_parser = whole_number::count, allow_negative_numbers = true)]
        #[serde(deserialize_with = "whole_number::read_count")]
        pub(crate) no_repeat_ngram: Option<usize>,

        /// DRY: penalty on continuing a repetition, which grows with its length [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dry_multiplier: Option<f32>,

        /// DRY: growth factor of the penalty per further repeated token [default: 1.75]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dry_base: Option<f32>,

        /// DRY: length of the shortest repetition that is penalised [default: 2]
        #[arg(long, value_name = "N", value_parser = whole_number::count, allow_negative_numbers = true)]
        #[serde(deserialize_with = "whole_number::read_count")]
        pub(crate) dry_allowed_length: Option<usize>,

        /// DRY: number of last tokens that are searched for repetitions; -1 is all [default: 4096]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) dry_window: Option<WholeNumber>,

        /// DRY: sequence breaker, a token that no repetition extends across; may be repeated
        #[arg(long = "dry-breaker", value_name = "ID|TOKEN")]
        pub(crate) dry_breaker: Vec<String>,

        /// XTC: probability of removing the top choices at a step, 0 to 1 [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) xtc_probability: Option<f32>,

        /// XTC: probability from which a token is a top choice; the least likely of them is kept
        /// [default: 0.1]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) xtc_threshold: Option<f32>,

        /// Mirostat 2: target surprisal, in bits per token [default: off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) mirostat_tau: Option<f32>,

        /// Mirostat 2: learning rate [default: 0.1]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) mirostat_eta: Option<f32>,

        /// Dynamic temperature: range around --temperature, by the entropy of the model [default:
        /// 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dynatemp_range: Option<f32>,

        /// Dynamic temperature: exponent of the normalised entropy [default: 1]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dynatemp_exponent: Option<f32>,

        /// Add F to the logit of a token; may be repeated
        #[arg(long, value_name = "ID|TOKEN=F")]
        pub(crate) logit_bias: Vec<String>,

        /// Sample only from the tokens given; may be repeated
        #[arg(long = "allow-token", value_name = "ID|TOKEN")]
        pub(crate) allow_token: Vec<String>,

        /// Never sample this token; may be repeated
        #[arg(long = "ban-token", value_name = "ID|TOKEN")]
        pub(crate) ban_token: Vec<String>,

        /// Random seed; the same seed gives the same text [default: -1, a new one]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) seed: Option<WholeNumber>,

        /// Random number generator; torch gives the texts of the Python original for its seeds
        /// [default: chacha]
        #[arg(long, value_parser = named::rng())]
        pub(crate) rng: Option<RngKind>,
    }
}

impl SamplingArgs {
    /// These options, and for those that neither they nor their preset sets the ones of `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        if self.preset.is_some() {
            // A preset replaces all options of the lower layer but those of the random numbers.
            let (seed, rng) = (lower.seed, lower.rng);
            return self.or(Self {
                seed,
                rng,
                ..Self::default()
            });
        }
        self.or(lower)
    }

    /// The seed; `None` for a random one.
    pub(crate) fn seed(&self) -> Option<u64> {
        self.seed.and_then(WholeNumber::number)
    }

    /// Returns an error for options that have no effect without another one that is missing.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        let dry = self.dry_multiplier.is_some();
        let needs = [
            (
                "--dry-base",
                self.dry_base.is_some(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--dry-allowed-length",
                self.dry_allowed_length.is_some(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--dry-window",
                self.dry_window.is_some(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--dry-breaker",
                !self.dry_breaker.is_empty(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--xtc-threshold",
                self.xtc_threshold.is_some(),
                "--xtc-probability",
                self.xtc_probability.is_some(),
            ),
            (
                "--mirostat-eta",
                self.mirostat_eta.is_some(),
                "--mirostat-tau",
                self.mirostat_tau.is_some(),
            ),
            (
                "--dynatemp-exponent",
                self.dynatemp_exponent.is_some(),
                "--dynatemp-range",
                self.dynatemp_range.is_some(),
            ),
        ];
        match needs.iter().find(|(_, given, _, met)| *given && !met) {
            Some((option, _, other, _)) => Err(UsageError(format!(
                "{option} has no effect without {other}"
            ))),
            None => Ok(()),
        }
    }
}
