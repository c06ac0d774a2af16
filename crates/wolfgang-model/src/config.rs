//! The configuration of a model and the shapes of its parameters.

mod setters;

use crate::ModelError;
use serde::{Deserialize, Serialize};

/// Hyperparameters of a model, with the names and defaults of the original (75M parameters).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelConfig {
    /// Context length in tokens. Default: 512.
    pub block_size: usize,
    /// Size of the vocabulary. Default: 32768.
    pub vocab_size: usize,
    /// Number of layers. Default: 12.
    pub n_layer: usize,
    /// Number of query heads. Default: 10.
    pub n_head: usize,
    /// Number of key and value heads, each shared by `n_head / n_kv_head` query heads. Default: 5.
    pub n_kv_head: usize,
    /// Width of the hidden states. Default: 640.
    pub n_embd: usize,
    /// Dropout probability; read and kept, but unused in inference. Default: 0.
    pub dropout: f64,
    /// Read and kept, but unused: linear layers never have a bias. Default: `false`.
    pub bias: bool,
    /// The width of the feed-forward layers is rounded up to a multiple of this. Default: 32.
    pub multiple_of: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            block_size: 512,
            vocab_size: 32768,
            n_layer: 12,
            n_head: 10,
            n_kv_head: 5,
            n_embd: 640,
            dropout: 0.0,
            bias: false,
            multiple_of: 32,
        }
    }
}

/// Maximum number of elements of the KV cache: 2 GB in f32, about a hundred times that of the
/// default configuration.
const MAX_CACHE: u64 = 1 << 29;

/// Name and shape of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Name in the checkpoint, for example `layers.0.attention.wq.weight`.
    pub name: String,
    /// Shape in the checkpoint; `[out, in]` for linear layers.
    pub shape: Vec<usize>,
}

impl Parameter {
    /// Creates a parameter of this name and shape.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Self {
            name: name.into(),
            shape: shape.into(),
        }
    }

    /// Returns the number of elements.
    pub(crate) fn n_weights(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the number of rows of a matrix; 1 for a vector.
    pub fn rows(&self) -> usize {
        match self.shape[..] {
            [rows, _] => rows,
            _ => 1,
        }
    }

    /// Returns the length of a row.
    pub fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }
}

impl ModelConfig {
    /// The epsilon of RMSNorm, which is the same for all models.
    pub const RMS_NORM_EPS: f64 = 1e-6;

    /// The base of the frequencies of the rotary embedding, which is the same for all models.
    pub const ROPE_THETA: f64 = 10000.0;

    /// Returns the width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.n_embd.checked_div(self.n_head).unwrap_or(0)
    }

    /// Returns the width of the keys, and of the values, of one position.
    pub fn kv_dim(&self) -> usize {
        self.n_kv_head.saturating_mul(self.head_dim())
    }

    /// Returns the width of the feed-forward layers: ⌊2·4·n_embd/3⌋, rounded up to a multiple of
    /// `multiple_of`.
    pub fn hidden_dim(&self) -> usize {
        let exact = self.n_embd.saturating_mul(8) / 3;
        exact
            .checked_next_multiple_of(self.multiple_of)
            .unwrap_or(0)
    }

    /// Validates the configuration. Results of the other methods are unspecified if this fails.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] for the first invalid field. The upper limits are far above
    /// any real model; they prevent a corrupt file from allocating terabytes.
    pub fn validate(&self) -> Result<(), ModelError> {
        let limits = [
            ("block_size", self.block_size, 1 << 16),
            ("vocab_size", self.vocab_size, 1 << 24),
            ("n_layer", self.n_layer, 1 << 10),
            ("n_head", self.n_head, 1 << 10),
            ("n_kv_head", self.n_kv_head, 1 << 10),
            ("n_embd", self.n_embd, 1 << 16),
            ("multiple_of", self.multiple_of, 1 << 16),
        ];
        for (field, value, max) in limits {
            check((1..=max).contains(&value), field, value, || {
                format!("it must be between 1 and {max}")
            })?;
        }
        check(
            self.n_embd.is_multiple_of(self.n_head),
            "n_head",
            self.n_head,
            || format!("it must divide n_embd ({})", self.n_embd),
        )?;
        check(
            self.n_head.is_multiple_of(self.n_kv_head),
            "n_kv_head",
            self.n_kv_head,
            || format!("it must divide n_head ({})", self.n_head),
        )?;
        // Within these limits the products below do not overflow. No tensor of a checkpoint has the
        // size of the cache, so it is limited here.
        let sizes = [2, self.n_layer, self.block_size, self.kv_dim()];
        let cache: u64 = sizes.into_iter().map(|size| size as u64).product();
        check(cache <= MAX_CACHE, "block_size", self.block_size, || {
            format!(
                "the KV cache would hold {cache} numbers, but at most {MAX_CACHE} are supported"
            )
        })?;
        check(
            self.head_dim().is_multiple_of(2),
            "n_embd",
            self.n_embd,
            || {
                format!(
                    "n_embd / n_head ({}) must be even for rotary embedding",
                    self.head_dim()
                )
            },
        )
    }

    /// Returns name and shape of every parameter, in the order of the checkpoints.
    ///
    /// The output head is not included, because it is tied to the embeddings.
    pub fn parameters(&self) -> Vec<Parameter> {
        let (width, kv, hidden) = (self.n_embd, self.kv_dim(), self.hidden_dim());
        let block: [(&str, &[usize]); 9] = [
            ("attention_norm", &[width]),
            ("attention.wq", &[width, width]),
            ("attention.wk", &[kv, width]),
            ("attention.wv", &[kv, width]),
            ("attention.wo", &[width, width]),
            ("ffn_norm", &[width]),
            ("feed_forward.w1", &[hidden, width]),
            ("feed_forward.w2", &[width, hidden]),
            ("feed_forward.w3", &[hidden, width]),
        ];
        let parameter = |module: String, shape: &[usize]| Parameter {
            name: format!("{module}.weight"),
            shape: shape.to_vec(),
        };
        let mut all = vec![parameter("embeddings".into(), &[self.vocab_size, width])];
        for layer in 0..self.n_layer {
            all.extend(
                block
                    .iter()
                    .map(|(m, shape)| parameter(format!("layers.{layer}.{m}"), shape)),
            );
        }
        all.push(parameter("norm".into(), &[width]));
        all
    }

    /// Returns the total number of weights.
    pub fn n_parameters(&self) -> usize {
        self.parameters()
            .iter()
            .map(|p| p.shape.iter().product::<usize>())
            .sum()
    }
}

/// Returns [`ModelError::InvalidConfig`] unless `holds`.
fn check(
    holds: bool,
    field: &'static str,
    value: usize,
    rule: impl FnOnce() -> String,
) -> Result<(), ModelError> {
    if holds {
        Ok(())
    } else {
        Err(ModelError::InvalidConfig {
            field,
            value,
            rule: rule(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_75m_configuration() {
        let config = ModelConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(
            (config.head_dim(), config.kv_dim(), config.hidden_dim()),
            (64, 320, 1728)
        );
        assert_eq!(config.n_parameters(), 75_546_240);
    }

    #[test]
    fn invalid_configurations_are_reported_with_their_field() {
        let ok = ModelConfig::default;
        let cases = [
            (
                "block_size",
                ModelConfig {
                    block_size: 1 << 16,
                    n_layer: 64,
                    ..ok()
                },
            ),
            (
                "block_size",
                ModelConfig {
                    block_size: 0,
                    ..ok()
                },
            ),
            (
                "vocab_size",
                ModelConfig {
                    vocab_size: 1 << 40,
                    ..ok()
                },
            ),
            ("n_layer", ModelConfig { n_layer: 0, ..ok() }),
            ("n_head", ModelConfig { n_head: 7, ..ok() }),
            (
                "n_kv_head",
                ModelConfig {
                    n_kv_head: 3,
                    ..ok()
                },
            ),
            (
                "n_embd",
                ModelConfig {
                    n_embd: 630,
                    ..ok()
                },
            ),
            (
                "multiple_of",
                ModelConfig {
                    multiple_of: 0,
                    ..ok()
                },
            ),
        ];
        for (name, config) in cases {
            match config.validate() {
                Err(ModelError::InvalidConfig { field, .. }) => assert_eq!(field, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
