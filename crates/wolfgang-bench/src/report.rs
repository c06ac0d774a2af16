//! The results of one configuration.

use crate::case::{LoadTime, ThroughputSamples};
use crate::{BenchError, Configuration, Statistics};
use serde::Serialize;
use wolfgang_model::{DeviceName, ModelConfig, Precision};

/// The results of one configuration. `docs/command.md` describes the JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BenchReport {
    /// The device.
    pub device: DeviceName,
    /// Element type of the weights.
    #[serde(rename = "dtype")]
    pub precision: Precision,
    /// Number of threads of the CPU kernels. `None` if burn computes.
    pub threads: Option<usize>,
    /// Instruction set of the CPU kernels.
    pub instructions: Option<String>,
    /// Number of weights.
    pub parameters: usize,
    /// Size of the weights in memory, in bytes.
    pub weight_bytes: usize,
    /// Time to load the model, in seconds.
    pub load_seconds: Statistics,
    /// Length of the prompt of `first_token_seconds`.
    pub first_token_prompt: usize,
    /// Time to load the model and to compute the logits after a prompt, in seconds.
    pub first_token_seconds: Statistics,
    /// Peak memory of a process that does this, in bytes. `None` except on Linux.
    pub peak_memory_bytes: Option<Statistics>,
    /// Memory bandwidth of the same threads, in bytes per second. `None` if burn computes.
    pub read_bytes_per_second: Option<Statistics>,
    /// Peak rate of multiply-adds of the same threads, with the instruction for this precision, per
    /// second. `None` if burn computes.
    pub multiply_adds_per_second: Option<Statistics>,
    /// Prefill, for each prompt length.
    pub prefill: Vec<Throughput>,
    /// Decoding of one sequence, for each position.
    pub decode: Vec<Throughput>,
    /// Decoding of a batch, for each batch size.
    #[serde(rename = "together")]
    pub batch: Vec<BatchThroughput>,
    /// Time of each operation for one token, at the last position measured. Empty if burn computes.
    #[serde(rename = "steps")]
    pub ops: Vec<OpTime>,
    /// Time of each operation for one token of the longest prompt. Empty if burn computes.
    #[serde(rename = "prefill_steps")]
    pub prefill_ops: Vec<OpTime>,
}

/// Throughput of one sequence.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Throughput {
    /// Length of the prompt, or the position at which decoding starts.
    pub at: usize,
    /// Tokens per second.
    pub tokens_per_second: Statistics,
    /// Share of the roofline limit, measured in the same repetitions: of the peak rate of
    /// multiply-adds for prefill, and of the bandwidth for reading all weights per token for
    /// decoding. `None` if burn computes.
    #[serde(rename = "of_limit")]
    pub limit_share: Option<Statistics>,
}

/// Throughput of a batch.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct BatchThroughput {
    /// Batch size.
    pub sequences: usize,
    /// The position at which decoding starts.
    pub at: usize,
    /// Tokens per second of the whole batch.
    pub tokens_per_second: Statistics,
    /// Ratio to the throughput of one sequence in the same repetitions.
    #[serde(rename = "times_one")]
    pub speedup: Statistics,
}

/// Time of an operation.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OpTime {
    /// Name of the operation.
    #[serde(rename = "step")]
    pub op: String,
    /// Seconds per token.
    pub seconds: f64,
}

impl BenchReport {
    pub(crate) fn new(
        configuration: &Configuration,
        config: &ModelConfig,
        prompt_tokens: usize,
        load_times: &[LoadTime],
        samples: &ThroughputSamples,
    ) -> Result<Self, BenchError> {
        let weight_bytes = samples.weight_bytes as f64;
        // `work` is what one token takes of the limit.
        let throughput = |at: usize, rates: &[f64], limits: &[f64], work: f64| {
            let shares = rates.iter().zip(limits);
            Ok(Throughput {
                at,
                tokens_per_second: statistics(rates)?,
                limit_share: Statistics::from_samples(
                    shares.map(|(rate, limit)| rate * work / limit),
                ),
            })
        };
        let prefill = samples.prefill.iter().map(|(length, rates)| {
            let work = multiply_adds(config, *length) / *length as f64;
            throughput(*length, rates, &samples.peak_fma, work)
        });
        let decode = samples
            .decode
            .iter()
            .map(|(depth, rates)| throughput(*depth, rates, &samples.bandwidth, weight_bytes));
        let at = samples.batch_depth;
        let alone = samples.decode.iter().find(|(depth, _)| *depth == at);
        let batch = samples.batch.iter().map(|(sequences, rates)| {
            let (_, alone) = alone.ok_or(BenchError::NoSamples)?;
            let speedup = rates.iter().zip(alone).map(|(rate, alone)| rate / alone);
            Ok(BatchThroughput {
                sequences: *sequences,
                at,
                tokens_per_second: statistics(rates)?,
                speedup: Statistics::from_samples(speedup).ok_or(BenchError::NoSamples)?,
            })
        });
        let op_times = |ops: &[(String, f64)]| {
            let ops = ops.iter().map(|(op, seconds)| OpTime {
                op: op.clone(),
                seconds: *seconds,
            });
            ops.collect()
        };
        let of_loads = |of: fn(&LoadTime) -> Option<f64>| {
            Statistics::from_samples(load_times.iter().filter_map(of))
        };
        Ok(Self {
            device: configuration.device,
            precision: configuration.precision,
            threads: samples.threads,
            instructions: samples.instructions.clone(),
            parameters: config.n_parameters(),
            weight_bytes: samples.weight_bytes,
            load_seconds: of_loads(|time| Some(time.load_seconds)).ok_or(BenchError::NoSamples)?,
            first_token_prompt: prompt_tokens,
            first_token_seconds: of_loads(|time| Some(time.first_token_seconds))
                .ok_or(BenchError::NoSamples)?,
            peak_memory_bytes: of_loads(|time| time.peak_memory_bytes.map(|bytes| bytes as f64)),
            read_bytes_per_second: statistics(&samples.bandwidth).ok(),
            multiply_adds_per_second: statistics(&samples.peak_fma).ok(),
            prefill: prefill.collect::<Result<_, BenchError>>()?,
            decode: decode.collect::<Result<_, BenchError>>()?,
            batch: batch.collect::<Result<_, BenchError>>()?,
            ops: op_times(&samples.ops),
            prefill_ops: op_times(&samples.prefill_ops),
        })
    }
}

fn statistics(samples: &[f64]) -> Result<Statistics, BenchError> {
    Statistics::from_samples(samples.iter().copied()).ok_or(BenchError::NoSamples)
}

/// Multiply-adds for a prompt of this length: each matrix for each token, but the head only for the
/// last, and the products of each query with all keys and values before it.
fn multiply_adds(config: &ModelConfig, length: usize) -> f64 {
    let head = config.vocab_size * config.n_embd;
    let layers = config.n_parameters() - head;
    let attended = length * (length + 1) / 2;
    (length * layers + head + 2 * config.n_layer * config.n_embd * attended) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use wolfgang_model::DeviceId;

    fn config() -> ModelConfig {
        ModelConfig::default()
            .with_n_layer(1)
            .with_n_head(2)
            .with_n_kv_head(1)
            .with_n_embd(4)
            .with_vocab_size(10)
            .with_block_size(8)
            .with_multiple_of(1)
    }

    #[test]
    fn each_matrix_counts_for_each_token_and_the_head_for_the_last() {
        let (config, head) = (config(), 10 * 4);
        let layer = config.n_parameters() - head;
        // Three tokens see 1, 2 and 3 positions: a product of 4 with the keys, and one with the
        // values.
        let attention = 2 * 4 * (1 + 2 + 3);
        let all = 3 * layer + head + attention;
        assert_eq!(multiply_adds(&config, 3), all as f64);
    }

    #[test]
    fn shares_compare_samples_of_the_same_repetition() {
        let configuration = Configuration {
            device: DeviceName::Specific(DeviceId::Flex),
            precision: Precision::F32,
            threads: None,
        };
        let load_time = |seconds| LoadTime {
            load_seconds: seconds,
            first_token_seconds: 2.0 * seconds,
            peak_memory_bytes: Some(1000),
        };
        let samples = ThroughputSamples {
            threads: Some(2),
            instructions: None,
            weight_bytes: 100,
            bandwidth: vec![1000.0, 2000.0, 4000.0],
            peak_fma: vec![1e6; 3],
            prefill: vec![(3, vec![300.0, 600.0, 900.0])],
            decode: vec![(4, vec![9.0, 10.0, 20.0])],
            batch_depth: 4,
            batch: vec![(8, vec![45.0, 40.0, 60.0])],
            ops: Vec::new(),
            prefill_ops: Vec::new(),
        };
        let load_times = [1.0, 4.0, 2.0, 3.0].map(load_time);
        let report = BenchReport::new(&configuration, &config(), 8, &load_times, &samples).unwrap();
        let load = report.load_seconds;
        assert_eq!((load.min, load.median, load.max), (1.0, 2.5, 4.0));
        let decode = report.decode[0];
        assert_eq!((decode.at, decode.tokens_per_second.median), (4, 10.0));
        // 900 of 1000, 1000 of 2000 and 2000 of 4000 bytes a second.
        let share = decode.limit_share.unwrap();
        assert_eq!((share.min, share.median, share.max), (0.5, 0.5, 0.9));
        let batch = report.batch[0];
        let rate = batch.tokens_per_second.median;
        assert_eq!((batch.sequences, batch.at, rate), (8, 4, 45.0));
        // 45 of 9, 40 of 10 and 60 of 20.
        let speedup = batch.speedup;
        assert_eq!((speedup.min, speedup.median, speedup.max), (3.0, 4.0, 5.0));
        let share = report.prefill[0].limit_share.unwrap().median;
        let expected = 200.0 * multiply_adds(&config(), 3) / 1e6;
        assert!((share - expected).abs() < 1e-12, "{share} {expected}");
    }
}
