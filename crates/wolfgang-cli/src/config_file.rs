//! The configuration file: defaults of the user's own.

use crate::environment;
use crate::home;
use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::sampling_args::SamplingArgs;
use crate::text_source::without_byte_order_mark;
use crate::voice::Color;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use wolfgang_explain::Language;

/// What the file holds: the tables are the groups of options, the keys their long names.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConfigFile {
    pub(crate) lang: Option<Language>,
    pub(crate) color: Option<Color>,
    pub(crate) model: ModelArgs,
    pub(crate) sampling: SamplingArgs,
    pub(crate) length: LengthArgs,
    /// Where it lies; paths in it start from there.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// Why the file in the user's folder was left out, if it could not be read.
    #[serde(skip)]
    pub(crate) left_out: Option<ConfigError>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("failed to read the configuration file {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The parser's words have several lines; what counts is the place and the last of them.
    #[error("{}:{line}: {message}", path.display())]
    Parse {
        path: PathBuf,
        line: usize,
        message: String,
    },
}

impl ConfigFile {
    /// The file named, by the option or by the variable, which must exist; or the one in the user's folder, which need
    /// not, nor need that folder be one that can be entered.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(path) = named {
            return Self::from_path(&home::expand(path));
        }
        let Some(path) = Self::default_path() else {
            return Ok(Self::default());
        };
        match Self::from_path(&path) {
            Err(ConfigError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(Self::default())
            }
            // It is there, and its author should know what is wrong with it.
            Err(ConfigError::Read { path, source }) if source.kind() == ErrorKind::InvalidData => {
                Err(ConfigError::Read { path, source })
            }
            Err(error @ ConfigError::Read { .. }) => Ok(Self {
                left_out: Some(error),
                ..Self::default()
            }),
            read => read,
        }
    }

    /// `wolfgang/config.toml` in the user's folder for such, if there is one.
    pub(crate) fn default_path() -> Option<PathBuf> {
        Some(environment::xdg("XDG_CONFIG_HOME", ".config")?.join("wolfgang/config.toml"))
    }

    fn from_path(path: &Path) -> Result<Self, ConfigError> {
        let toml = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let toml = without_byte_order_mark(&toml);
        let mut file: Self = toml::from_str(toml).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            ConfigError::Parse {
                path: path.to_path_buf(),
                line: 1 + toml[..before].matches('\n').count(),
                message: error.message().to_owned(),
            }
        })?;
        file.folder = path.parent().unwrap_or(path).to_path_buf();
        Ok(file)
    }
}
