//! Options for the model and the device.

use crate::console::Console;
use crate::merge::options;
use crate::named;
use crate::progress::ProgressLine;
use crate::whole_number;
use crate::{bundled_model, home, model_source};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Device, DeviceName, GenerateError, ModelOptions, OpenedModel, Precision, Tokenizer,
    TokenizerSource, WolfgangGenerator,
};

options! {
    #[command(next_help_heading = "Model")]
    pub(crate) struct ModelArgs {
        /// Model to load [default: the built-in Faust model]
        ///
        /// A .pt or .gguf file, a native folder, a Hugging Face folder, or
        /// hf:OWNER/NAME[/FILE.pt][@REVISION] to download from the Hugging Face Hub.
        #[arg(long, value_name = "PATH|hf:OWNER/NAME", env = "WOLFGANG_MODEL", hide_env_values = true, value_parser = home::path())]
        pub(crate) model: Option<PathBuf>,

        /// tokenizer.json of the model [default: the one in the .gguf file or the model's folder]
        #[arg(long, value_name = "PATH", env = "WOLFGANG_TOKENIZER", hide_env_values = true, value_parser = home::path())]
        pub(crate) tokenizer: Option<PathBuf>,

        /// Device to run on; `wolfgang devices` lists them [default: auto, the fastest available]
        #[arg(long, value_name = "auto|cpu|cuda|wgpu:N|...", env = "WOLFGANG_DEVICE", hide_env_values = true)]
        pub(crate) device: Option<DeviceName>,

        /// Element type of the weights [default: f32]
        #[arg(long, value_parser = named::precision(), env = "WOLFGANG_DTYPE", hide_env_values = true)]
        pub(crate) dtype: Option<Precision>,

        /// Element type of the KV cache on the CPU [default: f32 for weights in f32, else f16]
        #[arg(long, value_parser = named::cache_precision(), value_name = "f32|f16")]
        pub(crate) cache_dtype: Option<Precision>,

        /// Limit of the context in tokens [default: the context of the model]
        #[arg(
            long,
            value_name = "N",
            value_parser = whole_number::positive,
            allow_negative_numbers = true
        )]
        #[serde(deserialize_with = "whole_number::read_positive")]
        pub(crate) context: Option<NonZeroUsize>,

        /// Number of CPU threads [default: one per core]
        #[arg(
            long,
            value_name = "N",
            env = "WOLFGANG_THREADS",
            hide_env_values = true,
            value_parser = threads,
            allow_negative_numbers = true
        )]
        #[serde(deserialize_with = "whole_number::read_positive")]
        pub(crate) threads: Option<NonZeroUsize>,
    }
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "it must be a positive integer; omit it for one thread per core".to_owned())
}

impl ModelArgs {
    /// These options, and for those that are not given the ones of a configuration file in
    /// `folder`.
    pub(crate) fn over(self, mut file: Self, folder: &Path) -> Self {
        if self.model.is_some() {
            // The tokenizer of the file belongs to the model of the file.
            file.tokenizer = None;
        }
        file.model = file.model.map(|path| relative_to(folder, &path));
        file.tokenizer = file.tokenizer.map(|path| relative_to(folder, &path));
        let mut args = self.or(file);
        args.model = args.model.map(|path| home::expand(&path));
        args.tokenizer = args.tokenizer.map(|path| home::expand(&path));
        args
    }

    /// Opens the device and loads the model onto it. Returns the seconds that loading took as well.
    pub(crate) fn load(&self, console: Console) -> anyhow::Result<(WolfgangGenerator, f64)> {
        self.load_after(console, |_| Ok(()))
    }

    /// As [`load`](Self::load), with a check of the opened model before its weights are read. The
    /// built-in model is not checked.
    pub(crate) fn load_after(
        &self,
        console: Console,
        check: impl FnOnce(&OpenedModel<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<(WolfgangGenerator, f64)> {
        let device = self.device.unwrap_or_default().open();
        let device = device.map_err(GenerateError::from)?;
        let begun = Instant::now();
        let generator = self.load_onto(&device, console, check)?;
        Ok((generator, begun.elapsed().as_secs_f64()))
    }

    fn load_onto(
        &self,
        device: &Device,
        console: Console,
        check: impl FnOnce(&OpenedModel<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<WolfgangGenerator> {
        let options = ModelOptions::default()
            .with_precision(self.dtype.unwrap_or_default())
            .with_cache(self.cache_dtype)
            .with_context(self.context)
            .with_threads(self.threads);
        let Some(model) = &self.model else {
            let tokenizer = self.load_tokenizer(console)?;
            let model = bundled_model::model(device, options)?;
            return Ok(WolfgangGenerator::new(model, tokenizer)?);
        };
        let mut progress = ProgressLine::new(console);
        let mut builder = model_source::builder(model, console, &mut progress)?
            .device(device.clone())
            .model_options(options);
        if let Some(tokenizer) = &self.tokenizer {
            builder = builder.tokenizer(tokenizer);
        }
        let opened = builder.open()?;
        check(&opened)?;
        if let Some(unread) = unread_classes(opened.checkpoint()) {
            console.info(&unread);
        }
        Ok(opened.load()?)
    }

    /// The tokenizer without its model.
    pub(crate) fn load_tokenizer(&self, console: Console) -> anyhow::Result<Tokenizer> {
        let mut progress = ProgressLine::new(console);
        let source = match (&self.tokenizer, &self.model) {
            (Some(tokenizer), _) => TokenizerSource::File(tokenizer.clone()),
            (None, Some(model)) => {
                model_source::builder(model, console, &mut progress)?.tokenizer_source()?
            }
            (None, None) => return Ok(bundled_model::tokenizer()?),
        };
        Ok(source.load()?)
    }
}

/// One line about the objects in a checkpoint that were skipped, if there are any.
pub(crate) fn unread_classes(checkpoint: &Checkpoint) -> Option<String> {
    const SHOWN: usize = 8;
    let classes = checkpoint.unread_classes();
    if classes.is_empty() {
        return None;
    }
    // The names come from the file and may contain control characters.
    let names = classes.iter().take(SHOWN);
    let names: Vec<_> = names
        .map(|name| format!("{:.80}", name.escape_debug().to_string()))
        .collect();
    let more = match classes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let (path, names) = (checkpoint.path().display(), names.join(", "));
    Some(format!(
        "{path}: skipped objects that are not part of the model, of the classes {names}{more}"
    ))
}

/// A path in a configuration file is relative to the file, unless it names a model on the Hub.
fn relative_to(folder: &Path, path: &Path) -> PathBuf {
    if model_source::is_on_the_hub(path) {
        path.to_path_buf()
    } else {
        folder.join(home::expand(path))
    }
}
