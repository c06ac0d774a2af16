//! Checkpoints with random weights, for benchmarks.

use crate::format::Format;
use crate::raw::RawCheckpoint;
use crate::tensor::Tensor;
use burn::tensor::{Bytes, DType};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use wolfgang_model::{ModelConfig, Parameter};

/// Standard deviation of the weights of an untrained model, as in the original.
const STANDARD_DEVIATION: f32 = 0.02;

/// Creates a checkpoint with the parameters of `config`. Each parameter has its own random stream.
pub(crate) fn contents(config: &ModelConfig, seed: u64) -> RawCheckpoint {
    let parameters = config.parameters();
    let tensors = parameters.iter().zip(0..).map(|(parameter, stream)| {
        let tensor = tensor(parameter, seed, stream);
        (parameter.name.clone(), tensor)
    });
    RawCheckpoint::new(Format::Native, config.clone(), tensors.collect())
}

/// Creates a tensor whose values are generated when it is read.
fn tensor(parameter: &Parameter, seed: u64, stream: u64) -> Tensor {
    let (n, is_matrix) = (
        parameter.rows() * parameter.width(),
        parameter.shape.len() > 1,
    );
    let make = move || {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let mut weight = || {
            // Uniform: the standard deviation of an interval of width 1 is 1 / √12.
            let unit = rng.next_u32() as f32 / u32::MAX as f32 - 0.5;
            unit * STANDARD_DEVIATION * 12f32.sqrt()
        };
        let norm = 1.0;
        let weights = (0..n).map(|_| if is_matrix { weight() } else { norm });
        let bytes = weights.flat_map(f32::to_le_bytes).collect();
        Ok(Bytes::from_bytes_vec(bytes))
    };
    Tensor::deferred(
        parameter.name.clone(),
        DType::F32,
        parameter.shape.clone(),
        None,
        n * DType::F32.size(),
        make,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_have_the_standard_deviation_of_an_untrained_model_and_norms_are_1() {
        let contents = contents(&ModelConfig::default(), 7);
        let numbers = |name: &str| -> Vec<f32> {
            let bytes = contents.tensors[name].to_bytes().unwrap();
            let numbers = bytes.as_chunks().0.iter();
            numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        assert!(numbers("norm.weight").iter().all(|x| *x == 1.0));
        let [first, second] = [0, 1].map(|layer| {
            let name = format!("layers.{layer}.attention.wo.weight");
            numbers(&name)
        });
        let square = first.iter().map(|x| f64::from(x * x)).sum::<f64>() / first.len() as f64;
        assert!((square.sqrt() - 0.02).abs() < 1e-4, "{}", square.sqrt());
        assert_ne!(first, second);
    }
}
