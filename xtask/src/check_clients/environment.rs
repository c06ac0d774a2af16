//! Installed packages of Python and Node.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = "xtask/python/clients/requirements.txt";
const PYTHON_SCRIPTS: &str = "xtask/python/clients";
const NODE_SCRIPTS: &str = "xtask/js/clients";
const PACKAGES: &str = "package.json";

/// The packages of one language, and the interpreter that finds them.
pub(super) struct Environment {
    interpreter: PathBuf,
    scripts: PathBuf,
    /// The file with the pinned versions.
    pins: String,
}

impl Environment {
    /// Installs the Python packages in a virtual environment in `folder`, unless they are there.
    pub(super) fn python(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("python");
        let pins = std::fs::read_to_string(REQUIREMENTS)?;
        install(&folder, "requirements.txt", &pins, || {
            let python = folder.join("bin/python");
            run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            let pip = ["-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-compile"];
            run(Command::new(python).args(pip).args(["--requirement", REQUIREMENTS]))
        })?;
        Ok(Self {
            interpreter: folder.join("bin/python"),
            scripts: PathBuf::from(PYTHON_SCRIPTS),
            pins,
        })
    }

    /// Installs the packages of Node in `folder`, unless they are there, and copies the scripts
    /// there, because modules are looked for in the folders above a script.
    pub(super) fn node(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("node");
        let sources = Path::new(NODE_SCRIPTS);
        let pins = std::fs::read_to_string(sources.join(PACKAGES))?;
        run(Command::new("node").arg("--version"))?;
        install(&folder, PACKAGES, &pins, || {
            let npm = ["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"];
            run(Command::new("npm").args(npm).current_dir(&folder))
        })?;
        for file in std::fs::read_dir(sources)? {
            let file = file?;
            std::fs::copy(file.path(), folder.join(file.file_name()))?;
        }
        Ok(Self {
            interpreter: PathBuf::from("node"),
            scripts: folder,
            pins,
        })
    }

    /// The command that runs one of the scripts.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.interpreter();
        command.arg(self.scripts.join(name));
        command
    }

    /// The interpreter, with an environment in which it reaches the server and writes only below
    /// the target folder.
    pub(super) fn interpreter(&self) -> Command {
        let mut command = Command::new(&self.interpreter);
        command
            .env("NO_PROXY", "127.0.0.1")
            .env("PYTHONPYCACHEPREFIX", "target/clients/pycache");
        command
    }

    /// The pinned version of a package.
    pub(super) fn version(&self, package: &str) -> anyhow::Result<String> {
        let python = format!("{package}==");
        let node = format!("\"{package}\": ");
        let pinned = self.pins.lines().find_map(|line| {
            let line = line.trim();
            let version = line.strip_prefix(&python).or_else(|| line.strip_prefix(&node));
            version.map(|version| version.trim_matches([',', '"']).to_owned())
        });
        pinned.with_context(|| format!("the version of {package} is not pinned"))
    }
}

/// Runs `install`, unless it already succeeded with the same pins; `marker` is a copy of them in
/// the folder.
fn install(
    folder: &Path,
    marker: &str,
    pins: &str,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let marker = folder.join(marker);
    let done = folder.join("installed");
    let same = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text == pins);
    if same(&done) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(marker, pins)?;
    install()?;
    Ok(std::fs::write(done, pins)?)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("failed to run {program}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", errors.trim());
    Ok(())
}
