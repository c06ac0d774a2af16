//! A server as a process.

use super::Client;
use anyhow::{Context, bail, ensure};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to load its model.
const START: Duration = Duration::from_secs(120);

/// How long a process may take to end when it is dropped.
const END: Duration = Duration::from_secs(10);

/// A server that listens on a port of this machine. Dropping it ends it.
pub(crate) struct ServerProcess {
    name: String,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

/// `wolfgang serve` on this port, as `program`. Without one, this program is also `wolfgang`.
pub(crate) fn wolfgang_serve(program: Option<&Path>, port: u16) -> anyhow::Result<Command> {
    let mut command = match program {
        Some(program) => Command::new(program),
        None => Command::new(std::env::current_exe()?),
    };
    command.args(["serve", "--port", &port.to_string()]);
    Ok(command)
}

/// A port of the loopback interface on which nothing listens.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

impl ServerProcess {
    /// Starts a server and waits until a GET of `path` returns 200. The output goes to
    /// `folder/name.log`.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        port: u16,
        path: &str,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let program = command.get_program().display().to_string();
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let name = name.to_owned();
        let mut server = Self {
            name,
            child,
            address,
            log,
        };
        let client = Client::new(address);
        let start = Instant::now();
        while client.get(path).ok() != Some(200) {
            let ended = server.child.try_wait()?;
            if ended.is_some() || start.elapsed() > START {
                let log = std::fs::read_to_string(&server.log).unwrap_or_default();
                bail!("{} does not answer GET {path}: {log}", server.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Sends SIGTERM and waits for the end of the process.
    pub(crate) fn terminate(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status()?;
        ensure!(sent.success(), "cannot send SIGTERM to {}", self.name);
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                start.elapsed() < limit,
                "{} is still running {limit:?} after SIGTERM",
                self.name
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The resident memory, in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kilobytes: u64 = kilobytes.context("no VmRSS in status")?.trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// The processor time used so far by all threads, in steps of 10 ms.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        const TICK: Duration = Duration::from_millis(10);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field, a name in parentheses, may contain spaces; the 14th and 15th are the
        // times in user and kernel mode.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: Result<Vec<u32>, _> = times.map(str::parse).collect();
        Ok(TICK * ticks?.iter().sum())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // nginx ends its workers only after a signal that it can handle.
        if !matches!(self.child.try_wait(), Ok(Some(_))) && self.terminate(END).is_err() {
            // Nothing can be done about a process that cannot be ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
