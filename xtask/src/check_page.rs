//! `cargo xtask check-page`: the page of `wolfgang serve` in a browser.

use anyhow::{Context, bail, ensure};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// How long a server may take to load the built-in model, in a debug build.
const START: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    for program in [&args.chromium, Path::new("node"), Path::new("npm"), Path::new("curl")] {
        let found = Command::new(program).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            return print_line(&format!("skipped: there is no {}", program.display()));
        }
    }
    std::fs::create_dir_all(FOLDER)?;
    let installed = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER])
        .args(PACKAGES)
        .status()?;
    ensure!(installed.success(), "npm cannot install {PACKAGES:?}");

    let server = match args.url {
        Some(_) => None,
        None => Some(Server::start()?),
    };
    let url = match (&args.url, &server) {
        (Some(url), _) => url.clone(),
        (None, Some(server)) => format!("http://127.0.0.1:{}/", server.port),
        (None, None) => bail!("there is no server"),
    };
    let checked = Command::new("node")
        .args([SCRIPT, &url, FOLDER])
        .arg(&args.chromium)
        .status()?;
    ensure!(checked.success(), "the page failed a check");
    print_line("the page passed all checks; screenshots: target/check-page/*.png")
}

/// A server in a process, which ends with this value.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let built = Command::new("cargo")
            .args(["build", "--quiet", "--package", "wolfgang-cli"])
            .status()?;
        ensure!(built.success(), "the command cannot be built");
        let process = Command::new("target/debug/wolfgang")
            .args(["serve", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start target/debug/wolfgang")?;
        let mut server = Self { process, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.process.try_wait()? {
                bail!("the server ended: {status}");
            }
            ensure!(start.elapsed() < START, "the server does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write to standard output")
}
