//! The parameters of the sampling chain.

use crate::{PenaltyScope, RngKind, SamplingError};

/// How the next id is chosen. The defaults are the original's.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// Divides the logits: below 1 sharpens the distribution, above 1 flattens it, 0 always takes the likeliest id
    /// (greedy). Default 0.6.
    pub temperature: f32,
    /// Keeps the `k` likeliest ids and those that tie with the last of them. `None` keeps all. Default 40.
    pub top_k: Option<usize>,
    /// Keeps the smallest head of the distribution whose mass exceeds `p`, never less than one id. `None` and 1
    /// keep all. Default 0.9.
    pub top_p: Option<f32>,
    /// Makes each id of the window less likely (above 1) or more likely (below 1); 1 is off. Default 1.2.
    pub repetition_penalty: f32,
    /// How many of the last ids are penalised, each distinct id once; 0 is off. Default 24.
    pub repetition_window: usize,
    /// Whether that window reaches back into the prompt. Default [`PenaltyScope::Context`].
    pub penalize: PenaltyScope,
    /// Which random numbers a seed stands for. Default [`RngKind::ChaCha`].
    pub rng: RngKind,
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 0.6,
            top_k: Some(40),
            top_p: Some(0.9),
            repetition_penalty: 1.2,
            repetition_window: 24,
            penalize: PenaltyScope::Context,
            rng: RngKind::ChaCha,
        }
    }
}

/// Bounds for the penalty; beyond them a logit can overflow.
const PENALTIES: std::ops::RangeInclusive<f32> = 1e-6..=1e6;

/// The smallest temperature besides 0. Below it dividing a logit can overflow, and long before it the draw has
/// become greedy anyway.
const MIN_TEMPERATURE: f32 = 1e-6;

impl SamplingParams {
    /// Whether the likeliest id is always taken, without chance.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// Checks that every parameter means something.
    ///
    /// # Errors
    /// [`SamplingError::InvalidParam`] for the first that does not.
    pub fn validate(&self) -> Result<(), SamplingError> {
        let temperature = self.temperature;
        check(
            temperature == 0.0 || (temperature >= MIN_TEMPERATURE && temperature.is_finite()),
            "temperature",
            temperature,
            "it must be 0 (greedy) or a number from 0.000001 up",
        )?;
        if let Some(k) = self.top_k {
            check(k > 0, "top_k", k, "it must keep at least 1 id")?;
        }
        if let Some(p) = self.top_p {
            check(
                (0.0..=1.0).contains(&p),
                "top_p",
                p,
                "it must lie between 0 and 1",
            )?;
        }
        let penalty = self.repetition_penalty;
        check(
            PENALTIES.contains(&penalty),
            "repetition_penalty",
            penalty,
            "it must lie between 0.000001 and 1000000 (1 is off)",
        )
    }
}

fn check(
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

    #[test]
    fn impossible_values_are_named_with_their_rule() {
        let ok = SamplingParams::default;
        let cases = [
            (
                "temperature",
                "-1",
                SamplingParams {
                    temperature: -1.0,
                    ..ok()
                },
            ),
            (
                "temperature",
                "NaN",
                SamplingParams {
                    temperature: f32::NAN,
                    ..ok()
                },
            ),
            (
                "temperature",
                "inf",
                SamplingParams {
                    temperature: f32::INFINITY,
                    ..ok()
                },
            ),
            (
                "top_k",
                "0",
                SamplingParams {
                    top_k: Some(0),
                    ..ok()
                },
            ),
            (
                "top_p",
                "2",
                SamplingParams {
                    top_p: Some(2.0),
                    ..ok()
                },
            ),
            (
                "top_p",
                "-0.1",
                SamplingParams {
                    top_p: Some(-0.1),
                    ..ok()
                },
            ),
            (
                "top_p",
                "NaN",
                SamplingParams {
                    top_p: Some(f32::NAN),
                    ..ok()
                },
            ),
            (
                "repetition_penalty",
                "0",
                SamplingParams {
                    repetition_penalty: 0.0,
                    ..ok()
                },
            ),
            (
                "repetition_penalty",
                "NaN",
                SamplingParams {
                    repetition_penalty: f32::NAN,
                    ..ok()
                },
            ),
        ];
        for (name, shown, params) in cases {
            match params.validate() {
                Err(SamplingError::InvalidParam {
                    parameter, value, ..
                }) => {
                    assert_eq!((parameter, value.as_str()), (name, shown));
                }
                other => panic!("{name} = {shown}: {other:?}"),
            }
        }
        assert_eq!(ok().validate(), Ok(()));
    }
}
