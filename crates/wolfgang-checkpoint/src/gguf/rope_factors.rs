//! `rope_freqs.weight`: the scaling of Llama 3.1 as a tensor of one divisor for each frequency.

use wolfgang_model::{ModelConfig, RopeScaling};

/// The name of the tensor.
pub(super) const TENSOR: &str = "rope_freqs.weight";

/// The factors of the published models: Llama 3.1 has 8, Llama 3.2 has 32. Their other settings are
/// the same.
const FACTORS: [f64; 2] = [8.0, 32.0];

/// Difference between divisors that were computed in f32 and in f64.
const TOLERANCE: f64 = 1e-5;

/// Returns the settings that give these divisors, if they are those of a published model.
pub(super) fn scaling(config: &ModelConfig, divisors: &[f32]) -> Option<RopeScaling> {
    FACTORS.into_iter().find_map(|factor| {
        let expected = llama3_divisors(config, factor);
        let is_near = |(x, y): (&f32, f64)| (f64::from(*x) - y).abs() <= TOLERANCE * y;
        let is_equal =
            divisors.len() == config.head_dim() / 2 && divisors.iter().zip(expected).all(is_near);
        is_equal.then_some(RopeScaling::Llama3 {
            factor,
            low_freq_factor: LOW,
            high_freq_factor: HIGH,
            original_max_position_embeddings: CONTEXT,
        })
    })
}

const LOW: f64 = 1.0;
const HIGH: f64 = 4.0;
const CONTEXT: usize = 8192;

/// The divisors that llama.cpp's converter writes.
fn llama3_divisors(config: &ModelConfig, factor: f64) -> impl Iterator<Item = f64> {
    let (theta, head_dim) = (config.rope_theta, config.head_dim());
    (0..head_dim / 2).map(move |i| {
        let frequency = theta.powf(-2.0 * i as f64 / head_dim as f64);
        // Periods in the context of the training.
        let periods = CONTEXT as f64 * frequency / std::f64::consts::TAU;
        if periods > HIGH {
            1.0
        } else if periods < LOW {
            factor
        } else {
            let smooth = (periods - LOW) / (HIGH - LOW);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Llama 3.2 1B: computed in Python with numpy, as llama.cpp's `convert_hf_to_gguf.py` does.
    fn llama_3_2() -> (ModelConfig, Vec<f32>) {
        let config = ModelConfig::default()
            .with_rope_theta(500_000.0)
            .with_head_dim(64);
        let between = [1.651_329_2, 3.292_262_6, 9.666_73];
        let divisors = [vec![1.0; 15], between.to_vec(), vec![32.0; 14]].concat();
        (config, divisors)
    }

    #[test]
    fn the_divisors_of_a_published_model_determine_its_settings() {
        let (config, divisors) = llama_3_2();
        let expected = RopeScaling::Llama3 {
            factor: 32.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192,
        };
        assert_eq!(scaling(&config, &divisors), Some(expected));
    }

    #[test]
    fn other_divisors_are_not_accepted() {
        let (config, mut divisors) = llama_3_2();
        assert_eq!(scaling(&config, &divisors[1..]), None);
        assert_eq!(
            scaling(&config.clone().with_rope_theta(10_000.0), &divisors),
            None
        );
        divisors[16] = f32::NAN;
        assert_eq!(scaling(&config, &divisors), None);
    }
}
