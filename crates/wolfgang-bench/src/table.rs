//! The table of reports.

use crate::{BenchReport, Statistics};
use std::io::Write;

impl BenchReport {
    /// Writes the rows of a Markdown table, after its header if `header` is set. The columns have
    /// the same widths for all reports.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write_table(&self, header: bool, out: &mut impl Write) -> std::io::Result<()> {
        if header {
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
        let device = self.device.to_string();
        let threads = self.threads.map_or("-".to_owned(), |n| n.to_string());
        for cells in self.rows() {
            line(out, [&device, self.precision.as_str(), &threads], cells)?;
        }
        Ok(())
    }

    /// What was measured, the median, the range, and the share of the limit.
    fn rows(&self) -> Vec<[String; 4]> {
        let bytes = self.weight_bytes as f64;
        let one = |value| Statistics::from_samples([value]);
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
                row(&what, Some(rate.tokens_per_second), SPEED, rate.limit_share)
            }));
        }
        rows.extend(self.batch.iter().map(|batch| {
            let what = format!("{} at {} together", batch.sequences, batch.at);
            let [what, median, range, _] = row(&what, Some(batch.tokens_per_second), SPEED, None)?;
            let times = format!("{:.1} × one", batch.speedup.median);
            Some([what, median, range, times])
        }));
        rows.into_iter().flatten().collect()
    }
}

/// The scale, the number of decimal places, and the name.
type Unit = (f64, usize, &'static str);

const SECONDS: Unit = (1.0, 3, "s");
const MB: Unit = (1e6, 0, "MB");
const GBS: Unit = (1e9, 1, "GB/s");
/// A multiplication and an addition are two operations.
const GFLOPS: Unit = (0.5e9, 0, "GFLOP/s");
const SPEED: Unit = (1.0, 1, "tokens/s");

/// Returns `None` if there are no statistics.
fn row(
    what: &str,
    statistics: Option<Statistics>,
    (scale, digits, unit): Unit,
    limit_share: Option<Statistics>,
) -> Option<[String; 4]> {
    let Statistics { median, min, max } = statistics?;
    let number = |value: f64| format!("{:.digits$}", value / scale);
    let range = match min == max {
        true => String::new(),
        false => format!("{} to {}", number(min), number(max)),
    };
    let share = limit_share.map(|share| format!("{:.0} %", share.median * 100.0));
    let median = format!("{} {unit}", number(median));
    Some([what.to_owned(), median, range, share.unwrap_or_default()])
}

fn line(
    out: &mut impl Write,
    [device, dtype, threads]: [&str; 3],
    [what, median, range, limit]: [String; 4],
) -> std::io::Result<()> {
    writeln!(
        out,
        "| {device:<9} | {dtype:<5} | {threads:>7} | {what:<18} | {median:>15} | {range:>18} | {limit:>12} |"
    )
}
