//! From options to the parameters of the library.

use super::SamplingArgs;
use crate::error::UsageError;
use crate::token_names::{logit_bias, token_ids};
use crate::whole_number::WholeNumber;
use wolfgang_generate::{
    DryParams, DynamicTemperatureParams, MirostatParams, SamplingParams, Tokenizer, XtcParams,
};

/// The largest window of DRY, more tokens than any context has.
pub(super) const ALL_TOKENS: usize = 1 << 20;

impl SamplingArgs {
    /// The parameters, without those that contain token ids. `recommended` are those of the model,
    /// for the preset that takes them.
    pub(crate) fn params(&self, recommended: Option<&SamplingParams>) -> SamplingParams {
        self.params_over(SamplingParams::default(), recommended)
    }

    /// As [`params`](Self::params). `default` are those without a preset.
    pub(crate) fn params_over(
        &self,
        default: SamplingParams,
        recommended: Option<&SamplingParams>,
    ) -> SamplingParams {
        let base = match self.preset {
            Some(preset) => preset.sampling(recommended),
            None => default,
        };
        let mut params = base.clone();
        params.no_repeat_ngram_size = unless(self.no_repeat_ngram, 0, base.no_repeat_ngram_size);
        params.frequency_penalty = self.frequency_penalty.unwrap_or(base.frequency_penalty);
        params.presence_penalty = self.presence_penalty.unwrap_or(base.presence_penalty);
        params.dry = self.dry();
        params.temperature = self.temperature.unwrap_or(base.temperature);
        params.dynamic_temperature = self.dynamic_temperature();
        params.repetition_penalty = self.repetition_penalty.unwrap_or(base.repetition_penalty);
        params.repetition_window = self
            .repetition_window
            .map_or(base.repetition_window, WholeNumber::tokens);
        params.penalty_scope = self.penalize.unwrap_or(base.penalty_scope);
        params.top_n_sigma = unless(self.top_n_sigma, -1.0, base.top_n_sigma);
        params.top_k = match self.top_k {
            Some(WholeNumber::Number(0) | WholeNumber::MinusOne) => None,
            Some(k) => Some(k.tokens()),
            None => base.top_k,
        };
        params.typical_p = unless(self.typical_p, 1.0, base.typical_p);
        params.top_p = unless(self.top_p, 1.0, base.top_p);
        params.min_p = unless(self.min_p, 0.0, base.min_p);
        params.xtc = self.xtc();
        params.mirostat = self.mirostat();
        params.rng = self.rng.unwrap_or(base.rng);
        params
    }

    /// The parameters with those that contain token ids.
    pub(crate) fn params_for(
        &self,
        recommended: Option<&SamplingParams>,
        tokenizer: &Tokenizer,
        min_new_tokens: usize,
    ) -> Result<SamplingParams, UsageError> {
        self.with_ids(self.params(recommended), tokenizer, min_new_tokens)
    }

    /// Adds the parameters that contain token ids.
    pub(crate) fn with_ids(
        &self,
        mut params: SamplingParams,
        tokenizer: &Tokenizer,
        min_new_tokens: usize,
    ) -> Result<SamplingParams, UsageError> {
        let ids = |option, tokens: &[String]| token_ids(option, tokens, tokenizer);
        if !self.allow_token.is_empty() {
            params.allowed_tokens = Some(ids("--allow-token", &self.allow_token)?);
        }
        params.banned_tokens = ids("--ban-token", &self.ban_token)?;
        let biases = self.logit_bias.iter();
        let biases = biases.map(|bias| logit_bias(bias, tokenizer));
        params.logit_bias = biases.collect::<Result<_, _>>()?;
        if let Some(dry) = &mut params.dry {
            dry.sequence_breakers = ids("--dry-breaker", &self.dry_breaker)?;
        }
        params.min_new_tokens = min_new_tokens;
        Ok(params)
    }

    /// Off unless its multiplier is given.
    fn dry(&self) -> Option<DryParams> {
        let default = DryParams::default();
        let multiplier = self.dry_multiplier?;
        let base = self.dry_base.unwrap_or(default.base);
        let allowed_length = self.dry_allowed_length.unwrap_or(default.allowed_length);
        let window = match self.dry_window {
            Some(WholeNumber::MinusOne) => ALL_TOKENS,
            Some(window) => window.tokens(),
            None => default.window,
        };
        let dry = default.with_multiplier(multiplier).with_base(base);
        Some(dry.with_allowed_length(allowed_length).with_window(window))
    }

    /// Off unless its range is given.
    fn dynamic_temperature(&self) -> Option<DynamicTemperatureParams> {
        let range = unless(self.dynatemp_range, 0.0, None)?;
        let exponent = self.dynatemp_exponent.unwrap_or(1.0);
        Some(DynamicTemperatureParams::new(range).with_exponent(exponent))
    }

    /// Off unless its probability is given.
    fn xtc(&self) -> Option<XtcParams> {
        let default = XtcParams::default();
        let probability = self.xtc_probability?;
        let threshold = self.xtc_threshold.unwrap_or(default.threshold);
        Some(
            default
                .with_probability(probability)
                .with_threshold(threshold),
        )
    }

    /// Off unless its target is given.
    fn mirostat(&self) -> Option<MirostatParams> {
        let default = MirostatParams::default();
        let tau = self.mirostat_tau?;
        let eta = self.mirostat_eta.unwrap_or(default.eta);
        Some(default.with_tau(tau).with_eta(eta))
    }
}

/// The value given, or `None` if it is the one for "off"; without a value, that of the preset.
fn unless<T: PartialEq>(given: Option<T>, off: T, preset: Option<T>) -> Option<T> {
    match given {
        Some(value) if value == off => None,
        Some(value) => Some(value),
        None => preset,
    }
}
