//! Models named by a path or as a model on the Hugging Face Hub.

use crate::console::Console;
use crate::progress::ProgressLine;
use std::path::Path;
use wolfgang_generate::{GeneratorBuilder, HUB_PREFIX, ModelFiles, WolfgangGenerator};
#[cfg(feature = "hub")]
use wolfgang_generate::{HubModel, HubUnavailable};

/// A builder for the model of this name. A model on the Hub is downloaded first.
pub(crate) fn builder<'p>(
    model: &Path,
    console: Console,
    progress: &'p mut ProgressLine,
) -> anyhow::Result<GeneratorBuilder<'p>> {
    let builder = WolfgangGenerator::builder(model).progress(progress);
    match name_on_the_hub(model) {
        Some(name) => on_the_hub(name, builder, console),
        None => Ok(builder),
    }
}

/// The paths of the files of a model, which is downloaded from the Hub if necessary.
pub(crate) fn resolve(model: &Path, console: Console) -> anyhow::Result<ModelFiles> {
    let mut progress = ProgressLine::new(console);
    let mut builder = builder(model, console, &mut progress)?;
    Ok(builder.resolve()?.clone())
}

/// Whether this names a model on the Hub.
pub(crate) fn is_on_the_hub(model: &Path) -> bool {
    name_on_the_hub(model).is_some()
}

fn name_on_the_hub(model: &Path) -> Option<&str> {
    model.to_str()?.strip_prefix(HUB_PREFIX)
}

/// The name on the Hub that a missing path may stand for: a URL of the Hub or `OWNER/NAME`.
pub(crate) fn hub_name(path: &Path) -> Option<String> {
    if path.exists() {
        return None;
    }
    let given = path.to_str()?;
    let address = ["https://", "http://"]
        .iter()
        .find_map(|scheme| given.strip_prefix(scheme));
    let rest = match address {
        Some(address) => address
            .strip_prefix("huggingface.co/")
            .or_else(|| address.strip_prefix("hf.co/"))?,
        None => given,
    };
    let parts: Vec<_> = rest.trim_end_matches('/').split('/').collect();
    let [owner, name, more @ ..] = parts.as_slice() else {
        return None;
    };
    let is_name = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(known)
    };
    // The path of a file is more likely than the name of a repository.
    let is_file = Path::new(name)
        .extension()
        .is_some_and(|end| end == "pt" || end == "json");
    let is_path = address.is_none() && (!more.is_empty() || is_file || Path::new(owner).exists());
    (is_name(owner) && is_name(name) && !is_path).then(|| format!("{HUB_PREFIX}{owner}/{name}"))
}

/// Configures the Hub from the environment and downloads the model.
#[cfg(feature = "hub")]
fn on_the_hub<'p>(
    name: &str,
    builder: GeneratorBuilder<'p>,
    console: Console,
) -> anyhow::Result<GeneratorBuilder<'p>> {
    // The name is checked before the environment, because it is the more likely error.
    let model: HubModel = name.parse()?;
    let mut builder = builder.hub(variables::hub()?);
    if let Some(unavailable) = builder.resolve()?.unavailable() {
        let HubUnavailable {
            endpoint, problem, ..
        } = unavailable;
        console.warn(&format!(
                "failed to connect to {endpoint} ({problem}); {model} is taken from the cache and may be out of date"
            ));
    }
    Ok(builder)
}

/// Returns the error that the program was built without the Hub.
#[cfg(not(feature = "hub"))]
fn on_the_hub<'p>(
    _name: &str,
    mut builder: GeneratorBuilder<'p>,
    _console: Console,
) -> anyhow::Result<GeneratorBuilder<'p>> {
    builder.resolve()?;
    Ok(builder)
}

/// The environment variables of the Hub's tools.
#[cfg(feature = "hub")]
mod variables {
    use crate::environment::{path, text, xdg};
    use crate::error::UsageError;
    use crate::text_source::without_byte_order_mark;
    use std::path::{Path, PathBuf};
    use wolfgang_generate::Hub;

    pub(super) fn hub() -> Result<Hub, UsageError> {
        let home = home()?;
        let cache = path("HF_HUB_CACHE").unwrap_or_else(|| home.join("hub"));
        Ok(Hub::new(cache)
            .with_endpoint(endpoint()?)
            .with_token(token(&home)?)
            .with_offline(text("HF_HUB_OFFLINE")?.is_some_and(|value| is_true(&value))))
    }

    fn endpoint() -> Result<String, UsageError> {
        let endpoint = text("HF_ENDPOINT")?.unwrap_or_else(|| Hub::ENDPOINT.to_owned());
        let host = ["https://", "http://"]
            .iter()
            .find_map(|scheme| endpoint.strip_prefix(scheme));
        match host {
            Some(host) if !host.trim_matches('/').is_empty() => Ok(endpoint),
            // The message omits the value, which may contain a password.
            _ => Err(UsageError(format!(
                "HF_ENDPOINT is not a URL: it must be the address of a Hub, such as {}",
                Hub::ENDPOINT
            ))),
        }
    }

    fn home() -> Result<PathBuf, UsageError> {
        let cache = || Some(xdg("XDG_CACHE_HOME", ".cache")?.join("huggingface"));
        path("HF_HOME").or_else(cache).ok_or_else(|| {
            UsageError("no home directory was found for downloads: set HF_HOME".into())
        })
    }

    fn token(home: &Path) -> Result<Option<String>, UsageError> {
        // A file that cannot be read is no token: the Hub refuses requests that need one.
        let path = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let file = || std::fs::read_to_string(path).ok();
        let Some(token) = text("HF_TOKEN")?.or_else(file) else {
            return Ok(None);
        };
        let token = without_byte_order_mark(&token).trim();
        if token.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(UsageError(
                "the token in HF_TOKEN or in the cache contains invalid characters (expected printable ASCII)"
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
