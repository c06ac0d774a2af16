//! The proxies, with the files of docs/deploy.

use super::args::Args;
use crate::serving::{ServerProcess, free_port};
use anyhow::{Context, ensure};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The addresses in the files of docs/deploy.
const PROXY: &str = "127.0.0.1:8080";
const REPLICAS: [&str; 2] = ["127.0.0.1:8081", "127.0.0.1:8082"];

/// Around the file for nginx, in place of the system's /etc/nginx/nginx.conf.
const NGINX_MAIN: &str = "\
    daemon off;\n\
    pid nginx.pid;\n\
    error_log stderr;\n\
    events {}\n\
    http {\n\
        access_log off;\n\
        client_body_temp_path body;\n\
        proxy_temp_path proxy;\n\
        fastcgi_temp_path fastcgi;\n\
        uwsgi_temp_path uwsgi;\n\
        scgi_temp_path scgi;\n\
        include wolfgang.conf;\n\
    }\n";

pub(super) struct Proxy {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    /// Whether a replica may be restarted behind it.
    pub(super) restarts: bool,
    command: fn(&Path, u16, [u16; 2], &Path) -> anyhow::Result<Command>,
}

impl Proxy {
    pub(super) fn all(args: &Args) -> [Self; 3] {
        [
            Self {
                name: "nginx",
                program: "nginx".into(),
                restarts: true,
                command: nginx,
            },
            Self {
                name: "HAProxy",
                program: "haproxy".into(),
                restarts: true,
                command: haproxy,
            },
            Self {
                name: "vllm-router",
                program: args.vllm_router.clone(),
                restarts: true,
                command: vllm_router,
            },
        ]
    }

    /// Starts the proxy in front of the replicas, or returns `None` if it is not installed.
    pub(super) fn start(
        &self,
        replicas: [u16; 2],
        folder: &Path,
    ) -> anyhow::Result<Option<ServerProcess>> {
        if let Err(error) = Command::new(&self.program).arg("-v").output()
            && error.kind() == ErrorKind::NotFound
        {
            return Ok(None);
        }
        let port = free_port()?;
        let command = (self.command)(&self.program, port, replicas, folder)?;
        let server = ServerProcess::start(self.name, command, port, "/health", folder)?;
        Ok(Some(server))
    }
}

/// A file of docs/deploy with the addresses of this run.
fn configuration(name: &str, port: u16, replicas: [u16; 2]) -> anyhow::Result<String> {
    let path = Path::new("docs/deploy").join(name);
    let mut text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let ports = [port, replicas[0], replicas[1]];
    for (address, port) in [PROXY, REPLICAS[0], REPLICAS[1]].into_iter().zip(ports) {
        let count = text.matches(address).count();
        ensure!(
            count == 1,
            "{name} has {address} {count} times instead of once"
        );
        text = text.replace(address, &format!("127.0.0.1:{port}"));
    }
    Ok(text)
}

fn nginx(program: &Path, port: u16, replicas: [u16; 2], folder: &Path) -> anyhow::Result<Command> {
    let text = configuration("nginx.conf", port, replicas)?;
    std::fs::write(folder.join("wolfgang.conf"), text)?;
    let main = folder.join("nginx.conf");
    std::fs::write(&main, NGINX_MAIN)?;
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(main);
    Ok(command)
}

fn haproxy(
    program: &Path,
    port: u16,
    replicas: [u16; 2],
    folder: &Path,
) -> anyhow::Result<Command> {
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, configuration("haproxy.cfg", port, replicas)?)?;
    let mut command = Command::new(program);
    // In the foreground.
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}

fn vllm_router(
    program: &Path,
    port: u16,
    replicas: [u16; 2],
    folder: &Path,
) -> anyhow::Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(folder);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    command.args([
        "--policy",
        "round_robin",
        "--health-check-endpoint",
        "/ready",
    ]);
    command.args(["--health-check-interval-secs", "1"]);
    command.args([
        "--health-failure-threshold",
        "1",
        "--health-success-threshold",
        "1",
    ]);
    command.arg("--disable-circuit-breaker");
    command.args(["--prometheus-port", &free_port()?.to_string()]);
    command.arg("--worker-urls");
    command.args(replicas.map(|port| format!("http://127.0.0.1:{port}")));
    Ok(command)
}
