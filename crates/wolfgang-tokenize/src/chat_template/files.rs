//! Chat templates in the folder of a model.

use super::ChatTemplate;
use crate::{TokenizerError, limited_file};
use serde_json::Value as Json;
use std::io;
use std::path::Path;

/// A file that contains only the template. It takes precedence.
const TEMPLATE_FILE: &str = "chat_template.jinja";

/// A file with the names of tokens and, in the field `chat_template`, one template or several with
/// names.
const CONFIG_FILE: &str = "tokenizer_config.json";

/// The variables of templates that the configuration defines.
const TOKENS: [&str; 4] = ["bos_token", "eos_token", "unk_token", "pad_token"];

/// Maximum size of a file in bytes. A configuration can describe hundreds of added tokens.
const MAX_FILE: u64 = 16 << 20;

impl ChatTemplate {
    /// Reads the template in the folder of `tokenizer`, the path of a `tokenizer.json`: the file
    /// `chat_template.jinja`, or else the field `chat_template` of `tokenizer_config.json`. Of
    /// several named templates, it is `default`. Returns `None` if there is no template.
    ///
    /// The values of `bos_token`, `eos_token`, `unk_token` and `pad_token` come from
    /// `tokenizer_config.json`. A template that is not valid is reported when it is used.
    ///
    /// # Errors
    /// [`TokenizerError::ReadChatTemplate`] if a file cannot be read, is too large or is not UTF-8,
    /// or if `tokenizer_config.json` is not valid.
    pub fn beside(tokenizer: impl AsRef<Path>) -> Result<Option<Self>, TokenizerError> {
        let folder = tokenizer.as_ref().parent().unwrap_or(Path::new(""));
        let (template_path, config_path) = (folder.join(TEMPLATE_FILE), folder.join(CONFIG_FILE));
        let own_file = read(&template_path)?;
        let config = match read(&config_path)? {
            Some(json) => serde_json::from_str(&json)
                .map_err(|error| unreadable(&config_path, error.into()))?,
            None => Json::Null,
        };
        match own_file {
            Some(source) => {
                let template = Self::unchecked(template_path.display().to_string(), source);
                Ok(Some(template.with_tokens_of(&config)))
            }
            None => Self::in_config(&config, &config_path.display().to_string())
                .map_err(|reason| unreadable(&config_path, io::Error::other(reason))),
        }
    }

    /// Returns the template in `config`, the content of a `tokenizer_config.json`. An error is the
    /// reason.
    pub(crate) fn in_config(config: &Json, name: &str) -> Result<Option<Self>, String> {
        let source = source_in_config(&config["chat_template"])?;
        let template = source.map(|source| Self::unchecked(name.to_owned(), source));
        Ok(template.map(|template| template.with_tokens_of(config)))
    }

    fn with_tokens_of(mut self, config: &Json) -> Self {
        for variable in TOKENS {
            let token = &config[variable];
            let text = token.as_str().or_else(|| token["content"].as_str());
            if let Some(text) = text {
                self = self.with_token(variable, text);
            }
        }
        self
    }
}

/// The template in the field `chat_template`; an error is the reason.
fn source_in_config(field: &Json) -> Result<Option<String>, String> {
    match field {
        Json::Null => Ok(None),
        Json::String(source) => Ok(Some(source.clone())),
        Json::Array(named) => {
            let default = named.iter().find(|template| template["name"] == "default");
            match default.and_then(|template| template["template"].as_str()) {
                Some(source) => Ok(Some(source.to_owned())),
                None => Err("no template in chat_template has the name default".to_owned()),
            }
        }
        _ => Err("chat_template is not a string or a list".to_owned()),
    }
}

/// The content of a file; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, TokenizerError> {
    let bytes = match limited_file::read(path, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        // The path of the tokenizer is reported when it is read.
        Err(missing) if missing.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let text = String::from_utf8(bytes)
        .map_err(|error| unreadable(path, io::Error::new(io::ErrorKind::InvalidData, error)))?;
    // Programs on Windows may write a byte order mark.
    let text = text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text);
    Ok(Some(text))
}

fn unreadable(path: &Path, source: io::Error) -> TokenizerError {
    TokenizerError::ReadChatTemplate {
        path: path.to_path_buf(),
        source,
    }
}
