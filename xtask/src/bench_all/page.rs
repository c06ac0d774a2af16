//! Documents with measured parts.

use anyhow::Context;

/// The results of one measurement, in Markdown.
pub(super) struct Fragment {
    pub(super) name: String,
    pub(super) text: String,
}

/// The page with these results instead of the previous ones.
///
/// # Errors
/// The page lacks the lines between which the results of a measurement are.
pub(super) fn with_fragments(page: &str, fragments: &[Fragment]) -> anyhow::Result<String> {
    let mut page = page.to_owned();
    for Fragment { name, text } in fragments {
        let begin = format!("<!-- measured: {name}, by cargo xtask bench-all -->\n");
        let end = format!("<!-- end of {name} -->\n");
        let missing =
            || format!("docs/performance.md has lost the lines between which {name} is written");
        let (before, rest) = page.split_once(&begin).with_context(missing)?;
        let (_, after) = rest.split_once(&end).with_context(missing)?;
        page = format!("{before}{begin}{text}{end}{after}");
    }
    Ok(page)
}

/// The history of a processor with another run, the newest first.
pub(super) fn with_run(
    earlier: &str,
    processor: &str,
    run: &str,
    fragments: &[Fragment],
) -> String {
    let title = format!(
        "# {processor}\n\nThe runs of `cargo xtask bench-all` on this processor, the newest first.\n"
    );
    let earlier = earlier.strip_prefix(&title).unwrap_or(earlier);
    let mut page = format!("{title}\n## {run}\n");
    for Fragment { name, text } in fragments {
        page.push_str(&format!("\n### {name}\n\n{text}"));
    }
    page.push_str(earlier);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(name: &str, text: &str) -> Fragment {
        Fragment {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn only_text_between_the_lines_is_replaced() {
        let page = "before\n<!-- measured: peers, by cargo xtask bench-all -->\nold\n<!-- end of peers -->\nafter\n";
        let new = with_fragments(page, &[fragment("peers", "new\n")]).unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert!(with_fragments(page, &[fragment("serve", "new\n")]).is_err());
    }

    #[test]
    fn the_newest_run_is_first_and_earlier_ones_stay() {
        let first = with_run("", "A processor", "first", &[fragment("peers", "1\n")]);
        let second = with_run(&first, "A processor", "second", &[fragment("peers", "2\n")]);
        let titles: Vec<_> = second
            .lines()
            .filter(|line| line.starts_with('#'))
            .collect();
        let expected = [
            "# A processor",
            "## second",
            "### peers",
            "## first",
            "### peers",
        ];
        assert_eq!(titles, expected);
    }
}
