//! Installed packages of Python and Node.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

const PYTHON_SCRIPTS: &str = "xtask/python/clients";
const NODE_SCRIPTS: &str = "xtask/js/clients";

/// The packages of one language, and the interpreter that finds them.
pub(super) struct Environment {
    interpreter: PathBuf,
    scripts: PathBuf,
    /// The content of the file with the pinned versions.
    pins: String,
}

impl Environment {
    /// Installs the Python packages in a virtual environment in `folder`, unless they are there.
    pub(super) fn python(folder: &Path) -> anyhow::Result<Self> {
        let folder = std::path::absolute(folder.join("python"))?;
        let scripts = PathBuf::from(PYTHON_SCRIPTS);
        let requirements = scripts.join("requirements.txt");
        let interpreter = folder.join("bin/python");
        let pins = std::fs::read_to_string(&requirements)?;
        once(&folder, &pins, || {
            run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            let pip = "-m pip install --quiet --no-cache-dir --no-compile --requirement";
            run(Command::new(&interpreter)
                .args(pip.split(' '))
                .arg(requirements))
        })?;
        Ok(Self {
            interpreter,
            scripts,
            pins,
        })
    }

    /// Installs the packages of Node in `folder`, unless they are there. The scripts are copied to
    /// them, because Node looks for packages in the folders above a script.
    pub(super) fn node(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("node");
        std::fs::create_dir_all(&folder)?;
        for file in std::fs::read_dir(NODE_SCRIPTS)? {
            let file = file?;
            std::fs::copy(file.path(), folder.join(file.file_name()))?;
        }
        let interpreter = PathBuf::from("node");
        run(Command::new(&interpreter).arg("--version"))?;
        let pins = std::fs::read_to_string(folder.join("package.json"))?;
        once(&folder, &pins, || {
            let npm = "install --silent --no-audit --no-fund --no-package-lock";
            run(Command::new("npm")
                .args(npm.split(' '))
                .current_dir(&folder))
        })?;
        Ok(Self {
            interpreter,
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

    /// The interpreter. It does not use a proxy for the server, and writes no compiled scripts into
    /// the repository.
    pub(super) fn interpreter(&self) -> Command {
        let mut command = Command::new(&self.interpreter);
        let compiled = self.interpreter.with_file_name("compiled");
        command
            .env("NO_PROXY", "127.0.0.1")
            .env("PYTHONPYCACHEPREFIX", compiled);
        command
    }

    /// The pinned version of a package.
    pub(super) fn version(&self, package: &str) -> anyhow::Result<String> {
        let pinned = self.pins.lines().find_map(|line| {
            // `package[extra]==version` of pip, and `"package": "version"` of npm.
            let parts = line.split_once("==").or_else(|| line.split_once("\": \""));
            let (name, version) = parts?;
            let name = name.split('[').next().unwrap_or(name);
            let is_it = name.trim_matches([' ', '"']) == package;
            is_it.then(|| version.trim_matches([',', '"']).to_owned())
        });
        pinned.with_context(|| format!("the version of {package} is not pinned"))
    }
}

/// Installs in a folder, unless that has succeeded with the same pins.
fn once(
    folder: &Path,
    pins: &str,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let installed = folder.join("installed");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == pins) {
        return Ok(());
    }
    install()?;
    std::fs::write(&installed, pins).context("cannot write which packages are installed")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.with_context(|| format!("failed to run {program}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors = errors.trim();
    ensure!(output.status.success(), "{program} failed: {errors}");
    Ok(())
}
