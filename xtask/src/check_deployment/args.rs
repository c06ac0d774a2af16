//! The arguments of `cargo xtask check-deployment`.

use std::path::PathBuf;

/// Starts two replicas with the built-in model behind nginx, HAProxy and vllm-router. Streams must
/// arrive while they are generated, and every answer must have the bytes that the replica itself
/// gives. Behind nginx and HAProxy, both replicas are restarted under load: no request may fail.
/// Programs that are not installed are skipped, and named.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// The `wolfgang` program to check. Without it, this program
    #[arg(long, value_name = "PATH")]
    pub(super) wolfgang: Option<PathBuf>,

    /// vllm-router, a Python program
    #[arg(long, value_name = "PATH", default_value = "vllm-router")]
    pub(super) vllm_router: PathBuf,

    /// hadolint, which checks the container file
    #[arg(long, value_name = "PATH", default_value = "hadolint")]
    pub(super) hadolint: PathBuf,

    /// kubernetes-validate, a Python program
    #[arg(long, value_name = "PATH", default_value = "kubernetes-validate")]
    pub(super) kubernetes_validate: PathBuf,
}
