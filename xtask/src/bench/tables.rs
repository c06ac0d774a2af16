//! The results as tables in Markdown.

use super::{BATCH_SIZES, SHOWN};
use crate::processor::processor;
use std::fmt::Write;
use wolfgang_bench::{BenchReport, OpTime, Statistics, Throughput};

/// What was measured.
pub(super) fn markdown(reports: &[BenchReport]) -> Result<String, std::fmt::Error> {
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
        "| | prefill of 448, tokens/s | of its limit | decode at {near}, tokens/s | of its limit | decode at {far}, tokens/s | of its limit |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for report in reports {
        write!(out, "| {} |", report.precision)?;
        let decode = |at| report.decode.iter().find(|rate| rate.at == at);
        for rate in [report.prefill.first(), decode(near), decode(far)] {
            write!(out, " {} |", rate.map(cells).unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    let sizes = BATCH_SIZES.map(|size| format!("{size} sequences, tokens/s | times one"));
    writeln!(
        out,
        "\nDecode of several sequences in one batch, from position {near}:\n\n| | {} |\n| --- |{}",
        sizes.join(" | "),
        " ---: | ---: |".repeat(sizes.len())
    )?;
    for report in reports {
        write!(out, "| {} |", report.precision)?;
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
    let decode = format!("one token at position {far}");
    profile(reports, &decode, |report| &report.ops, &mut out)?;
    let prefill = "one token of a prompt of 448";
    profile(reports, prefill, |report| &report.prefill_ops, &mut out)?;
    Ok(out)
}

/// Where the time of one token goes.
fn profile(
    reports: &[BenchReport],
    token: &str,
    ops: impl Fn(&BenchReport) -> &[OpTime],
    out: &mut String,
) -> std::fmt::Result {
    let names: Vec<_> = reports
        .iter()
        .map(|report| report.precision.as_str())
        .collect();
    writeln!(
        out,
        "\nWhere the time of {token} goes:\n\n| | {} |\n| --- |{}",
        names.join(" | "),
        " ---: |".repeat(reports.len())
    )?;
    let total = |report| ops(report).iter().map(|op| op.seconds).sum::<f64>();
    for (place, op) in reports.first().map_or(&[][..], &ops).iter().enumerate() {
        let shares = reports.iter().map(|report| {
            let seconds = ops(report)[place].seconds;
            format!("{:.1} %", 100.0 * seconds / total(report))
        });
        let shares = shares.collect::<Vec<_>>().join(" | ");
        writeln!(out, "| {} | {shares} |", op.op)?;
    }
    let times = reports
        .iter()
        .map(|report| format!("{:.3} ms", total(report) * 1e3));
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
