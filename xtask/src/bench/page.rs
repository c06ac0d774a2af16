//! The measured part of docs/performance.md.

use super::{SHOWN, TOGETHER};
use anyhow::Context;
use std::fmt::Write;
use wolfgang_cli::{Figures, Rate, Sample};

/// Between these lines the page is written by `cargo xtask bench`.
const BEGIN: &str = "<!-- measured: begin, by cargo xtask bench -->\n";
const END: &str = "<!-- measured: end -->\n";

/// The page with these figures in the place of those that are there.
pub(super) fn with_table(page: &str, all: &[Figures]) -> anyhow::Result<String> {
    let missing = "docs/performance.md has lost the lines between which figures are written";
    let (before, rest) = page.split_once(BEGIN).context(missing)?;
    let (_, after) = rest.split_once(END).context(missing)?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", measured(all)?))
}

fn measured(all: &[Figures]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    if let Some(first) = all.first() {
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
        "| | prefill of 448, tokens/s | of its limit | decode at {near}, tokens/s | of its limit | decode at {far}, tokens/s | of its limit | {TOGETHER} together at {near}, tokens/s | times one |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for figures in all {
        write!(out, "| {} |", figures.dtype)?;
        let decode = |at| figures.decode.iter().find(|rate| rate.at == at);
        for rate in [figures.prefill.first(), decode(near), decode(far)] {
            write!(out, " {} |", rate.map(cells).unwrap_or_default())?;
        }
        for together in &figures.together {
            let times = together.times_one.median;
            write!(
                out,
                " {} | {times:.1} |",
                spread(together.tokens_per_second)
            )?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\n| | weights in memory | load | first token of a prompt of 512 | peak memory | reading | multiplying |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for figures in all {
        let or_none = |sample: Option<Sample>, scale, unit| match sample {
            Some(sample) => format!("{:.0} {unit}", sample.median / scale),
            None => String::new(),
        };
        writeln!(
            out,
            "| {} | {:.0} MB | {:.3} s | {:.3} s | {} | {} | {} |",
            figures.dtype,
            figures.weight_bytes as f64 / 1e6,
            figures.load_seconds.median,
            figures.first_token_seconds.median,
            or_none(figures.peak_memory_bytes, 1e6, "MB"),
            or_none(figures.read_bytes_per_second, 1e9, "GB/s"),
            or_none(figures.multiply_adds_per_second, 0.5e9, "GFLOP/s"),
        )?;
    }
    profile(all, &mut out)?;
    Ok(out)
}

/// Where the time of one token goes.
fn profile(all: &[Figures], out: &mut String) -> std::fmt::Result {
    let names: Vec<_> = all.iter().map(|figures| figures.dtype.as_str()).collect();
    writeln!(
        out,
        "\nWhere the time of one token goes, at position {}:\n\n| | {} |\n| --- |{}",
        SHOWN[1],
        names.join(" | "),
        " ---: |".repeat(all.len())
    )?;
    let steps = all.first().map_or(&[][..], |figures| &figures.steps);
    for (place, step) in steps.iter().enumerate() {
        let shares = all.iter().map(|figures| {
            let total: f64 = figures.steps.iter().map(|step| step.seconds).sum();
            format!("{:.1} %", 100.0 * figures.steps[place].seconds / total)
        });
        let shares = shares.collect::<Vec<_>>().join(" | ");
        writeln!(out, "| {} | {shares} |", step.step)?;
    }
    let times = all.iter().map(|figures| {
        let total: f64 = figures.steps.iter().map(|step| step.seconds).sum();
        format!("{:.2} ms", total * 1e3)
    });
    writeln!(out, "| all | {} |", times.collect::<Vec<_>>().join(" | "))
}

fn cells(rate: &Rate) -> String {
    let share = rate
        .of_limit
        .map(|share| format!("{:.0} %", share.median * 100.0));
    let share = share.unwrap_or_default();
    format!("{} | {share}", spread(rate.tokens_per_second))
}

fn spread(sample: Sample) -> String {
    let Sample {
        median, min, max, ..
    } = sample;
    format!("{median:.0} ({min:.0} to {max:.0})")
}

/// The processor's own name, where the system tells it.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name"));
    let name = name.and_then(|line| line.split_once(':'));
    name.map_or(std::env::consts::ARCH, |(_, name)| name.trim())
        .to_owned()
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
