//! Dynamic temperature: a temperature that grows with the entropy of the distribution.

use super::{LogitsProcessor, Temperature};
use crate::distribution::Distribution;
use crate::params::MIN_TEMPERATURE;
use crate::{DynamicTemperatureParams, History};

/// Divides every logit by the temperature that [`DynamicTemperatureParams`] describes.
#[derive(Clone, Debug)]
pub(crate) struct DynamicTemperature {
    low: f64,
    high: f64,
    exponent: f64,
}

impl DynamicTemperature {
    /// `params` must be valid.
    pub(crate) fn new(temperature: f32, params: &DynamicTemperatureParams) -> Self {
        Self {
            low: f64::from(temperature - params.range),
            high: f64::from(temperature + params.range),
            exponent: f64::from(params.exponent),
        }
    }

    /// The temperature for an entropy given as a share, from 0 to 1, of the largest possible one.
    fn at(&self, share: f64) -> f32 {
        let temperature = self.low + (self.high - self.low) * share.powf(self.exponent);
        (temperature as f32).max(MIN_TEMPERATURE)
    }
}

impl LogitsProcessor for DynamicTemperature {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        let Some(distribution) = Distribution::of(logits).filter(|d| d.possible() > 1) else {
            return;
        };
        let share = distribution.entropy() / (distribution.possible() as f64).ln();
        Temperature::new(self.at(share.clamp(0.0, 1.0))).process(logits, history);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    fn dynamic(exponent: f32) -> DynamicTemperature {
        let params = DynamicTemperatureParams {
            range: 0.5,
            exponent,
        };
        DynamicTemperature::new(1.0, &params)
    }

    #[test]
    fn the_temperature_follows_the_entropy() {
        // Two of four ids are equally likely, the others impossible: half of the largest entropy.
        let half = [8.0, 8.0, -500.0, -500.0];
        for (exponent, share) in [(1.0, 0.5f32), (2.0, 0.25), (0.5, 0.5f32.sqrt())] {
            let mut logits = half;
            dynamic(exponent).process(&mut logits, EMPTY);
            let temperature = 0.5 + share;
            assert!(
                (logits[0] - 8.0 / temperature).abs() < 1e-5,
                "{exponent}: {logits:?}"
            );
        }
    }

    #[test]
    fn the_temperature_stays_in_its_range() {
        let mut equal = [3.0; 5];
        dynamic(1.0).process(&mut equal, EMPTY);
        assert_eq!(equal, [2.0; 5]);
        let mut certain = [3.0, -900.0, f32::NEG_INFINITY];
        dynamic(1.0).process(&mut certain, EMPTY);
        assert_eq!(certain, [6.0, -1800.0, f32::NEG_INFINITY]);
    }

    #[test]
    fn a_temperature_of_zero_gives_finite_logits() {
        let params = DynamicTemperatureParams {
            range: 1.0,
            exponent: 1.0,
        };
        let mut logits = [3.0, -900.0];
        DynamicTemperature::new(1.0, &params).process(&mut logits, EMPTY);
        assert_eq!(logits, [3.0 / MIN_TEMPERATURE, -900.0 / MIN_TEMPERATURE]);
    }

    #[test]
    fn a_single_possible_id_is_unchanged() {
        let mut logits = [f32::NEG_INFINITY, 3.0];
        dynamic(1.0).process(&mut logits, EMPTY);
        assert_eq!(logits, [f32::NEG_INFINITY, 3.0]);
    }
}
