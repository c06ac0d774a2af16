//! libtorch from a Python installation.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that burn-tch requires.
const VERSION: &str = "2.9.0";

/// A Python installation with the required version of torch.
pub(crate) struct Torch {
    /// Folder of its executables, which must be first in PATH for burn-tch's build script.
    bin: PathBuf,
    /// Folder of its shared libraries.
    lib: PathBuf,
}

impl Torch {
    /// Finds the torch of a Python interpreter.
    ///
    /// # Errors
    /// It is missing or has another version; the message has the command that installs it.
    pub(crate) fn find(python: &Path) -> anyhow::Result<Self> {
        let script = "import sys, os, torch, torch.utils.cpp_extension; \
                      print(torch.__version__); print(os.path.dirname(torch.__file__)); print(sys.executable)";
        let output = Command::new(python).args(["-c", script]).output();
        let output = output.ok().filter(|output| output.status.success());
        let output = output.with_context(|| {
            format!(
                "{} has no torch {VERSION}: pip install torch=={VERSION} setuptools",
                python.display()
            )
        })?;
        let output = String::from_utf8(output.stdout)?;
        let [version, folder, executable] = output.lines().collect::<Vec<_>>()[..] else {
            anyhow::bail!("{} did not print the folder of torch", python.display());
        };
        ensure!(
            version.split('+').next() == Some(VERSION),
            "{} has torch {version}, but tch needs {VERSION}: pip install torch=={VERSION} setuptools",
            python.display()
        );
        let bin = Path::new(executable).parent().unwrap_or(Path::new("."));
        Ok(Self {
            bin: bin.to_path_buf(),
            lib: Path::new(folder).join("lib"),
        })
    }

    /// Sets the environment of a command so that it builds with this libtorch and loads it.
    #[expect(
        clippy::disallowed_methods,
        reason = "programs may read the environment"
    )]
    pub(crate) fn use_in(&self, command: &mut Command) -> anyhow::Result<()> {
        for (variable, folder) in [("PATH", &self.bin), ("LD_LIBRARY_PATH", &self.lib)] {
            let known = std::env::var_os(variable).unwrap_or_default();
            let folders = std::env::split_paths(&known);
            let folders = std::iter::once(folder.clone()).chain(folders);
            command.env(variable, std::env::join_paths(folders)?);
        }
        // burn-tch's build script runs `python3`, or `python` in a virtual environment.
        command.env("LIBTORCH_USE_PYTORCH", "1");
        Ok(())
    }
}
