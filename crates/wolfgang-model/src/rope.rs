//! Rotary position embedding.

use crate::{ModelConfig, RopeScaling};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};

/// Cosines and sines of the rotation angles of the first positions, `[positions, head_dim]` each.
#[derive(Clone, Debug)]
pub(crate) struct RopeTable {
    frequencies: Vec<f32>,
    positions: usize,
    /// The cosine of each angle, twice.
    pub(crate) cos: Vec<f32>,
    /// The sine of each angle, negative and positive.
    pub(crate) sin: Vec<f32>,
}

/// Number of positions by which a table grows at least.
const GROWTH: usize = 512;

impl RopeTable {
    /// Creates a table of no positions.
    pub(crate) fn new(config: &ModelConfig) -> Self {
        Self {
            frequencies: frequencies(config),
            positions: 0,
            cos: Vec::new(),
            sin: Vec::new(),
        }
    }

    /// Computes the angles of at least `positions` positions, if the table has fewer.
    pub(crate) fn extend_to(&mut self, positions: usize) {
        if positions <= self.positions {
            return;
        }
        let new = self.positions..positions.next_multiple_of(GROWTH);
        self.positions = new.end;
        // Computed in f32, as in the original: at position 500 the rounding of the angle changes
        // the logits.
        let extend = |table: &mut Vec<f32>, pair: fn(f32) -> [f32; 2]| {
            table.reserve_exact(2 * self.frequencies.len() * new.len());
            for position in new.clone() {
                let angles = self.frequencies.iter().map(|f| position as f32 * f);
                table.extend(angles.flat_map(pair));
            }
        };
        extend(&mut self.cos, |angle| [angle.cos(), angle.cos()]);
        extend(&mut self.sin, |angle| [-angle.sin(), angle.sin()]);
    }
}

/// Returns the frequency of each pair of dimensions, `[head_dim / 2]`, in radians per position.
/// Computed in f32, as in the transformers library.
fn frequencies(config: &ModelConfig) -> Vec<f32> {
    let (theta, head_dim) = (config.rope_theta as f32, config.head_dim());
    let unscaled = |i: usize| 1.0 / theta.powf((2 * i) as f32 / head_dim as f32);
    let scaled = |frequency: f32| match config.rope_scaling {
        None => frequency,
        Some(RopeScaling::Linear { factor }) => frequency / factor as f32,
        Some(RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        }) => {
            let (factor, context) = (factor as f32, original_max_position_embeddings as f32);
            let (low, high) = (low_freq_factor as f32, high_freq_factor as f32);
            let wavelength = 2.0 * std::f32::consts::PI / frequency;
            if wavelength > context / low {
                frequency / factor
            } else if wavelength < context / high {
                frequency
            } else {
                let kept = (context / wavelength - low) / (high - low);
                (1.0 - kept) * frequency / factor + kept * frequency
            }
        }
    };
    (0..head_dim / 2).map(|i| scaled(unscaled(i))).collect()
}

/// Rotary embedding (Su et al. 2021), interleaved: adjacent dimensions are one complex number, and
/// pair i at position t is rotated by the angle t · θ^(−2i / head_dim), unless frequencies are
/// scaled.
#[derive(Module, Debug)]
pub(crate) struct RotaryEmbedding {
    /// The cosine of each angle, twice: `[block_size, head_dim]`. A plain tensor, because it is a
    /// constant and not a parameter.
    cos: Tensor<2>,
    /// The sine of each angle, negative and positive: `[block_size, head_dim]`.
    sin: Tensor<2>,
}

impl RotaryEmbedding {
    pub(crate) fn new(config: &ModelConfig, device: &Device, dtype: DType) -> Self {
        let (positions, head_dim) = (config.block_size, config.head_dim());
        let tensor = |mut table: Vec<f32>| {
            table.truncate(positions * head_dim);
            let table = TensorData::new(table, [positions, head_dim]);
            Tensor::from_data(table, (device, dtype))
        };
        let mut table = RopeTable::new(config);
        table.extend_to(positions);
        let RopeTable { cos, sin, .. } = table;
        Self {
            cos: tensor(cos),
            sin: tensor(sin),
        }
    }

    /// Returns the rotation of `seq` tokens from position `start` on.
    pub(crate) fn at(&self, start: usize, seq: usize) -> Rotation {
        let rows = |table: &Tensor<2>| {
            let rows = table.clone().narrow(0, start, seq);
            rows.unsqueeze_dims(&[0, 2])
        };
        Rotation {
            cos: rows(&self.cos),
            sin: rows(&self.sin),
        }
    }
}

/// The rotation of queries and keys in one forward pass, for all heads and layers.
pub(crate) struct Rotation {
    /// `[1, seq, 1, head_dim]`.
    cos: Tensor<4>,
    /// `[1, seq, 1, head_dim]`.
    sin: Tensor<4>,
}

impl Rotation {
    /// Rotates `x`, `[batch, seq, heads, head_dim]`: (re, im) becomes
    /// (re cos − im sin, im cos + re sin).
    pub(crate) fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, seq, heads, head_dim] = x.dims();
        let pairs = x.clone().reshape([batch, seq, heads, head_dim / 2, 2]);
        let swapped = pairs.flip([4]).reshape([batch, seq, heads, head_dim]);
        x * self.cos.clone() + swapped * self.sin.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_of_the_default_are_powers_of_theta() {
        let found = frequencies(&ModelConfig::default());
        let exact = |i: usize| 10000f64.powf(-(i as f64) / 32.0);
        assert_eq!((found.len(), found[0]), (32, 1.0));
        for (i, found) in found.into_iter().enumerate() {
            assert!((f64::from(found) / exact(i) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn linear_scaling_divides_all_frequencies() {
        let unscaled = frequencies(&ModelConfig::default());
        let linear = RopeScaling::Linear { factor: 4.0 };
        let scaled = frequencies(&ModelConfig::default().with_rope_scaling(linear));
        assert_eq!(scaled, unscaled.iter().map(|f| f / 4.0).collect::<Vec<_>>());
    }

    #[test]
    fn llama3_scaling_divides_low_frequencies_and_keeps_high_ones() {
        let config = ModelConfig::default().with_rope_theta(500_000.0);
        let unscaled = frequencies(&config);
        let scaled = frequencies(&config.with_rope_scaling(RopeScaling::Llama3 {
            factor: 32.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192,
        }));
        let mut between = 0;
        for (scaled, unscaled) in scaled.into_iter().zip(unscaled) {
            let periods = 8192.0 * unscaled / (2.0 * std::f32::consts::PI);
            match periods {
                ..0.99 => assert_eq!(scaled, unscaled / 32.0),
                4.01.. => assert_eq!(scaled, unscaled),
                _ => {
                    assert!(scaled > unscaled / 32.0 && scaled < unscaled);
                    between += 1;
                }
            }
        }
        assert!(between > 0);
    }
}
