//! `cargo xtask check-explain`: the page of `wolfgang explain` in a browser.

use anyhow::{Context, ensure};
use serde::Deserialize;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Drives the page by keys in a headless Chromium, and leaves pictures of it in target/explain/.
/// Without a Chromium it says so and checks nothing.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The browser
    #[arg(long, value_name = "PATH", default_value = "chromium")]
    chromium: PathBuf,
}

const SCRIPT: &str = include_str!("../js/check_explain.js");

/// Wide and narrow, in light and dark.
const PICTURES: [(&str, &str, &str); 4] = [
    ("wide-light", "1280,1100", "1"),
    ("wide-dark", "1280,1100", "0"),
    ("narrow-light", "500,900", "1"),
    ("narrow-dark", "500,900", "0"),
];

/// What the script found.
#[derive(Debug, Deserialize)]
struct Found {
    error: Option<String>,
    tokens: usize,
    /// Whether the page's own style is in effect.
    styled: bool,
    /// For each key: which token is selected, whether it alone can be reached by Tab, and what the
    /// panel is headed by.
    keys: Vec<(String, i64, bool, Option<String>)>,
    /// How many rows of alternatives, steps and parts of the line the panel has had at least.
    panel: [usize; 3],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let folder = Path::new("target/explain");
    std::fs::create_dir_all(folder)?;
    let page = folder.join("page.html");
    let written = Command::new("cargo")
        .args(["run", "--quiet", "--package", "wolfgang-cli", "--"])
        .args(["explain", "Habe nun, ach! </script><b>", "--seed", "5"])
        .args([
            "--max-new-tokens",
            "60",
            "--lang",
            "de",
            "--force",
            "--html",
        ])
        .arg(&page)
        .status()?;
    ensure!(written.success(), "there is no page");
    let driven = folder.join("driven.html");
    std::fs::write(&driven, with_script(&std::fs::read_to_string(&page)?)?)?;
    let url = format!("file://{}", driven.canonicalize()?.display());

    let dom = match browser(&args.chromium, &["--dump-dom"], &url) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = args.chromium.display();
            return print_line(&format!("skipped: there is no {name}"));
        }
        output => String::from_utf8(output?.stdout)?,
    };
    check(&found(&dom)?)?;
    for (name, size, scheme) in PICTURES {
        let picture = folder.join(format!("{name}.png"));
        let arguments = [
            &format!("--screenshot={}", picture.display()),
            &format!("--window-size={size}"),
            &format!("--blink-settings=preferredColorScheme={scheme}"),
        ];
        browser(&args.chromium, &arguments.map(String::as_str), &url)?;
        ensure!(picture.is_file(), "there is no picture {name}");
    }
    print_line("the page passed all checks; screenshots: target/explain/*.png")
}

/// The page with our script behind its own, which its policy lets through. All else stays under
/// that policy.
fn with_script(page: &str) -> anyhow::Result<String> {
    let policy = "script-src ";
    ensure!(page.contains(policy), "the page has no policy");
    let page = page.replacen(policy, "script-src 'nonce-check' ", 1);
    let script = format!("<script nonce=\"check\">{SCRIPT}</script></body>");
    Ok(page.replacen("</body>", &script, 1))
}

fn browser(chromium: &Path, arguments: &[&str], url: &str) -> std::io::Result<Output> {
    Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--hide-scrollbars", "--virtual-time-budget=2000"])
        .args(arguments)
        .arg(url)
        .output()
}

fn found(dom: &str) -> anyhow::Result<Found> {
    let told = dom.split_once("<pre id=\"check\" hidden=\"\">");
    let told = told.and_then(|(_, rest)| rest.split_once("</pre>"));
    let (json, _) = told.context("the script did not come to its end")?;
    Ok(serde_json::from_str(json)?)
}

fn check(found: &Found) -> anyhow::Result<()> {
    ensure!(found.error.is_none(), "the page fails: {:?}", found.error);
    ensure!(found.styled, "the policy keeps the page's style out");
    ensure!(found.tokens == 60, "{} tokens", found.tokens);
    let last = found.tokens as i64 - 1;
    let mut before: Option<&str> = None;
    for (key, selected, alone, heading) in &found.keys {
        let expected = match key.as_str() {
            "focus" | "Home" => *selected == 0,
            "ArrowRight" => *selected == 1,
            "ArrowLeft" => *selected == last - 1,
            "End" => *selected == last,
            "ArrowDown" => *selected > 1,
            "Escape" => *selected == -1 && heading.is_none(),
            _ => false,
        };
        ensure!(expected, "{key} selects {selected}");
        ensure!(*alone, "after {key} several tokens are reached by Tab");
        ensure!(
            key == "Escape" || heading.is_some() && heading.as_deref() != before,
            "after {key} the panel is still headed {heading:?}"
        );
        before = heading.as_deref();
    }
    ensure!(found.keys.len() == 7, "not all keys were pressed");
    let [alternatives, steps, shares] = found.panel;
    ensure!(
        alternatives >= 8 && steps == 4 && shares >= 1,
        "the panel lacks something: {:?}",
        found.panel
    );
    Ok(())
}

fn print_line(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").context("cannot write to standard output")
}
