//! The measured part of docs/performance.md.

use super::{BATCH_SIZE, SHOWN};
use crate::processor::processor;
use anyhow::Context;
use std::fmt::Write;
use wolfgang_bench::{BenchReport, Statistics, Throughput};

/// Between these lines the page is written by `cargo xtask bench`.
const BEGIN: &str = "<!-- measured: begin, by cargo xtask bench -->\n";
const END: &str = "<!-- measured: end -->\n";

/// The page with these results instead of the previous ones.
pub(super) fn with_table(page: &str, reports: &[BenchReport]) -> anyhow::Result<String> {
    let missing = "docs/performance.md has lost the lines between which results are written";
    let (before, rest) = page.split_once(BEGIN).context(missing)?;
    let (_, after) = rest.split_once(END).context(missing)?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", measured(reports)?))
}

fn measured(reports: &[BenchReport]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    if let Some(first) = reports.first() {
        let threads = first.threads.unwrap_or(1);
        let instructions = first.instructions.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{}, {threads} threads, {instructions}; medians (least to most) of the rounds.\n",
            processor()
        )?;
    }
    let [near, far] = SHOWN;
    writeln!(
        out,
        "| | prefill of 448, tokens/s | of its limit | decode at {near}, tokens/s | of its limit | decode at {far}, tokens/s | of its limit | {BATCH_SIZE} together at {near}, tokens/s | times one |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for report in reports {
        write!(out, "| {} |", report.precision)?;
        let decode = |at| report.decode.iter().find(|rate| rate.at == at);
        for rate in [report.prefill.first(), decode(near), decode(far)] {
            write!(out, " {} |", rate.map(cells).unwrap_or_default())?;
        }
        for batch in &report.batch {
            let times = batch.speedup.median;
            write!(out, " {} | {times:.1} |", spread(batch.tokens_per_second))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\n| | weights in memory | load | first token of a prompt of 512 | peak memory | reading | multiplying |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for report in reports {
        let or_none = |statistics: Option<Statistics>, scale, unit| match statistics {
            Some(statistics) => format!("{:.0} {unit}", statistics.median / scale),
            None => String::new(),
        };
        writeln!(
            out,
            "| {} | {:.0} MB | {:.3} s | {:.3} s | {} | {} | {} |",
            report.precision,
            report.weight_bytes as f64 / 1e6,
            report.load_seconds.median,
            report.first_token_seconds.median,
            or_none(report.peak_memory_bytes, 1e6, "MB"),
            or_none(report.read_bytes_per_second, 1e9, "GB/s"),
            or_none(report.multiply_adds_per_second, 0.5e9, "GFLOP/s"),
        )?;
    }
    profile(reports, &mut out)?;
    Ok(out)
}

/// Where the time of one token goes.
fn profile(reports: &[BenchReport], out: &mut String) -> std::fmt::Result {
    let names: Vec<_> = reports
        .iter()
        .map(|report| report.precision.as_str())
        .collect();
    writeln!(
        out,
        "\nWhere the time of one token goes, at position {}:\n\n| | {} |\n| --- |{}",
        SHOWN[1],
        names.join(" | "),
        " ---: |".repeat(reports.len())
    )?;
    let ops = reports.first().map_or(&[][..], |report| &report.ops);
    for (place, op) in ops.iter().enumerate() {
        let shares = reports.iter().map(|report| {
            let total: f64 = report.ops.iter().map(|op| op.seconds).sum();
            format!("{:.1} %", 100.0 * report.ops[place].seconds / total)
        });
        let shares = shares.collect::<Vec<_>>().join(" | ");
        writeln!(out, "| {} | {shares} |", op.op)?;
    }
    let times = reports.iter().map(|report| {
        let total: f64 = report.ops.iter().map(|op| op.seconds).sum();
        format!("{:.2} ms", total * 1e3)
    });
    writeln!(out, "| all | {} |", times.collect::<Vec<_>>().join(" | "))
}

fn cells(rate: &Throughput) -> String {
    let share = rate
        .limit_share
        .map(|share| format!("{:.0} %", share.median * 100.0));
    let share = share.unwrap_or_default();
    format!("{} | {share}", spread(rate.tokens_per_second))
}

fn spread(statistics: Statistics) -> String {
    let Statistics {
        median, min, max, ..
    } = statistics;
    format!("{median:.0} ({min:.0} to {max:.0})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_lines_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let new = with_table(&page, &[]).unwrap();
        assert!(new.starts_with(&format!("before\n{BEGIN}| |")), "{new}");
        assert!(new.ends_with(&format!("{END}after\n")), "{new}");
        assert!(!new.contains("old"), "{new}");
        assert!(with_table("a page without them", &[]).is_err());
    }
}
