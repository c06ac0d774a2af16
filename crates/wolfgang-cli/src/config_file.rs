//! The configuration file: the user's defaults.

use crate::console::Color;
use crate::environment;
use crate::error::ConfigError;
use crate::home;
use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::sampling_args::SamplingArgs;
use crate::text_source::without_byte_order_mark;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use wolfgang_explain::Language;

/// The contents of the file: the tables are the groups of options, the keys their long names.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConfigFile {
    pub(crate) lang: Option<Language>,
    pub(crate) color: Option<Color>,
    pub(crate) model: ModelArgs,
    pub(crate) sampling: SamplingArgs,
    pub(crate) length: LengthArgs,
    /// Its folder, to which paths in it are relative.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// Why the file in the default location was ignored, if it could not be read.
    #[serde(skip)]
    pub(crate) ignored: Option<ConfigError>,
}

impl ConfigFile {
    /// Reads the file that the option or the variable names, which must exist, or the one in the
    /// default location. The latter is optional, and ignored where its folder cannot be read.
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
            // The file is readable but not UTF-8: the user should correct it.
            Err(ConfigError::Read { path, source }) if source.kind() == ErrorKind::InvalidData => {
                Err(ConfigError::Read { path, source })
            }
            Err(error @ ConfigError::Read { .. }) => Ok(Self {
                ignored: Some(error),
                ..Self::default()
            }),
            read => read,
        }
    }

    /// `wolfgang/config.toml` in the config directory, if there is one.
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
