//! `cargo xtask check-page`: the page of `wolfgang serve` in a browser.

use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Drives the page in a headless Chromium against a server with the built-in model, and leaves
/// screenshots in target/check-page/. Says so and checks nothing if a program is missing.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The browser
    #[arg(long, value_name = "PATH", default_value = "chromium")]
    chromium: PathBuf,

    /// A running server to check instead of starting one
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

    let (server, url) = match &args.url {
        Some(url) => (None, url.clone()),
        None => {
            let (server, url) = Server::start()?;
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

/// The process of a server, which ends with this value.
struct Server(Child);

impl Server {
    /// Starts a server and returns its URL.
    fn start() -> anyhow::Result<(Self, String)> {
        let mut process = Command::new("cargo")
            .args(["run", "--quiet", "--package", "wolfgang-cli", "--"])
            .args(["serve", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("the server has no output")?;
        let server = Self(process);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url.context("the server did not start")?.to_owned();
        Ok((server, url))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
