//! Validation of the parameters that do not depend on the vocabulary.

#[cfg(test)]
mod tests;

use super::{MIN_TEMPERATURE, SamplingParams};
use crate::SamplingError;

/// Range of the repetition penalty; outside of it a logit can overflow.
const FACTORS: std::ops::RangeInclusive<f32> = 1e-6..=1e6;

/// Range of values that are added to a logit, so that no sum overflows.
const AMOUNTS: std::ops::RangeInclusive<f32> = -1e6..=1e6;

/// Maximum number of ids that a step searches, so that an invalid value cannot exhaust the memory.
const MAX_IDS: usize = 1 << 20;

impl SamplingParams {
    /// Validates all parameters, except token ids, which are checked when a
    /// [`Sampler`](crate::Sampler) is created.
    ///
    /// # Errors
    /// [`SamplingError::InvalidParam`] for the first invalid parameter.
    pub fn validate(&self) -> Result<(), SamplingError> {
        self.validate_temperature()?;
        self.validate_penalties()?;
        self.validate_filters()
    }

    fn validate_temperature(&self) -> Result<(), SamplingError> {
        let temperature = self.temperature;
        check(
            temperature == 0.0 || (temperature >= MIN_TEMPERATURE && temperature.is_finite()),
            "temperature",
            temperature,
            "it must be 0 (greedy) or at least 0.000001",
        )?;
        if let Some(dynamic) = &self.dynamic_temperature {
            let range = dynamic.range;
            check(
                range > 0.0 && range <= temperature && (temperature + range).is_finite(),
                "dynamic_temperature.range",
                range,
                "it must be above 0 and at most the temperature",
            )?;
            check(
                dynamic.exponent > 0.0 && dynamic.exponent.is_finite(),
                "dynamic_temperature.exponent",
                dynamic.exponent,
                "it must be a positive number",
            )?;
        }
        Ok(())
    }

    fn validate_penalties(&self) -> Result<(), SamplingError> {
        let penalty = self.repetition_penalty;
        check(
            FACTORS.contains(&penalty),
            "repetition_penalty",
            penalty,
            "it must be between 0.000001 and 1000000 (1 is off)",
        )?;
        for (name, amount) in [
            ("frequency_penalty", self.frequency_penalty),
            ("presence_penalty", self.presence_penalty),
        ] {
            check(
                AMOUNTS.contains(&amount),
                name,
                amount,
                "it must be between -1000000 and 1000000 (0 is off)",
            )?;
        }
        for &(_, bias) in &self.logit_bias {
            check(
                AMOUNTS.contains(&bias),
                "logit_bias",
                bias,
                "it must be between -1000000 and 1000000 (use banned_tokens to mask tokens)",
            )?;
        }
        if let Some(n) = self.no_repeat_ngram_size {
            check(
                (1..=MAX_IDS).contains(&n),
                "no_repeat_ngram_size",
                n,
                "it must be between 1 and 1048576",
            )?;
        }
        if let Some(dry) = &self.dry {
            check(
                (0.0..=1e6).contains(&dry.multiplier),
                "dry.multiplier",
                dry.multiplier,
                "it must be between 0 (off) and 1000000",
            )?;
            check(
                (1.0..=1e6).contains(&dry.base),
                "dry.base",
                dry.base,
                "it must be between 1 and 1000000",
            )?;
            check(
                dry.allowed_length > 0,
                "dry.allowed_length",
                dry.allowed_length,
                "it must be at least 1",
            )?;
            check(
                (1..=MAX_IDS).contains(&dry.window),
                "dry.window",
                dry.window,
                "it must be between 1 and 1048576",
            )?;
        }
        Ok(())
    }

    fn validate_filters(&self) -> Result<(), SamplingError> {
        if let Some(n) = self.top_n_sigma {
            check(
                n >= 0.0 && n.is_finite(),
                "top_n_sigma",
                n,
                "it must be a non-negative number",
            )?;
        }
        if let Some(k) = self.top_k {
            check(k > 0, "top_k", k, "it must be at least 1")?;
        }
        for (name, share) in [
            ("typical_p", self.typical_p),
            ("top_p", self.top_p),
            ("min_p", self.min_p),
        ] {
            check(
                share.is_none_or(|p| (0.0..=1.0).contains(&p)),
                name,
                share.unwrap_or_default(),
                "it must be between 0 and 1",
            )?;
        }
        if let Some(xtc) = &self.xtc {
            check(
                (0.0..=1.0).contains(&xtc.probability),
                "xtc.probability",
                xtc.probability,
                "it must be between 0 (off) and 1",
            )?;
            check(
                (0.0..=0.5).contains(&xtc.threshold),
                "xtc.threshold",
                xtc.threshold,
                "it must be between 0 and 0.5",
            )?;
        }
        if let Some(mirostat) = &self.mirostat {
            check(
                mirostat.tau > 0.0 && mirostat.tau <= 100.0,
                "mirostat.tau",
                mirostat.tau,
                "it must be above 0 and at most 100",
            )?;
            check(
                mirostat.eta > 0.0 && mirostat.eta <= 1.0,
                "mirostat.eta",
                mirostat.eta,
                "it must be above 0 and at most 1",
            )?;
        }
        Ok(())
    }
}

/// Returns [`SamplingError::InvalidParam`] unless `holds`.
pub(super) fn check(
    holds: bool,
    parameter: &'static str,
    value: impl ToString,
    rule: &'static str,
) -> Result<(), SamplingError> {
    if holds {
        Ok(())
    } else {
        Err(SamplingError::InvalidParam {
            parameter,
            value: value.to_string(),
            rule,
        })
    }
}
