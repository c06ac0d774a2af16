//! The builder of [`WolfgangGenerator`].

use crate::model_files::{ModelFiles, name_on_the_hub};
use crate::opened_model::{ChosenDevice, OpenedModel};
use crate::{GenerateError, TokenizerSource, WolfgangGenerator};
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
#[cfg(feature = "hub")]
use wolfgang_checkpoint::Hub;
use wolfgang_checkpoint::{Checkpoint, GgufTokenizer, Progress};
use wolfgang_model::{Device, DeviceName, ModelOptions, Precision};

/// Builder of a [`WolfgangGenerator`], from [`WolfgangGenerator::builder`].
///
/// ```
/// use wolfgang_generate::{DeviceName, Precision, WolfgangGenerator};
///
/// # std::env::set_current_dir("../..").unwrap();
/// let generator = WolfgangGenerator::builder("models/faust")
///     .device_name(DeviceName::Cpu)
///     .precision(Precision::Int8)
///     .load()?;
/// assert_eq!(generator.model().cache_precision(), Precision::F16);
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
///
/// [`load`](Self::load) performs all steps. To do something between them, call
/// [`resolve`](Self::resolve), which downloads the files, and [`open`](Self::open), which opens the
/// checkpoint without reading weights.
#[must_use = "nothing is loaded until `load` is called"]
pub struct GeneratorBuilder<'p> {
    source: PathBuf,
    /// The files of `source`, after [`resolve`](Self::resolve).
    files: Option<ModelFiles>,
    tokenizer: Option<PathBuf>,
    device: ChosenDevice,
    options: ModelOptions,
    progress: Option<&'p mut dyn Progress>,
    #[cfg(feature = "hub")]
    hub: Option<Hub>,
}

impl WolfgangGenerator {
    /// Returns a builder that loads the model at `source`: a `.pt` or GGUF file, a native folder, a
    /// Hugging Face folder or, with the feature `hub`, a model on the Hugging Face Hub,
    /// `hf:OWNER/NAME[/FILE.pt][@REVISION]`. To use a path that begins with `hf:`, write `./hf:…`.
    ///
    /// Defaults: the model's own tokenizer, the fastest device that works, weights in f32, and one
    /// thread per core.
    pub fn builder<'p>(source: impl AsRef<Path>) -> GeneratorBuilder<'p> {
        GeneratorBuilder::new(source.as_ref())
    }

    /// Loads a checkpoint and a `tokenizer.json` on `device`. Arguments are those of the original
    /// Python class, and all other settings the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    /// Those of [`GeneratorBuilder::load`].
    pub fn load(
        checkpoint: impl AsRef<Path>,
        tokenizer: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {
        let builder = Self::builder(checkpoint).tokenizer(tokenizer);
        builder.device(device.clone()).load()
    }

    /// Loads a checkpoint on `device`, with its own tokenizer: the one in a GGUF file, else the
    /// `tokenizer.json` in its folder, or next to it if the checkpoint is a file.
    ///
    /// # Errors
    /// Those of [`GeneratorBuilder::load`].
    pub fn from_path(checkpoint: impl AsRef<Path>, device: &Device) -> Result<Self, GenerateError> {
        Self::builder(checkpoint).device(device.clone()).load()
    }
}

impl<'p> GeneratorBuilder<'p> {
    pub(crate) fn new(source: &Path) -> Self {
        Self {
            source: source.to_path_buf(),
            files: None,
            tokenizer: None,
            device: ChosenDevice::Named(DeviceName::default()),
            options: ModelOptions::default(),
            progress: None,
            #[cfg(feature = "hub")]
            hub: None,
        }
    }

    /// Sets the path of the `tokenizer.json`. Default: the model's own, which is part of a GGUF
    /// file; otherwise, or if that has none, it is in the model's folder, or next to it if the
    /// model is a file.
    pub fn tokenizer(mut self, path: impl AsRef<Path>) -> Self {
        self.tokenizer = Some(path.as_ref().to_path_buf());
        self
    }

    /// Sets the device. Default: [`DeviceName::Auto`], the fastest device that works.
    pub fn device(mut self, device: Device) -> Self {
        self.device = ChosenDevice::Open(device);
        self
    }

    /// Sets the device by its name; [`load`](Self::load) opens it. Default: [`DeviceName::Auto`],
    /// the fastest device that works.
    pub fn device_name(mut self, name: DeviceName) -> Self {
        self.device = ChosenDevice::Named(name);
        self
    }

    /// Sets the element type of the weights. Default: [`Precision::F32`].
    pub fn precision(mut self, precision: Precision) -> Self {
        self.options.precision = precision;
        self
    }

    /// Sets the element type of the KV cache, f32 or f16 on the CPU. Default: f32 for weights in
    /// f32, else f16. See [`ModelOptions::cache`] for other devices.
    pub fn cache_precision(mut self, precision: Precision) -> Self {
        self.options.cache = Some(precision);
        self
    }

    /// Sets the number of CPU threads. Default: one per core.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.options.threads = Some(threads);
        self
    }

    /// Limits the context to this number of tokens, which must not exceed the context of the model.
    /// Default: the context of the model.
    pub fn context(mut self, context: NonZeroUsize) -> Self {
        self.options.context = Some(context);
        self
    }

    /// Replaces all options of the model, including those set with [`precision`](Self::precision),
    /// [`cache_precision`](Self::cache_precision), [`threads`](Self::threads) and
    /// [`context`](Self::context).
    pub fn model_options(mut self, options: impl Into<ModelOptions>) -> Self {
        self.options = options.into();
        self
    }

    /// Sets the receiver of progress reports of downloading and reading. Default: none.
    pub fn progress(mut self, progress: &'p mut dyn Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Sets the Hub from which `hf:…` models are downloaded. Without it, they are refused with
    /// [`GenerateError::HubNotSet`].
    #[cfg(feature = "hub")]
    pub fn hub(mut self, hub: Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// Locates the model's files, and downloads those of a Hub model that are not in the cache. The
    /// result is stored; methods that need the files call this method themselves.
    ///
    /// # Errors
    /// None for a path. For a model on the Hub: [`GenerateError::HubNotCompiledIn`],
    /// [`GenerateError::HubNotSet`], and [`GenerateError::Checkpoint`] for an invalid name or a
    /// failed download.
    pub fn resolve(&mut self) -> Result<&ModelFiles, GenerateError> {
        let files = match self.files.take() {
            Some(files) => files,
            None => self.find()?,
        };
        Ok(self.files.insert(files))
    }

    #[cfg(feature = "hub")]
    fn find(&mut self) -> Result<ModelFiles, GenerateError> {
        let Some(name) = name_on_the_hub(&self.source) else {
            return Ok(ModelFiles::at(&self.source));
        };
        match &mut self.progress {
            Some(progress) => ModelFiles::download(name, self.hub.as_ref(), *progress),
            None => ModelFiles::download(name, self.hub.as_ref(), &mut ()),
        }
    }

    #[cfg(not(feature = "hub"))]
    fn find(&mut self) -> Result<ModelFiles, GenerateError> {
        match name_on_the_hub(&self.source) {
            Some(_) => Err(GenerateError::HubNotCompiledIn {
                model: self.source.display().to_string(),
            }),
            None => Ok(ModelFiles::at(&self.source)),
        }
    }

    /// Returns where the tokenizer comes from. Of the model, only the beginning is read.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve), and [`GenerateError::Checkpoint`] for a GGUF file whose
    /// metadata cannot be read.
    pub fn tokenizer_source(&mut self) -> Result<TokenizerSource, GenerateError> {
        let named = self.tokenizer.clone();
        let files = self.resolve()?;
        let is_embedded =
            named.is_none() && GgufTokenizer::from_file(files.checkpoint())?.is_some();
        Ok(TokenizerSource::of(named, is_embedded, files))
    }

    /// Opens the checkpoint, without reading the weights or the tokenizer.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve), and [`GenerateError::Checkpoint`].
    pub fn open(mut self) -> Result<OpenedModel<'p>, GenerateError> {
        let named = self.tokenizer.take();
        let files = self.resolve()?;
        let checkpoint = Checkpoint::open(files.checkpoint())?;
        let is_embedded = checkpoint.embedded_tokenizer().is_some();
        let tokenizer = TokenizerSource::of(named, is_embedded, files);
        Ok(OpenedModel {
            checkpoint,
            tokenizer,
            device: self.device,
            options: self.options,
            progress: self.progress,
        })
    }

    /// Opens the device, the checkpoint and the tokenizer, checks that they match, and reads the
    /// weights.
    ///
    /// # Errors
    /// [`GenerateError::Model`] if the device cannot be opened, and those of [`open`](Self::open)
    /// and [`OpenedModel::load`].
    pub fn load(mut self) -> Result<WolfgangGenerator, GenerateError> {
        // An invalid device is reported before a model is downloaded.
        self.device = ChosenDevice::Open(self.device.open()?);
        self.open()?.load()
    }
}

impl fmt::Debug for GeneratorBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("GeneratorBuilder");
        builder
            .field("source", &self.source)
            .field("files", &self.files)
            .field("tokenizer", &self.tokenizer)
            .field("device", &self.device)
            .field("options", &self.options);
        #[cfg(feature = "hub")]
        builder.field("hub", &self.hub);
        builder.finish_non_exhaustive()
    }
}

#[cfg(all(test, not(feature = "hub")))]
mod tests {
    use super::*;

    #[test]
    fn a_model_on_the_hub_needs_the_feature() {
        let error = GeneratorBuilder::new(Path::new("hf:goethe/tiny")).open();
        let error = error.unwrap_err();
        assert!(matches!(error, GenerateError::HubNotCompiledIn { .. }));
        let message = error.to_string();
        assert!(message.contains("\"hf:goethe/tiny\""), "{message}");
        assert!(message.contains("the feature `hub`"), "{message}");
    }
}
