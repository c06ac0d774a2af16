//! Validation of the parameters that do not depend on the vocabulary.

use super::{MIN_TEMPERATURE, SamplingParams};
use crate::SamplingError;

/// Bounds for the repetition penalty; beyond them a logit can overflow.
const FACTORS: std::ops::RangeInclusive<f32> = 1e-6..=1e6;

/// Bounds for what is added to a logit, so that no sum overflows.
const AMOUNTS: std::ops::RangeInclusive<f32> = -1e6..=1e6;

/// The longest stretch of ids that a step keeps account of; keeps a wrong number from taking all memory.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DryParams, DynamicTemperatureParams, MirostatParams, XtcParams};

    /// A parameter, the value it is given, and how it is given.
    type Case = (&'static str, &'static str, fn(&mut SamplingParams));

    fn dynamic(range: f32, exponent: f32) -> Option<DynamicTemperatureParams> {
        Some(DynamicTemperatureParams { range, exponent })
    }

    fn dry(change: fn(&mut DryParams)) -> Option<DryParams> {
        let mut dry = DryParams::default();
        change(&mut dry);
        Some(dry)
    }

    fn xtc(probability: f32, threshold: f32) -> Option<XtcParams> {
        Some(XtcParams {
            probability,
            threshold,
        })
    }

    fn mirostat(tau: f32, eta: f32) -> Option<MirostatParams> {
        Some(MirostatParams { tau, eta })
    }

    const IMPOSSIBLE: &[Case] = &[
        ("temperature", "-1", |p| p.temperature = -1.0),
        ("temperature", "NaN", |p| p.temperature = f32::NAN),
        ("temperature", "inf", |p| p.temperature = f32::INFINITY),
        ("temperature", "0.0000001", |p| p.temperature = 1e-7),
        ("dynamic_temperature.range", "0", |p| {
            p.dynamic_temperature = dynamic(0.0, 1.0);
        }),
        ("dynamic_temperature.range", "0.7", |p| {
            p.dynamic_temperature = dynamic(0.7, 1.0);
        }),
        ("dynamic_temperature.range", "0.1", |p| {
            (p.temperature, p.dynamic_temperature) = (0.0, dynamic(0.1, 1.0));
        }),
        ("dynamic_temperature.range", "NaN", |p| {
            p.dynamic_temperature = dynamic(f32::NAN, 1.0);
        }),
        ("dynamic_temperature.exponent", "0", |p| {
            p.dynamic_temperature = dynamic(0.5, 0.0);
        }),
        ("dynamic_temperature.exponent", "inf", |p| {
            p.dynamic_temperature = dynamic(0.5, f32::INFINITY);
        }),
        ("repetition_penalty", "0", |p| p.repetition_penalty = 0.0),
        ("repetition_penalty", "NaN", |p| {
            p.repetition_penalty = f32::NAN;
        }),
        ("frequency_penalty", "NaN", |p| {
            p.frequency_penalty = f32::NAN;
        }),
        ("frequency_penalty", "-2000000", |p| {
            p.frequency_penalty = -2e6;
        }),
        ("presence_penalty", "inf", |p| {
            p.presence_penalty = f32::INFINITY;
        }),
        ("logit_bias", "-inf", |p| {
            p.logit_bias = vec![(1, 2.0), (2, f32::NEG_INFINITY)];
        }),
        ("logit_bias", "NaN", |p| p.logit_bias = vec![(1, f32::NAN)]),
        ("no_repeat_ngram_size", "0", |p| {
            p.no_repeat_ngram_size = Some(0);
        }),
        ("no_repeat_ngram_size", "1048577", |p| {
            p.no_repeat_ngram_size = Some((1 << 20) + 1);
        }),
        ("dry.multiplier", "-1", |p| {
            p.dry = dry(|d| d.multiplier = -1.0);
        }),
        ("dry.multiplier", "NaN", |p| {
            p.dry = dry(|d| d.multiplier = f32::NAN);
        }),
        ("dry.base", "0.5", |p| p.dry = dry(|d| d.base = 0.5)),
        ("dry.base", "inf", |p| {
            p.dry = dry(|d| d.base = f32::INFINITY);
        }),
        ("dry.allowed_length", "0", |p| {
            p.dry = dry(|d| d.allowed_length = 0);
        }),
        ("dry.window", "0", |p| p.dry = dry(|d| d.window = 0)),
        ("dry.window", "18446744073709551615", |p| {
            p.dry = dry(|d| d.window = usize::MAX);
        }),
        ("top_n_sigma", "-1", |p| p.top_n_sigma = Some(-1.0)),
        ("top_n_sigma", "NaN", |p| p.top_n_sigma = Some(f32::NAN)),
        ("top_k", "0", |p| p.top_k = Some(0)),
        ("typical_p", "1.5", |p| p.typical_p = Some(1.5)),
        ("typical_p", "NaN", |p| p.typical_p = Some(f32::NAN)),
        ("top_p", "2", |p| p.top_p = Some(2.0)),
        ("top_p", "-0.1", |p| p.top_p = Some(-0.1)),
        ("top_p", "NaN", |p| p.top_p = Some(f32::NAN)),
        ("min_p", "-0.1", |p| p.min_p = Some(-0.1)),
        ("min_p", "NaN", |p| p.min_p = Some(f32::NAN)),
        ("xtc.probability", "1.5", |p| p.xtc = xtc(1.5, 0.1)),
        ("xtc.probability", "NaN", |p| p.xtc = xtc(f32::NAN, 0.1)),
        ("xtc.threshold", "0.6", |p| p.xtc = xtc(0.5, 0.6)),
        ("xtc.threshold", "-0.1", |p| p.xtc = xtc(0.5, -0.1)),
        ("mirostat.tau", "0", |p| p.mirostat = mirostat(0.0, 0.1)),
        ("mirostat.tau", "101", |p| p.mirostat = mirostat(101.0, 0.1)),
        ("mirostat.tau", "NaN", |p| {
            p.mirostat = mirostat(f32::NAN, 0.1);
        }),
        ("mirostat.eta", "0", |p| p.mirostat = mirostat(5.0, 0.0)),
        ("mirostat.eta", "2", |p| p.mirostat = mirostat(5.0, 2.0)),
    ];

    #[test]
    fn impossible_values_are_named_with_their_rule() {
        for (name, shown, change) in IMPOSSIBLE {
            let mut params = SamplingParams::default();
            change(&mut params);
            match params.validate() {
                Err(SamplingError::InvalidParam {
                    parameter, value, ..
                }) => {
                    assert_eq!((parameter, value.as_str()), (*name, *shown));
                }
                other => panic!("{name} = {shown}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_ends_of_the_ranges_are_possible() {
        let ends = SamplingParams {
            no_repeat_ngram_size: Some(1),
            logit_bias: vec![(0, -1e6), (1, 1e6)],
            frequency_penalty: -1e6,
            presence_penalty: 1e6,
            dry: Some(DryParams {
                multiplier: 0.0,
                base: 1.0,
                allowed_length: usize::MAX,
                window: 1,
                sequence_breakers: Vec::new(),
            }),
            dynamic_temperature: dynamic(0.6, 1e-3),
            top_n_sigma: Some(0.0),
            typical_p: Some(0.0),
            min_p: Some(1.0),
            xtc: xtc(1.0, 0.5),
            mirostat: mirostat(100.0, 1.0),
            ..SamplingParams::default()
        };
        assert_eq!(ends.validate(), Ok(()));
        assert_eq!(SamplingParams::default().validate(), Ok(()));
    }
}
