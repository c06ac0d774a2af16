//! The chart of docs/performance.md: tokens a second over the position in the context, as SVG.

use wolfgang_bench::BenchReport;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room for what is written beside the lines.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
/// The height of a line of text.
const LINE: f64 = 16.0;

/// Of the same lightness, told apart without red and green; each line bears its name besides.
const COLOURS: [&str; 5] = ["#3b7dd8", "#c2571a", "#1b998b", "#8e5bd0", "#a08010"];

/// Readable on light and on dark pages.
const STYLE: &str = "text{font:13px sans-serif;fill:#555}.title{font-size:15px}.grid{stroke:#888;stroke-opacity:.25}\
                     .line{fill:none;stroke-width:2.5}.limit{stroke-width:1.5;stroke-dasharray:2 5}\
                     @media(prefers-color-scheme:dark){text{fill:#bbb}}";

pub(super) fn svg(reports: &[BenchReport]) -> String {
    let points = || reports.iter().flat_map(|report| &report.decode);
    let highest = points().map(|rate| rate.tokens_per_second.median);
    let limits = reports.iter().filter_map(limit);
    let top = steps_above(highest.chain(limits).fold(1.0, f64::max));
    let last = points().map(|rate| rate.at).max().unwrap_or(1).max(1) as f64;
    let x = |at: f64| LEFT + at / last * (WIDTH - LEFT - RIGHT);
    let y = |speed: f64| HEIGHT - BOTTOM - speed / top * (HEIGHT - TOP - BOTTOM);

    let mut body = String::new();
    let mut add = |element: String| {
        body.push_str("  ");
        body.push_str(&element);
        body.push('\n');
    };
    let (right, base) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for step in 0..=5 {
        let speed = top / 5.0 * f64::from(step);
        let (y, at) = (y(speed), y(speed) + 4.0);
        add(format!(
            r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#
        ));
        let end = LEFT - 8.0;
        add(format!(
            r#"<text x="{end}" y="{at:.1}" text-anchor="end">{speed:.0}</text>"#
        ));
    }
    for at in points()
        .map(|rate| rate.at)
        .collect::<std::collections::BTreeSet<_>>()
    {
        let (x, y) = (x(at as f64), base + 20.0);
        add(format!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle">{at}</text>"#
        ));
    }
    for (report, colour) in reports.iter().zip(COLOURS.iter().cycle()) {
        let points = report.decode.iter().map(|rate| {
            let (x, y) = (x(rate.at as f64), y(rate.tokens_per_second.median));
            format!("{x:.1},{y:.1}")
        });
        let points = points.collect::<Vec<_>>().join(" ");
        add(format!(
            r#"<polyline class="line" stroke="{colour}" points="{points}"/>"#
        ));
        if let Some(limit) = limit(report) {
            let y = y(limit);
            add(format!(
                r#"<line class="limit" stroke="{colour}" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#
            ));
        }
    }
    // Names at the ends of the lines, from above, none in another's place.
    let mut ends: Vec<_> = reports.iter().zip(COLOURS.iter().cycle()).collect();
    let end = |report: &BenchReport| {
        let last = report.decode.last();
        last.map_or(0.0, |rate| rate.tokens_per_second.median)
    };
    ends.sort_by(|(a, _), (b, _)| end(b).total_cmp(&end(a)));
    let mut free = 0.0;
    for (report, colour) in ends {
        let (x, speed) = (right + 8.0, end(report));
        let y = f64::max(free, y(speed) + 4.0);
        free = y + LINE;
        let precision = report.precision;
        add(format!(
            r#"<text x="{x}" y="{y:.1}" style="fill:{colour}">{precision}: {speed:.0}</text>"#
        ));
    }
    let title = "Decode, tokens a second, over the position in the context";
    let (middle, below) = ((LEFT + right) / 2.0, HEIGHT - 8.0);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">
  <style>{STYLE}</style>
  <text class="title" x="{LEFT}" y="20">{title}</text>
{body}  <text x="{middle}" y="{below}" text-anchor="middle">position; dotted: what reading the weights allows</text>
</svg>
"#
    )
}

/// Tokens a second, if decoding were nothing but reading the weights.
fn limit(report: &BenchReport) -> Option<f64> {
    let read = report.read_bytes_per_second?;
    Some(read.median / report.weight_bytes as f64)
}

/// The next number from here on that five steps divide well.
fn steps_above(largest: f64) -> f64 {
    let magnitude = 10f64.powf(largest.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0];
    let fits = steps
        .map(|step| step * magnitude)
        .into_iter()
        .find(|top| *top >= largest);
    fits.unwrap_or(10.0 * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_number_that_five_steps_divide() {
        for (largest, top) in [
            (1.0, 1.0),
            (97.0, 100.0),
            (101.0, 150.0),
            (424.0, 500.0),
            (800.0, 1000.0),
        ] {
            assert_eq!(steps_above(largest), top, "{largest}");
        }
    }
}
