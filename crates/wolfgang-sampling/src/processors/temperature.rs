//! Temperature: sharpens or flattens the distribution.

use super::LogitsProcessor;
use crate::History;

/// Divides every logit by the temperature.
#[derive(Clone, Debug)]
pub(crate) struct Temperature {
    temperature: f32,
}

impl Temperature {
    /// `temperature` must be a positive number.
    pub(crate) fn new(temperature: f32) -> Self {
        Self { temperature }
    }
}

impl LogitsProcessor for Temperature {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        for logit in logits {
            *logit /= self.temperature;
        }
    }
}
