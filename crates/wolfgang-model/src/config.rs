//! The configuration of a model and the shapes of its parameters.

mod rope_scaling;
mod setters;

pub use rope_scaling::RopeScaling;

use crate::{ModelError, Precision};
use serde::{Deserialize, Serialize};
use wolfgang_kernels::GROUP;

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
    /// Read and kept, but unused: see [`qkv_bias`](Self::qkv_bias) and
    /// [`attention_output_bias`](Self::attention_output_bias). Default: `false`.
    pub bias: bool,
    /// The width of the feed-forward layers is rounded up to a multiple of this, unless
    /// [`intermediate_size`](Self::intermediate_size) is set. Default: 32.
    pub multiple_of: usize,
    /// Width of the feed-forward layers. Default: `None`, which is ⌊2·4·`n_embd`/3⌋, rounded up to
    /// a multiple of `multiple_of`.
    pub intermediate_size: Option<usize>,
    /// Width of one attention head. Default: `None`, which is `n_embd / n_head`.
    pub head_dim: Option<usize>,
    /// The epsilon of RMSNorm. Default: [`RMS_NORM_EPS`](Self::RMS_NORM_EPS).
    pub rms_norm_eps: f64,
    /// The base of the frequencies of the rotary embedding. Default:
    /// [`ROPE_THETA`](Self::ROPE_THETA).
    pub rope_theta: f64,
    /// Scaling of the frequencies of the rotary embedding. Default: `None`.
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the output head has the weights of the embeddings. Otherwise it is the parameter
    /// `output.weight`. Default: `true`.
    pub tie_word_embeddings: bool,
    /// Whether the projections of queries, keys and values have a bias. Default: `false`.
    pub qkv_bias: bool,
    /// Whether the output projection of attention has a bias. Default: `false`.
    pub attention_output_bias: bool,
    /// Whether queries and keys are normalised by RMSNorm, head by head, before the rotary
    /// embedding. Default: `false`.
    pub qk_norm: bool,
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
            intermediate_size: None,
            head_dim: None,
            rms_norm_eps: Self::RMS_NORM_EPS,
            rope_theta: Self::ROPE_THETA,
            rope_scaling: None,
            tie_word_embeddings: true,
            qkv_bias: false,
            attention_output_bias: false,
            qk_norm: false,
        }
    }
}

/// Maximum of `block_size`, the context of Llama 3.2. KV caches grow with their use, but on other
/// devices than the CPU, loading a model computes the angles of all positions.
const MAX_BLOCK_SIZE: usize = 1 << 17;

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

    /// Returns the precision of this parameter, a matrix, in a model of `precision`.
    ///
    /// It is the same, except that [`Precision::Int4`] leaves the embeddings, the head and matrices
    /// whose rows are no multiple of 32 long in [`Precision::Int8`].
    pub fn precision_in(&self, precision: Precision) -> Precision {
        let is_head = matches!(&*self.name, "embeddings.weight" | "output.weight");
        match precision {
            Precision::Int4 if is_head || !self.width().is_multiple_of(GROUP) => Precision::Int8,
            precision => precision,
        }
    }
}

impl ModelConfig {
    /// The epsilon of RMSNorm of Wolfgang-LM.
    pub const RMS_NORM_EPS: f64 = 1e-6;

    /// The base of the frequencies of the rotary embedding of Wolfgang-LM.
    pub const ROPE_THETA: f64 = 10000.0;

    /// Returns the width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
            .unwrap_or_else(|| self.n_embd.checked_div(self.n_head).unwrap_or(0))
    }

    /// Returns the width of the queries of one position, and of the result of attention.
    pub fn attention_dim(&self) -> usize {
        self.n_head.saturating_mul(self.head_dim())
    }

    /// Returns the width of the keys, and of the values, of one position.
    pub fn kv_dim(&self) -> usize {
        self.n_kv_head.saturating_mul(self.head_dim())
    }

    /// Returns the width of the feed-forward layers.
    pub fn hidden_dim(&self) -> usize {
        self.intermediate_size.unwrap_or_else(|| {
            let exact = self.n_embd.saturating_mul(8) / 3;
            exact
                .checked_next_multiple_of(self.multiple_of)
                .unwrap_or(0)
        })
    }

    /// Validates the configuration. Results of the other methods are unspecified if this fails.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] or [`ModelError::InvalidConfigNumber`] for the first invalid
    /// field. The upper limits are far above any supported model; they prevent a corrupt file from
    /// allocating terabytes.
    pub fn validate(&self) -> Result<(), ModelError> {
        let limits = [
            ("block_size", Some(self.block_size), MAX_BLOCK_SIZE),
            ("vocab_size", Some(self.vocab_size), 1 << 24),
            ("n_layer", Some(self.n_layer), 1 << 10),
            ("n_head", Some(self.n_head), 1 << 10),
            ("n_kv_head", Some(self.n_kv_head), 1 << 10),
            ("n_embd", Some(self.n_embd), 1 << 16),
            ("multiple_of", Some(self.multiple_of), 1 << 16),
            ("intermediate_size", self.intermediate_size, 1 << 18),
            ("head_dim", self.head_dim, 1 << 10),
        ];
        for (field, value, max) in limits {
            let value = value.unwrap_or(1);
            check((1..=max).contains(&value), field, value, || {
                format!("it must be between 1 and {max}")
            })?;
        }
        check(
            self.head_dim.is_some() || self.n_embd.is_multiple_of(self.n_head),
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
        match self.head_dim {
            Some(head_dim) => check(head_dim.is_multiple_of(2), "head_dim", head_dim, || {
                "it must be even for rotary embedding".to_owned()
            }),
            None => check(
                self.head_dim().is_multiple_of(2),
                "n_embd",
                self.n_embd,
                || {
                    format!(
                        "n_embd / n_head ({}) must be even for rotary embedding",
                        self.head_dim()
                    )
                },
            ),
        }?;
        check_number("rms_norm_eps", self.rms_norm_eps, 0.0..=1.0)?;
        check_number("rope_theta", self.rope_theta, 1.0..=1e12)?;
        match &self.rope_scaling {
            Some(scaling) => scaling.validate(),
            None => Ok(()),
        }
    }

    /// Returns name and shape of every parameter, in the order of the checkpoints.
    ///
    /// The output head is not included if it is tied to the embeddings.
    pub fn parameters(&self) -> Vec<Parameter> {
        let (width, kv, hidden) = (self.n_embd, self.kv_dim(), self.hidden_dim());
        let (attention, head) = (self.attention_dim(), self.head_dim());
        let mut block = vec![
            ("attention_norm.weight", vec![width]),
            ("attention.wq.weight", vec![attention, width]),
            ("attention.wk.weight", vec![kv, width]),
            ("attention.wv.weight", vec![kv, width]),
        ];
        if self.qkv_bias {
            block.push(("attention.wq.bias", vec![attention]));
            block.push(("attention.wk.bias", vec![kv]));
            block.push(("attention.wv.bias", vec![kv]));
        }
        if self.qk_norm {
            block.push(("attention.q_norm.weight", vec![head]));
            block.push(("attention.k_norm.weight", vec![head]));
        }
        block.push(("attention.wo.weight", vec![width, attention]));
        if self.attention_output_bias {
            block.push(("attention.wo.bias", vec![width]));
        }
        block.extend([
            ("ffn_norm.weight", vec![width]),
            ("feed_forward.w1.weight", vec![hidden, width]),
            ("feed_forward.w2.weight", vec![width, hidden]),
            ("feed_forward.w3.weight", vec![hidden, width]),
        ]);
        let embeddings = [self.vocab_size, width];
        let mut all = vec![Parameter::new("embeddings.weight", embeddings)];
        for layer in 0..self.n_layer {
            let in_layer = |(name, shape): &(&str, Vec<usize>)| {
                Parameter::new(format!("layers.{layer}.{name}"), shape.clone())
            };
            all.extend(block.iter().map(in_layer));
        }
        all.push(Parameter::new("norm.weight", [width]));
        if !self.tie_word_embeddings {
            all.push(Parameter::new("output.weight", embeddings));
        }
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

/// Returns [`ModelError::InvalidConfigNumber`] unless `value` is in the range.
fn check_number(
    field: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
) -> Result<(), ModelError> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(ModelError::InvalidConfigNumber {
            field,
            value: value.to_string(),
            rule: format!("it must be between {} and {}", range.start(), range.end()),
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
                    block_size: (1 << 17) + 1,
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
