//! `cargo xtask check-page`: the page of `wolfgang serve` in a browser.

use crate::serving::{ServerProcess, free_port, wolfgang_serve};
use anyhow::{Context, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Drives the page in a headless Chromium against a server with the built-in model, and leaves
/// screenshots in target/check-page/. Says so and checks nothing if a program is missing.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The browser, as a path or as a name in PATH
    #[arg(long, value_name = "PATH", default_value = "chromium")]
    chromium: PathBuf,

    /// A running server to check. Without it, this program starts one
    #[arg(long)]
    url: Option<String>,
}

const FOLDER: &str = "target/check-page";
const SCRIPT: &str = "xtask/js/check_page.mjs";

/// What the script imports, from npm.
const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    for program in [
        &args.chromium,
        Path::new("node"),
        Path::new("npm"),
        Path::new("curl"),
    ] {
        let found = Command::new(program).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            return print_line(&format!("skipped: there is no {}", program.display()));
        }
    }
    std::fs::create_dir_all(FOLDER)?;
    let installed = Command::new("npm")
        .args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            FOLDER,
        ])
        .args(PACKAGES)
        .status()?;
    ensure!(installed.success(), "npm cannot install {PACKAGES:?}");

    let folder = Path::new(FOLDER);
    let (server, url) = match &args.url {
        Some(url) => (None, url.clone()),
        None => {
            let port = free_port()?;
            let command = wolfgang_serve(None, port)?;
            let server = ServerProcess::start("server", command, port, "/ready", folder)?;
            let url = format!("http://{}/", server.address());
            (Some(server), url)
        }
    };
    let checked = Command::new("node")
        .args([SCRIPT, &url, FOLDER])
        .arg(&args.chromium)
        .status()?;
    drop(server);
    ensure!(checked.success(), "the page failed a check");
    print_line("the page passed all checks; screenshots: target/check-page/*.png")
}

fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
