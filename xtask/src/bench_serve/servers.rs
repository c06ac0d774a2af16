//! The servers, with the same weights.

use super::args::Args;
use crate::processor::has_feature;
use crate::serving::{ServerProcess, free_port, wolfgang_serve};
use anyhow::{Context, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use wolfgang_generate::ModelConfig;

/// How the two servers are started.
pub(super) struct Servers {
    args: Args,
    folder: TempDir,
}

impl Servers {
    /// Writes the models.
    pub(super) fn new(args: &Args) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut python = Command::new(&args.python)
            .args(["-c", include_str!("../../python/make_served_gguf.py")])
            .arg(folder.path())
            .arg("models/faust/tokenizer.json")
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", args.python.display()))?;
        let mut stdin = python.stdin.take().context("no standard input")?;
        stdin.write_all(&serde_json::to_vec(&ModelConfig::default())?)?;
        drop(stdin);
        ensure!(python.wait()?.success(), "cannot write the models");
        let args = args.clone();
        Ok(Self { args, folder })
    }

    /// The weights in f32, which `wolfgang` converts when it loads them.
    pub(super) fn weights(&self) -> PathBuf {
        self.folder.path().join("f32.gguf")
    }

    /// `wolfgang serve` that generates this number of texts at the same time, with further
    /// arguments.
    pub(super) fn wolfgang(
        &self,
        dtype: &str,
        running: usize,
        more: &[&str],
    ) -> anyhow::Result<ServerProcess> {
        let port = free_port()?;
        let mut command = wolfgang_serve(self.args.wolfgang.as_deref(), port)?;
        command.arg("--model").arg(self.weights());
        command.args([
            "--dtype",
            dtype,
            "--threads",
            &self.args.threads.to_string(),
        ]);
        command.args(["--max-running", &running.to_string()]);
        command.args(more);
        ServerProcess::start("wolfgang", command, port, "/ready", self.folder.path())
    }

    /// llama-server with room for this number of clients, if it is to be measured.
    pub(super) fn llama(
        &self,
        dtype: &str,
        clients: usize,
    ) -> anyhow::Result<Option<ServerProcess>> {
        let Some(program) = &self.args.llama_server else {
            return Ok(None);
        };
        let port = free_port()?;
        let weights = match dtype {
            "int8" => "q8_0.gguf",
            _ => "f32.gguf",
        };
        let context = clients * ModelConfig::default().block_size;
        let mut command = Command::new(program);
        command.arg("--model").arg(self.folder.path().join(weights));
        command.args(["--port", &port.to_string()]);
        command.args(["--threads", &self.args.threads.to_string()]);
        command.args(["--parallel", &clients.to_string()]);
        command.args(["--ctx-size", &context.to_string()]);
        // llama-cpp-python 0.3.36 crashes with repacked weights in q8_0 on processors with AMX.
        if dtype == "int8" && has_feature("amx_int8") {
            command.arg("--no-repack");
        }
        // As here, where no two prompts have a common beginning.
        command.args(["--no-cache-prompt", "--cache-ram", "0"]);
        let folder: &Path = self.folder.path();
        ServerProcess::start("llama-server", command, port, "/health", folder).map(Some)
    }
}
