//! Options of a benchmark.

use crate::BenchError;
use crate::case::Workload;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use wolfgang_model::{DeviceName, ModelConfig, Precision};

/// Maximum of [`BenchOptions::sequences`]. Each sequence has a KV cache.
pub const MAX_SEQUENCES: usize = 256;

/// Default of [`BenchOptions::tokens`] if there is room for them.
const DEFAULT_TOKENS: usize = 48;

/// What a benchmark measures. Every combination of device, precision and number of threads is
/// measured.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// The checkpoint. With `None`, the default, random weights of the default [`ModelConfig`]
    /// (75M).
    pub model: Option<PathBuf>,
    /// Devices. Default: [`DeviceName::Auto`].
    pub devices: Vec<DeviceName>,
    /// Element types of the weights. Default: [`Precision::F32`].
    pub precisions: Vec<Precision>,
    /// Numbers of CPU threads. If empty, the default, one per core.
    pub threads: Vec<NonZeroUsize>,
    /// Prompt lengths of prefill. If empty, the default, 7/8 of the context.
    pub prefill: Vec<usize>,
    /// Positions at which decoding starts. If empty, the default, 1/8 and 7/8 of the context.
    pub depth: Vec<usize>,
    /// Number of tokens to decode from each position. With `None`, the default, 48, but at most the
    /// room after the last position.
    pub tokens: Option<NonZeroUsize>,
    /// Batch sizes of decoding from the first position above 0, at most [`MAX_SEQUENCES`].
    /// Default: 8.
    pub sequences: Vec<NonZeroUsize>,
    /// Number of measurements, after one that is not counted. Default: 5.
    pub repetitions: NonZeroUsize,
}

impl Default for BenchOptions {
    fn default() -> Self {
        // Constants, so that `unwrap` is evaluated by the compiler.
        const SEQUENCES: NonZeroUsize = NonZeroUsize::new(8).unwrap();
        const REPETITIONS: NonZeroUsize = NonZeroUsize::new(5).unwrap();
        Self {
            model: None,
            devices: vec![DeviceName::Auto],
            precisions: vec![Precision::F32],
            threads: Vec::new(),
            prefill: Vec::new(),
            depth: Vec::new(),
            tokens: None,
            sequences: vec![SEQUENCES],
            repetitions: REPETITIONS,
        }
    }
}

impl BenchOptions {
    /// Completes the options for a model, and checks them.
    pub(crate) fn workload(&self, config: &ModelConfig) -> Result<Workload, BenchError> {
        let block_size = config.block_size;
        // Ascending, because the cache is extended to each position in turn.
        let or_default = |given: &[usize], eighths: &[usize]| -> Vec<usize> {
            let given: BTreeSet<_> = given.iter().copied().collect();
            let default = eighths.iter().map(|n| (block_size * n / 8).max(1));
            match given.is_empty() {
                true => default.collect(),
                false => given.into_iter().collect(),
            }
        };
        let depth = or_default(&self.depth, &[1, 7]);
        let room = block_size.saturating_sub(depth.last().copied().unwrap_or(0));
        let tokens = match self.tokens {
            Some(tokens) => tokens.get(),
            None => DEFAULT_TOKENS.min(room).max(1),
        };
        let workload = Workload {
            prefill: or_default(&self.prefill, &[7]),
            batch_depth: depth
                .iter()
                .find(|n| **n > 0)
                .or(depth.first())
                .copied()
                .unwrap_or(0),
            depth,
            tokens,
            sequences: self.sequences.iter().map(|n| n.get()).collect(),
            repetitions: self.repetitions.get(),
        };
        let invalid = |option, value: usize, reason: String| {
            Err(BenchError::InvalidOption {
                option,
                value,
                reason,
            })
        };
        if let Some(n) = workload.prefill.iter().find(|n| **n > block_size) {
            let reason = format!("the model's context is {block_size} tokens");
            return invalid("prefill", *n, reason);
        }
        if workload.prefill.contains(&0) {
            return invalid("prefill", 0, "it must be at least 1".to_owned());
        }
        if let Some(n) = workload.sequences.iter().find(|n| **n > MAX_SEQUENCES) {
            let reason = format!("it must be at most {MAX_SEQUENCES}");
            return invalid("sequences", *n, reason);
        }
        let exceeds = |depth: &&usize| depth.saturating_add(tokens) > block_size;
        if let Some(n) = workload.depth.iter().find(exceeds) {
            let reason = format!(
                "decoding {tokens} tokens from there exceeds the model's context of {block_size} tokens"
            );
            return invalid("depth", *n, reason);
        }
        Ok(workload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_eighths_of_the_context() {
        let config = ModelConfig::default().with_block_size(256);
        let workload = BenchOptions::default().workload(&config).unwrap();
        assert_eq!(workload.prefill, [224]);
        assert_eq!(workload.depth, [32, 224]);
        assert_eq!((workload.batch_depth, workload.tokens), (32, 32));
    }

    #[test]
    fn batches_start_at_the_first_position_above_0() {
        let config = ModelConfig::default().with_block_size(256);
        for (depth, sorted, batch_depth) in [
            (vec![100, 0, 100], vec![0, 100], 100),
            (vec![0], vec![0], 0),
        ] {
            let options = BenchOptions {
                depth,
                ..BenchOptions::default()
            };
            let workload = options.workload(&config).unwrap();
            assert_eq!(workload.depth, sorted);
            assert_eq!((workload.batch_depth, workload.tokens), (batch_depth, 48));
        }
    }
}
