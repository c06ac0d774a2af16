//! What is told of one configuration.

use super::case::{Speeds, Start};
use anyhow::Context;
use serde::Serialize;
use std::io::Write;
use wolfgang_generate::ModelConfig;

/// What was measured of one configuration; `docs/command.md` describes its JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Its name.
    pub device: String,
    /// The element type that weights are kept in.
    pub dtype: String,
    /// Threads that compute, if it is our kernels that do.
    pub threads: Option<usize>,
    /// The processor's instructions that they use.
    pub instructions: Option<String>,
    /// How many weights there are.
    pub parameters: usize,
    /// What they take in memory.
    pub weight_bytes: usize,
    /// Seconds to load them.
    pub load_seconds: Sample,
    /// The length of the prompt for the next.
    pub first_token_prompt: usize,
    /// Seconds from nothing to the first token of that prompt.
    pub first_token_seconds: Sample,
    /// The most memory that this took.
    pub peak_memory_bytes: Option<Sample>,
    /// Bytes that the processor reads a second, at best.
    pub read_bytes_per_second: Option<Sample>,
    /// Multiply-adds a second by the instruction that products use, at best.
    pub multiply_adds_per_second: Option<Sample>,
    /// For each length of a prompt.
    pub prefill: Vec<Rate>,
    /// For each position.
    pub decode: Vec<Rate>,
    /// For each number of sequences that are decoded together.
    pub together: Vec<Throughput>,
    /// Where the time of one token goes, at the position furthest back.
    pub steps: Vec<StepTime>,
}

/// What several repetitions gave.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Sample {
    /// The one in the middle, or between the two there.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A speed.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Rate {
    /// The prompt's length, or the position decoded from.
    pub at: usize,
    /// How fast.
    pub tokens_per_second: Sample,
    /// The share of what the processor's limit would allow, by the rounds in which both were measured.
    pub of_limit: Option<Sample>,
}

/// The speed of several sequences together.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Throughput {
    /// How many there are.
    pub sequences: usize,
    /// The position that each is decoded from.
    pub at: usize,
    /// How fast all of them together are.
    pub tokens_per_second: Sample,
    /// How many times as fast as one alone, by the rounds in which both were measured.
    pub times_one: Sample,
}

/// A step of one token.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StepTime {
    /// Its name.
    pub step: String,
    /// How long it takes.
    pub seconds: f64,
}

impl Sample {
    /// None of no values.
    fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let behind = values.get(values.len() / 2)?;
        let before = values.get(values.len().saturating_sub(1) / 2)?;
        Some(Self {
            median: (before + behind) / 2.0,
            min: *values.first()?,
            max: *values.last()?,
        })
    }
}

impl Figures {
    pub(super) fn new(
        config: &ModelConfig,
        starts: &[Start],
        speeds: &Speeds,
    ) -> anyhow::Result<Self> {
        let none = "no measurements";
        let first = starts.first().context(none)?;
        let peaks = starts.iter().filter_map(|start| start.peak_memory_bytes);
        let bytes = speeds.weight_bytes as f64;
        let rate = |at: usize, rates: &[f64], limit: &[f64], work: f64| {
            let of_limit = rates.iter().zip(limit);
            Ok(Rate {
                at,
                tokens_per_second: Sample::of(rates.iter().copied()).context(none)?,
                of_limit: Sample::of(of_limit.map(|(rate, limit)| rate * work / limit)),
            })
        };
        let prefill = speeds.prefill.iter().map(|(length, rates)| {
            let work = multiply_adds(config, *length) / *length as f64;
            rate(*length, rates, &speeds.multiply_adds, work)
        });
        let decode = speeds.decode.iter();
        let decode = decode.map(|(depth, rates)| rate(*depth, rates, &speeds.read, bytes));
        let at = speeds.together_at;
        let one = speeds.decode.iter().find(|(depth, _)| *depth == at);
        let together = speeds.together.iter().map(|(sequences, rates)| {
            let (_, alone) = one.context(none)?;
            let times = rates.iter().zip(alone).map(|(rate, one)| rate / one);
            Ok(Throughput {
                sequences: *sequences,
                at,
                tokens_per_second: Sample::of(rates.iter().copied()).context(none)?,
                times_one: Sample::of(times).context(none)?,
            })
        });
        Ok(Self {
            device: speeds.device.clone(),
            dtype: speeds.dtype.clone(),
            threads: speeds.threads,
            instructions: speeds.instructions.clone(),
            parameters: config.n_parameters(),
            weight_bytes: speeds.weight_bytes,
            load_seconds: Sample::of(starts.iter().map(|s| s.load_seconds)).context(none)?,
            first_token_prompt: first.prompt_tokens,
            first_token_seconds: Sample::of(starts.iter().map(|s| s.first_token_seconds))
                .context(none)?,
            peak_memory_bytes: Sample::of(peaks.map(|bytes| bytes as f64)),
            read_bytes_per_second: Sample::of(speeds.read.iter().copied()),
            multiply_adds_per_second: Sample::of(speeds.multiply_adds.iter().copied()),
            prefill: prefill.collect::<anyhow::Result<_>>()?,
            decode: decode.collect::<anyhow::Result<_>>()?,
            together: together.collect::<anyhow::Result<_>>()?,
            steps: speeds.steps.iter().map(step_time).collect(),
        })
    }

    /// Writes rows of a table, below its head if there is to be one.
    ///
    /// # Errors
    /// Those of writing.
    pub fn tell(&self, head: bool, out: &mut impl Write) -> std::io::Result<()> {
        if head {
            let names = ["what", "median", "least to most", "of the limit"];
            line(
                out,
                ["device", "dtype", "threads"],
                names.map(str::to_owned),
            )?;
            let rules = ["------", "-----", "------:"];
            line(
                out,
                rules,
                ["----", "-----:", "-----:", "-----:"].map(str::to_owned),
            )?;
        }
        let threads = self.threads.map_or("-".to_owned(), |n| n.to_string());
        for cells in self.rows() {
            line(out, [&self.device, &self.dtype, &threads], cells)?;
        }
        Ok(())
    }

    /// What was measured, median, spread, and share of the limit.
    fn rows(&self) -> Vec<[String; 4]> {
        let bytes = self.weight_bytes as f64;
        let one = |value| Sample::of([value]);
        let mut rows = vec![
            row("weights in memory", one(bytes), MB, None),
            row("load", Some(self.load_seconds), SECONDS, None),
            row(
                &format!("first token of {}", self.first_token_prompt),
                Some(self.first_token_seconds),
                SECONDS,
                None,
            ),
            row("peak memory", self.peak_memory_bytes, MB, None),
            row("limit: reading", self.read_bytes_per_second, GBS, None),
            row(
                "limit: multiplying",
                self.multiply_adds_per_second,
                GFLOPS,
                None,
            ),
        ];
        for (what, rates) in [("prefill of", &self.prefill), ("decode at", &self.decode)] {
            rows.extend(rates.iter().map(|rate| {
                let what = format!("{what} {}", rate.at);
                row(&what, Some(rate.tokens_per_second), SPEED, rate.of_limit)
            }));
        }
        rows.extend(self.together.iter().map(|together| {
            let what = format!("{} at {} together", together.sequences, together.at);
            let [what, median, spread, _] =
                row(&what, Some(together.tokens_per_second), SPEED, None)?;
            let times = format!("{:.1} × one", together.times_one.median);
            Some([what, median, spread, times])
        }));
        rows.into_iter().flatten().collect()
    }
}

fn step_time((step, seconds): &(String, f64)) -> StepTime {
    StepTime {
        step: step.clone(),
        seconds: *seconds,
    }
}

/// How much 1 is, digits behind the point, and its name.
type Unit = (f64, usize, &'static str);

const SECONDS: Unit = (1.0, 3, "s");
const MB: Unit = (1e6, 0, "MB");
const GBS: Unit = (1e9, 1, "GB/s");
/// A multiplication and an addition are two operations.
const GFLOPS: Unit = (0.5e9, 0, "GFLOP/s");
const SPEED: Unit = (1.0, 1, "tokens/s");

/// None for what is not known.
fn row(
    what: &str,
    sample: Option<Sample>,
    (scale, digits, unit): Unit,
    of_limit: Option<Sample>,
) -> Option<[String; 4]> {
    let Sample { median, min, max } = sample?;
    let number = |value: f64| format!("{:.digits$}", value / scale);
    let spread = match min == max {
        true => String::new(),
        false => format!("{} to {}", number(min), number(max)),
    };
    let share = of_limit.map(|share| format!("{:.0} %", share.median * 100.0));
    let median = format!("{} {unit}", number(median));
    Some([what.to_owned(), median, spread, share.unwrap_or_default()])
}

fn line(
    out: &mut impl Write,
    [device, dtype, threads]: [&str; 3],
    [what, median, spread, limit]: [String; 4],
) -> std::io::Result<()> {
    writeln!(
        out,
        "| {device:<9} | {dtype:<5} | {threads:>7} | {what:<18} | {median:>15} | {spread:>18} | {limit:>12} |"
    )
}

/// Multiply-adds for a prompt of this length: each matrix for each token, but the head only for the last, and the
/// products of each query with all keys and values before it.
fn multiply_adds(config: &ModelConfig, length: usize) -> f64 {
    let head = config.vocab_size * config.n_embd;
    let layers = config.n_parameters() - head;
    let attended = length * (length + 1) / 2;
    (length * layers + head + 2 * config.n_layer * config.n_embd * attended) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // Three tokens see 1, 2 and 3 positions: a product of 4 with the keys, and one with the values.
        let attention = 2 * 4 * (1 + 2 + 3);
        let all = 3 * layer + head + attention;
        assert_eq!(multiply_adds(&config, 3), all as f64);
    }

    #[test]
    fn shares_are_those_of_the_rounds() {
        let start = |seconds| Start {
            load_seconds: seconds,
            prompt_tokens: 8,
            first_token_seconds: 2.0 * seconds,
            peak_memory_bytes: Some(1000),
        };
        let speeds = Speeds {
            device: "flex".to_owned(),
            dtype: "f32".to_owned(),
            threads: Some(2),
            instructions: None,
            weight_bytes: 100,
            read: vec![1000.0, 2000.0, 4000.0],
            multiply_adds: vec![1e6; 3],
            prefill: vec![(3, vec![300.0, 600.0, 900.0])],
            decode: vec![(4, vec![9.0, 10.0, 20.0])],
            together_at: 4,
            together: vec![(8, vec![45.0, 40.0, 60.0])],
            steps: Vec::new(),
        };
        let starts = [1.0, 4.0, 2.0, 3.0].map(start);
        let figures = Figures::new(&config(), &starts, &speeds).unwrap();
        let load = figures.load_seconds;
        assert_eq!((load.min, load.median, load.max), (1.0, 2.5, 4.0));
        let decode = figures.decode[0];
        assert_eq!((decode.at, decode.tokens_per_second.median), (4, 10.0));
        // 900 of 1000, 1000 of 2000 and 2000 of 4000 bytes a second.
        let share = decode.of_limit.unwrap();
        assert_eq!((share.min, share.median, share.max), (0.5, 0.5, 0.9));
        let together = figures.together[0];
        let rate = together.tokens_per_second.median;
        assert_eq!((together.sequences, together.at, rate), (8, 4, 45.0));
        // 45 of 9, 40 of 10 and 60 of 20.
        let times = together.times_one;
        assert_eq!((times.min, times.median, times.max), (3.0, 4.0, 5.0));
        let share = figures.prefill[0].of_limit.unwrap().median;
        let expected = 200.0 * multiply_adds(&config(), 3) / 1e6;
        assert!((share - expected).abs() < 1e-12, "{share} {expected}");
    }
}
