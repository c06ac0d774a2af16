//! A replica of `wolfgang serve`.

use super::args::Args;
use crate::serving::{ServerProcess, wolfgang_serve};
use std::path::Path;

/// A replica, and how to start it again.
pub(super) struct Replica {
    pub(super) name: &'static str,
    pub(super) port: u16,
    pub(super) server: ServerProcess,
}

impl Replica {
    pub(super) fn start(
        args: &Args,
        name: &'static str,
        port: u16,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let mut command = wolfgang_serve(args.wolfgang.as_deref(), port)?;
        command.args(["--threads", "1"]);
        let server = ServerProcess::start(name, command, port, "/ready", folder)?;
        Ok(Self { name, port, server })
    }
}
