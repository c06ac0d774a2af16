//! `wolfgang serve` as a process.

use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const NO_CONFIGURATION: &str = "tests/fixtures/empty.toml";

/// A running server. It is killed when dropped, unless it was stopped.
pub(super) struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// Starts a server with these API keys, and waits until it listens on a free port.
    pub(super) fn start(wolfgang: &Path, model: &Path, keys: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(wolfgang)
            .args(["serve", "--config", NO_CONFIGURATION, "--port", "0"])
            .arg("--model")
            .arg(model)
            .arg("--api-key-file")
            .arg(keys)
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start wolfgang serve")?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut server = Self {
            process,
            url: String::new(),
        };
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some((_, url)) = line.split_once("listening on ") {
                server.url = url.trim().to_owned();
                return Ok(server);
            }
        }
        anyhow::bail!("wolfgang serve ended: {}", server.process.wait()?)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks the server to stop, as a service manager does.
    ///
    /// # Errors
    /// Its exit code is not 0.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status()?;
        ensure!(sent.success(), "failed to send SIGTERM to the server");
        let status = self.process.wait()?;
        ensure!(
            status.success(),
            "after SIGTERM the server ended with {status}"
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if the process has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
