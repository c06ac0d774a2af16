//! Scaling of the rotary embedding, for contexts longer than those of the training.

use super::check_number;
use crate::ModelError;
use serde::{Deserialize, Serialize};

/// Scaling of the frequencies of the rotary embedding, as in the transformers library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum RopeScaling {
    /// All frequencies are divided by `factor`.
    Linear {
        /// The divisor, at least 1.
        factor: f64,
    },
    /// The scaling of Llama 3.1: low frequencies are divided by `factor`, high ones are kept, and
    /// those between are interpolated.
    Llama3 {
        /// The divisor, at least 1.
        factor: f64,
        /// Frequencies with fewer periods in the original context are divided.
        low_freq_factor: f64,
        /// Frequencies with more periods in the original context are kept. It must be greater than
        /// `low_freq_factor`.
        high_freq_factor: f64,
        /// Context length of the training, in tokens.
        original_max_position_embeddings: usize,
    },
}

impl RopeScaling {
    pub(super) fn validate(&self) -> Result<(), ModelError> {
        let check_factor = |factor| check_number("rope_scaling.factor", factor, 1.0..=1e6);
        match *self {
            Self::Linear { factor } => check_factor(factor),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => {
                check_factor(factor)?;
                check_number("rope_scaling.low_freq_factor", low_freq_factor, 1e-6..=1e6)?;
                check_number(
                    "rope_scaling.high_freq_factor",
                    high_freq_factor,
                    1e-6..=1e6,
                )?;
                if high_freq_factor <= low_freq_factor {
                    return Err(ModelError::InvalidConfigNumber {
                        field: "rope_scaling.high_freq_factor",
                        value: high_freq_factor.to_string(),
                        rule: format!(
                            "it must be greater than low_freq_factor ({low_freq_factor})"
                        ),
                    });
                }
                super::check(
                    (1..=1 << 24).contains(&original_max_position_embeddings),
                    "rope_scaling.original_max_position_embeddings",
                    original_max_position_embeddings,
                    || format!("it must be between 1 and {}", 1 << 24),
                )
            }
        }
    }
}
