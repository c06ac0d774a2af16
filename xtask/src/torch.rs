//! The libtorch of a Python installation.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What burn-tch is built against.
const VERSION: &str = "2.9.0";

/// A Python whose torch burn-tch can be built against.
pub(crate) struct Torch {
    /// The folder of its executables, which must come first in PATH for the build to find it.
    bin: PathBuf,
    /// The folder of its shared libraries.
    lib: PathBuf,
}

impl Torch {
    /// Looks for it.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub(crate) fn of(python: &Path) -> anyhow::Result<Self> {
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
            anyhow::bail!("{} does not say where its torch lies", python.display());
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

    /// Lets a command build against this libtorch and find it at run time.
    #[expect(
        clippy::disallowed_methods,
        reason = "a program may read its environment"
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
