//! Loading of models.

use serde::Deserialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    DeviceName, EngineOptions, GenerateError, ModelOptions, Precision, Tokenizer, WolfgangGenerator,
};

/// How to load a model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    /// A path or the name of a model on the Hub. `None`: the Faust model in this module.
    source: Option<String>,
    tokenizer: Option<PathBuf>,
    device: String,
    dtype: String,
    cache_dtype: Option<String>,
    threads: Option<NonZeroUsize>,
    context: Option<NonZeroUsize>,
    /// The date for chat templates: year, month, day.
    chat_date: Option<(u16, u8, u8)>,
    hub: Option<HubSettings>,
    #[serde(default)]
    pub(super) engine: EngineOptions,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HubSettings {
    cache: PathBuf,
    endpoint: Option<String>,
    token: Option<String>,
    offline: bool,
}

/// A loaded model and the paths of its files.
pub(super) struct Opened {
    pub(super) generator: WolfgangGenerator,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) tokenizer: Option<PathBuf>,
}

pub(super) fn open(recipe: Recipe) -> Result<Opened, GenerateError> {
    let device: DeviceName = recipe.device.parse()?;
    let precision: Precision = recipe.dtype.parse()?;
    let cache = recipe.cache_dtype.as_deref().map(str::parse).transpose()?;
    let options = ModelOptions::default()
        .with_precision(precision)
        .with_cache(cache)
        .with_threads(recipe.threads)
        .with_context(recipe.context);
    let mut opened = match &recipe.source {
        None => faust(device, options)?,
        Some(source) => {
            let mut builder = WolfgangGenerator::builder(source)
                .device_name(device)
                .model_options(options);
            if let Some(tokenizer) = &recipe.tokenizer {
                builder = builder.tokenizer(tokenizer);
            }
            if let Some(settings) = recipe.hub {
                builder = with_hub(builder, settings);
            }
            let files = builder.resolve()?.clone();
            let tokenizer = recipe.tokenizer.as_deref().unwrap_or(files.tokenizer());
            Opened {
                checkpoint: Some(files.checkpoint().to_owned()),
                tokenizer: tokenizer.exists().then(|| tokenizer.to_owned()),
                generator: builder.load()?,
            }
        }
    };
    if let Some((year, month, day)) = recipe.chat_date {
        opened.generator = opened.generator.with_chat_date(year, month, day)?;
    }
    Ok(opened)
}

/// The Faust model, which is part of this module.
fn faust(device: DeviceName, options: ModelOptions) -> Result<Opened, GenerateError> {
    let origin = "the Faust model of this package";
    let checkpoint =
        Checkpoint::from_memory(wolfgang_faust::CONFIG, wolfgang_faust::WEIGHTS, origin)?;
    let tokenizer = Tokenizer::from_bytes(wolfgang_faust::TOKENIZER)?;
    let model = checkpoint.into_model_with(&device.open()?, options, &mut ())?;
    Ok(Opened {
        generator: WolfgangGenerator::new(model, tokenizer)?,
        checkpoint: None,
        tokenizer: None,
    })
}

type Builder = wolfgang_generate::GeneratorBuilder<'static>;

#[cfg(feature = "hub")]
fn with_hub(builder: Builder, settings: HubSettings) -> Builder {
    let mut hub = wolfgang_generate::Hub::new(settings.cache)
        .with_token(settings.token)
        .with_offline(settings.offline);
    if let Some(endpoint) = settings.endpoint {
        hub = hub.with_endpoint(endpoint);
    }
    builder.hub(hub)
}

/// Without the feature, the builder refuses the name of a model on the Hub.
#[cfg(not(feature = "hub"))]
fn with_hub(builder: Builder, _: HubSettings) -> Builder {
    builder
}
