//! Setters for method chains.
//!
//! Those of `Option` fields also accept the value: `.with_top_k(40)` and `.with_top_k(None)`.

use super::{DryParams, DynamicTemperatureParams, MirostatParams, SamplingParams, XtcParams};
use crate::{PenaltyScope, RngKind};

impl SamplingParams {
    /// Sets [`allowed_tokens`](Self::allowed_tokens).
    pub fn with_allowed_tokens(mut self, allowed_tokens: impl Into<Option<Vec<u32>>>) -> Self {
        self.allowed_tokens = allowed_tokens.into();
        self
    }

    /// Sets [`banned_tokens`](Self::banned_tokens).
    pub fn with_banned_tokens(mut self, banned_tokens: impl IntoIterator<Item = u32>) -> Self {
        self.banned_tokens = banned_tokens.into_iter().collect();
        self
    }

    /// Sets [`min_new_tokens`](Self::min_new_tokens).
    pub fn with_min_new_tokens(mut self, min_new_tokens: usize) -> Self {
        self.min_new_tokens = min_new_tokens;
        self
    }

    /// Sets [`end_tokens`](Self::end_tokens).
    pub fn with_end_tokens(mut self, end_tokens: impl IntoIterator<Item = u32>) -> Self {
        self.end_tokens = end_tokens.into_iter().collect();
        self
    }

    /// Sets [`no_repeat_ngram_size`](Self::no_repeat_ngram_size).
    pub fn with_no_repeat_ngram_size(
        mut self,
        no_repeat_ngram_size: impl Into<Option<usize>>,
    ) -> Self {
        self.no_repeat_ngram_size = no_repeat_ngram_size.into();
        self
    }

    /// Sets [`logit_bias`](Self::logit_bias).
    pub fn with_logit_bias(mut self, logit_bias: impl IntoIterator<Item = (u32, f32)>) -> Self {
        self.logit_bias = logit_bias.into_iter().collect();
        self
    }

    /// Sets [`frequency_penalty`](Self::frequency_penalty).
    pub fn with_frequency_penalty(mut self, frequency_penalty: f32) -> Self {
        self.frequency_penalty = frequency_penalty;
        self
    }

    /// Sets [`presence_penalty`](Self::presence_penalty).
    pub fn with_presence_penalty(mut self, presence_penalty: f32) -> Self {
        self.presence_penalty = presence_penalty;
        self
    }

    /// Sets [`dry`](Self::dry).
    pub fn with_dry(mut self, dry: impl Into<Option<DryParams>>) -> Self {
        self.dry = dry.into();
        self
    }

    /// Sets [`temperature`](Self::temperature).
    pub fn with_temperature(mut self, temperature: f32) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets [`dynamic_temperature`](Self::dynamic_temperature).
    pub fn with_dynamic_temperature(
        mut self,
        dynamic_temperature: impl Into<Option<DynamicTemperatureParams>>,
    ) -> Self {
        self.dynamic_temperature = dynamic_temperature.into();
        self
    }

    /// Sets [`repetition_penalty`](Self::repetition_penalty).
    pub fn with_repetition_penalty(mut self, repetition_penalty: f32) -> Self {
        self.repetition_penalty = repetition_penalty;
        self
    }

    /// Sets [`repetition_window`](Self::repetition_window).
    pub fn with_repetition_window(mut self, repetition_window: usize) -> Self {
        self.repetition_window = repetition_window;
        self
    }

    /// Sets [`penalty_scope`](Self::penalty_scope).
    pub fn with_penalty_scope(mut self, penalty_scope: PenaltyScope) -> Self {
        self.penalty_scope = penalty_scope;
        self
    }

    /// Sets [`top_n_sigma`](Self::top_n_sigma).
    pub fn with_top_n_sigma(mut self, top_n_sigma: impl Into<Option<f32>>) -> Self {
        self.top_n_sigma = top_n_sigma.into();
        self
    }

    /// Sets [`top_k`](Self::top_k).
    pub fn with_top_k(mut self, top_k: impl Into<Option<usize>>) -> Self {
        self.top_k = top_k.into();
        self
    }

    /// Sets [`typical_p`](Self::typical_p).
    pub fn with_typical_p(mut self, typical_p: impl Into<Option<f32>>) -> Self {
        self.typical_p = typical_p.into();
        self
    }

    /// Sets [`top_p`](Self::top_p).
    pub fn with_top_p(mut self, top_p: impl Into<Option<f32>>) -> Self {
        self.top_p = top_p.into();
        self
    }

    /// Sets [`min_p`](Self::min_p).
    pub fn with_min_p(mut self, min_p: impl Into<Option<f32>>) -> Self {
        self.min_p = min_p.into();
        self
    }

    /// Sets [`xtc`](Self::xtc).
    pub fn with_xtc(mut self, xtc: impl Into<Option<XtcParams>>) -> Self {
        self.xtc = xtc.into();
        self
    }

    /// Sets [`mirostat`](Self::mirostat).
    pub fn with_mirostat(mut self, mirostat: impl Into<Option<MirostatParams>>) -> Self {
        self.mirostat = mirostat.into();
        self
    }

    /// Sets [`rng`](Self::rng).
    pub fn with_rng(mut self, rng: RngKind) -> Self {
        self.rng = rng;
        self
    }
}

impl DryParams {
    /// Sets [`multiplier`](Self::multiplier).
    pub fn with_multiplier(mut self, multiplier: f32) -> Self {
        self.multiplier = multiplier;
        self
    }

    /// Sets [`base`](Self::base).
    pub fn with_base(mut self, base: f32) -> Self {
        self.base = base;
        self
    }

    /// Sets [`allowed_length`](Self::allowed_length).
    pub fn with_allowed_length(mut self, allowed_length: usize) -> Self {
        self.allowed_length = allowed_length;
        self
    }

    /// Sets [`window`](Self::window).
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// Sets [`sequence_breakers`](Self::sequence_breakers).
    pub fn with_sequence_breakers(
        mut self,
        sequence_breakers: impl IntoIterator<Item = u32>,
    ) -> Self {
        self.sequence_breakers = sequence_breakers.into_iter().collect();
        self
    }
}

impl DynamicTemperatureParams {
    /// Sets [`range`](Self::range).
    pub fn with_range(mut self, range: f32) -> Self {
        self.range = range;
        self
    }

    /// Sets [`exponent`](Self::exponent).
    pub fn with_exponent(mut self, exponent: f32) -> Self {
        self.exponent = exponent;
        self
    }
}

impl XtcParams {
    /// Sets [`probability`](Self::probability).
    pub fn with_probability(mut self, probability: f32) -> Self {
        self.probability = probability;
        self
    }

    /// Sets [`threshold`](Self::threshold).
    pub fn with_threshold(mut self, threshold: f32) -> Self {
        self.threshold = threshold;
        self
    }
}

impl MirostatParams {
    /// Sets [`tau`](Self::tau).
    pub fn with_tau(mut self, tau: f32) -> Self {
        self.tau = tau;
        self
    }

    /// Sets [`eta`](Self::eta).
    pub fn with_eta(mut self, eta: f32) -> Self {
        self.eta = eta;
        self
    }
}
