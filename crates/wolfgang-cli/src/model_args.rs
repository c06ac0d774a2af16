//! Which model, and where it computes.

use crate::layers::options;
use crate::named;
use crate::progress::ProgressLine;
use crate::voice::Voice;
use crate::whole_number;
use crate::{faust, home, model_source};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Device, DeviceName, GenerateError, ModelOptions, Precision, Tokenizer, WolfgangGenerator,
};

options! {
    #[command(next_help_heading = "Model")]
    pub(crate) struct ModelArgs {
        /// Model to load [default: the built-in Faust model]
        ///
        /// A .pt file, a native folder, a Hugging Face folder, or
        /// hf:OWNER/NAME[/FILE.pt][@REVISION] to download from the Hugging Face Hub.
        #[arg(long, value_name = "PATH|hf:OWNER/NAME", env = "WOLFGANG_MODEL", hide_env_values = true, value_parser = home::path())]
        pub(crate) model: Option<PathBuf>,

        /// tokenizer.json of the model [default: the one in the model's folder]
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
    /// These, and those of a configuration file in this folder that are not among them.
    pub(crate) fn over(self, mut file: Self, folder: &Path) -> Self {
        if self.model.is_some() {
            // It belongs to the other model.
            file.tokenizer = None;
        }
        file.model = file.model.map(|path| beside(folder, &path));
        file.tokenizer = file.tokenizer.map(|path| beside(folder, &path));
        let mut args = self.or(file);
        args.model = args.model.map(|path| home::expand(&path));
        args.tokenizer = args.tokenizer.map(|path| home::expand(&path));
        args
    }

    /// Opens the device and loads the model onto it. Tells the seconds that loading took.
    pub(crate) fn load(&self, voice: Voice) -> anyhow::Result<(WolfgangGenerator, f64)> {
        let device = self.device.unwrap_or_default().open();
        let device = device.map_err(GenerateError::from)?;
        let begun = Instant::now();
        let generator = self.load_onto(&device, voice)?;
        Ok((generator, begun.elapsed().as_secs_f64()))
    }

    fn load_onto(&self, device: &Device, voice: Voice) -> anyhow::Result<WolfgangGenerator> {
        let options = ModelOptions::default()
            .with_precision(self.dtype.unwrap_or_default())
            .with_cache(self.cache_dtype)
            .with_threads(self.threads);
        let Some(model) = &self.model else {
            let tokenizer = self.load_tokenizer(voice)?;
            let model = faust::model(device, options)?;
            return Ok(WolfgangGenerator::new(model, tokenizer)?);
        };
        let mut progress = ProgressLine::new(voice);
        let mut builder = model_source::builder(model, voice, &mut progress)?
            .device(device.clone())
            .model_options(options);
        if let Some(tokenizer) = &self.tokenizer {
            builder = builder.tokenizer(tokenizer);
        }
        let opened = builder.open()?;
        if let Some(unread) = unread_classes(opened.checkpoint(), voice) {
            voice.note(&unread);
        }
        Ok(opened.load()?)
    }

    /// The tokenizer without its model.
    pub(crate) fn load_tokenizer(&self, voice: Voice) -> anyhow::Result<Tokenizer> {
        let tokenizer = match (&self.tokenizer, &self.model) {
            (Some(tokenizer), _) => Tokenizer::from_file(tokenizer),
            (None, Some(model)) => {
                Tokenizer::from_file(model_source::resolve(model, voice)?.tokenizer())
            }
            (None, None) => return Ok(faust::tokenizer()?),
        };
        Ok(tokenizer.map_err(GenerateError::from)?)
    }
}

/// Which objects in a checkpoint were passed over, in one line, if there are any.
pub(crate) fn unread_classes(checkpoint: &Checkpoint, voice: Voice) -> Option<String> {
    const SHOWN: usize = 8;
    let classes = checkpoint.unread_classes();
    if classes.is_empty() {
        return None;
    }
    // The names come from the file and may hold anything.
    let names = classes.iter().take(SHOWN);
    let names: Vec<_> = names
        .map(|name| format!("{:.80}", name.escape_debug().to_string()))
        .collect();
    let more = match classes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => voice.pick(format!(" und {n} weitere"), format!(" and {n} more")),
    };
    let (path, names) = (checkpoint.path().display(), names.join(", "));
    Some(voice.pick(
        format!("{path}: neben dem Modell nicht gelesen: Objekte der Klassen {names}{more}"),
        format!(
            "{path}: skipped objects that are not part of the model, of the classes {names}{more}"
        ),
    ))
}

/// A path in a file is relative to the file. A model on the Hub is no path.
fn beside(folder: &Path, path: &Path) -> PathBuf {
    if model_source::is_on_the_hub(path) {
        path.to_path_buf()
    } else {
        folder.join(home::expand(path))
    }
}
