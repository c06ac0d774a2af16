//! What a model may be named by: a path, or a model on the Hugging Face Hub.

use crate::voice::Voice;
use std::path::{Path, PathBuf};

/// What a model on the Hub begins with. A path that begins so, too, can be written `./hf:…`.
const PREFIX: &str = "hf:";

/// Turns the name of a model into the path of its checkpoint, downloading what is on the Hub and not yet here.
pub(crate) fn resolve(model: &Path, voice: Voice) -> anyhow::Result<PathBuf> {
    match name_on_the_hub(model) {
        Some(name) => download(name, voice),
        None => Ok(model.to_path_buf()),
    }
}

/// Whether this names a model on the Hub.
pub(crate) fn is_on_the_hub(model: &Path) -> bool {
    name_on_the_hub(model).is_some()
}

fn name_on_the_hub(model: &Path) -> Option<&str> {
    model.to_str()?.strip_prefix(PREFIX)
}

#[cfg(feature = "hub")]
fn download(name: &str, voice: Voice) -> anyhow::Result<PathBuf> {
    // Before the environment is looked at: a mistyped name is the more likely mistake.
    let model: wolfgang_checkpoint::HubModel = name.parse()?;
    let hub = variables::hub()?;
    let files = hub.fetch(&model, &mut crate::progress::ProgressLine::new(voice))?;
    // Its tokenizer lies beside it.
    Ok(files.checkpoint)
}

#[cfg(not(feature = "hub"))]
fn download(name: &str, _voice: Voice) -> anyhow::Result<PathBuf> {
    Err(crate::report::BadParameter(format!(
        "the model is \"{PREFIX}{name}\", but this program was built without the feature `hub`: name a file or folder"
    ))
    .into())
}

/// The variables that all tools of the Hub go by.
#[cfg(feature = "hub")]
mod variables {
    use crate::environment::{path, text, xdg};
    use crate::report::BadParameter;
    use std::path::{Path, PathBuf};
    use wolfgang_checkpoint::Hub;

    pub(super) fn hub() -> Result<Hub, BadParameter> {
        let home = home()?;
        let cache = path("HF_HUB_CACHE").unwrap_or_else(|| home.join("hub"));
        Ok(Hub {
            endpoint: text("HF_ENDPOINT")?.unwrap_or_else(|| Hub::ENDPOINT.to_owned()),
            token: token(&home)?,
            offline: text("HF_HUB_OFFLINE")?.is_some_and(|value| is_true(&value)),
            ..Hub::new(cache)
        })
    }

    fn home() -> Result<PathBuf, BadParameter> {
        let cache = || Some(xdg("XDG_CACHE_HOME", ".cache")?.join("huggingface"));
        path("HF_HOME").or_else(cache).ok_or_else(|| {
            BadParameter("there is no home folder for downloads: name a folder in HF_HOME".into())
        })
    }

    fn token(home: &Path) -> Result<Option<String>, BadParameter> {
        // Without the file there is no token; with one that cannot be read, the Hub will say that it wants one.
        let file = || std::fs::read_to_string(home.join("token")).ok();
        let Some(token) = text("HF_TOKEN")?.or_else(file) else {
            return Ok(None);
        };
        let token = token.trim();
        if token.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(BadParameter(
                "the token in HF_TOKEN or in the cache has characters in it that no token has"
                    .into(),
            ));
        }
        Ok((!token.is_empty()).then(|| token.to_owned()))
    }

    fn is_true(value: &str) -> bool {
        ["1", "true", "yes", "on"]
            .iter()
            .any(|yes| value.eq_ignore_ascii_case(yes))
    }
}
