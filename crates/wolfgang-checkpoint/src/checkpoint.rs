//! Opened checkpoints.

use crate::format::Format;
use crate::gguf::{self, GgufTokenizer};
use crate::mapped::Mapped;
use crate::random;
use crate::raw::{HEAD, RawCheckpoint, Skipped};
use crate::tensor::StoredTensor;
use crate::validate::validate;
use crate::weights::TensorReader;
use crate::{
    CheckpointError, Phase, Progress, TensorError, TensorErrors, file_kind, folder, git_lfs, int4,
    json, native, pytorch, scales,
};
use burn::tensor::{AllocationProperty, Bytes, Device};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use wolfgang_model::{
    ModelConfig, ModelError, ModelOptions, Parameter, Precision, RowReader, WolfgangModel,
};

/// An opened checkpoint with a valid configuration and the tensors of a model of that
/// configuration.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    format: Format,
    config: ModelConfig,
    tensors: BTreeMap<String, StoredTensor>,
    /// The head, if the file stores it in addition to the embeddings.
    head: Option<StoredTensor>,
    end_ids: Vec<u32>,
    tokenizer: Option<GgufTokenizer>,
    skipped: Vec<Skipped>,
    unread_classes: Vec<String>,
    maps: Vec<Mapped>,
}

const EMBEDDINGS: &str = "embeddings.weight";

/// Loads the model at `path` (a `.pt` or `.gguf` file, a native or a Hugging Face folder) onto
/// `device`.
///
/// # Errors
/// Every [`CheckpointError`] except those of writing.
pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<WolfgangModel, CheckpointError> {
    Checkpoint::open(path)?.into_model(device)
}

impl Checkpoint {
    /// Opens the `.pt` or GGUF file or the folder at `path` without reading weights.
    ///
    /// # Errors
    /// Every [`CheckpointError`] that does not depend on the weights.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let metadata =
            std::fs::metadata(path).map_err(|source| CheckpointError::read(path, source))?;
        let raw = if metadata.is_dir() {
            folder::open(path)?
        } else if metadata.is_file() {
            open_file(path)?
        } else {
            let found = "it is neither a file nor a folder";
            return Err(CheckpointError::not_a_checkpoint(path, found));
        };
        Self::validate(path, raw)
    }

    /// Opens a native checkpoint from the contents of its `config.json` and `model.bpk`.
    ///
    /// `record` is kept and not copied; it may be the `&'static [u8]` of `include_bytes!`, a
    /// `Vec<u8>` or a memory map. `origin` replaces the path in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_memory(
        config: &[u8],
        record: impl AsRef<[u8]> + Send + 'static,
        origin: &str,
    ) -> Result<Self, CheckpointError> {
        let path = Path::new(origin);
        let record = bytes::Bytes::from_owner(record);
        let record = Bytes::from_shared(record, AllocationProperty::Other);
        let config = json::parse_json(path, config)?;
        Self::validate(path, native::parse(path, config, record)?)
    }

    /// Creates a checkpoint with randomly initialised f32 weights, for benchmarks. The same seed
    /// gives the same weights.
    ///
    /// # Errors
    /// [`CheckpointError::Model`].
    pub fn random(config: &ModelConfig, seed: u64) -> Result<Self, CheckpointError> {
        let path = Path::new("random weights");
        // The list of parameters requires a valid configuration.
        config.validate().map_err(|source| CheckpointError::Model {
            path: path.to_path_buf(),
            source,
        })?;
        Self::validate(path, random::contents(config, seed))
    }

    fn validate(path: &Path, raw: RawCheckpoint) -> Result<Self, CheckpointError> {
        let RawCheckpoint {
            format,
            config,
            mut tensors,
            mut blocks,
            tokenizer,
            end_ids,
            unsupported,
            mut skipped,
            unread_classes,
            maps,
        } = raw;
        config.validate().map_err(|source| CheckpointError::Model {
            path: path.to_path_buf(),
            source,
        })?;
        blocks.extend(int4::find(format, &mut tensors));
        let (mut tensors, mut problems) = scales::attach_scales(format, tensors);
        for (name, blocks) in blocks {
            if let Some(stored) = tensors.get_mut(&name) {
                stored.blocks = Some(blocks);
            }
        }
        // A head that is not tied is one of the parameters.
        let head = match config.tie_word_embeddings {
            true => tensors.remove(HEAD),
            false => None,
        };
        problems.extend(validate(
            format,
            &config,
            &tensors,
            head.as_ref(),
            &unsupported,
        ));
        let skipped_tensors = unsupported.into_keys().map(|name| Skipped {
            name,
            reason: "not part of the model",
        });
        skipped.extend(skipped_tensors);
        if head.is_some() {
            skipped.push(Skipped {
                name: HEAD.to_owned(),
                reason: "tied to the embeddings",
            });
        }
        if !problems.is_empty() {
            let problems = TensorErrors(problems);
            return Err(CheckpointError::Tensors {
                path: path.to_path_buf(),
                problems,
            });
        }
        Ok(Self {
            path: path.to_path_buf(),
            format,
            config,
            tensors,
            head,
            end_ids,
            tokenizer,
            skipped,
            unread_classes,
            maps,
        })
    }

    /// Returns the path of the checkpoint.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the format of the checkpoint.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the ids that end a text (`eos_token_id`), in ascending order; empty if the files
    /// have none.
    ///
    /// In a GGUF file, these are `tokenizer.ggml.eos_token_id` and `eot_token_id`. In a folder,
    /// `generation_config.json` takes precedence over `config.json`, as in the transformers
    /// library. Ids outside the vocabulary are listed by [`skipped`](Self::skipped) instead. The
    /// `<|endoftext|>` of the tokenizer ends a text in any case.
    pub fn end_ids(&self) -> &[u32] {
        &self.end_ids
    }

    /// Returns the tokenizer that the file contains, for GGUF files.
    pub fn embedded_tokenizer(&self) -> Option<&GgufTokenizer> {
        self.tokenizer.as_ref()
    }

    /// Returns the entries of the file that are not parameters of the model.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Returns the classes of the Python objects in the file that were skipped, sorted by name.
    pub fn unread_classes(&self) -> &[String] {
        &self.unread_classes
    }

    /// Returns name, element type and shape of each tensor of the model. Scales of int8 matrices
    /// are not included.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = TensorInfo<'_>> {
        self.tensors.values().map(|stored| TensorInfo {
            name: &stored.tensor.name,
            dtype: stored.dtype_name(),
            shape: &stored.tensor.shape,
        })
    }

    /// Returns the number of tensors of each element type, for example `[("f32", 56)]`.
    pub fn dtypes(&self) -> Vec<(&'static str, usize)> {
        let mut counts = BTreeMap::new();
        for tensor in self.tensors() {
            *counts.entry(tensor.dtype).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    /// Returns a quantised type that a conversion without a precision keeps, if there is one.
    pub(crate) fn kept_quantisation(&self) -> Option<Precision> {
        let mut stored = self.tensors.values();
        if self.format == Format::Native && stored.any(|stored| stored.blocks.is_some()) {
            return Some(Precision::Int4);
        }
        let mut stored = self.tensors.values();
        let has_int8 = stored.any(|stored| stored.scales.is_some());
        has_int8.then_some(Precision::Int8)
    }

    /// Returns the stored tensors by the names of [`ModelConfig::parameters`].
    pub(crate) fn stored(&self) -> &BTreeMap<String, StoredTensor> {
        &self.tensors
    }

    /// Returns the mapped files that contain the tensors.
    pub(crate) fn maps(&self) -> &[Mapped] {
        &self.maps
    }

    /// Loads the weights onto `device` in f32, one tensor at a time.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`], [`CheckpointError::NotFinite`], [`CheckpointError::NotInt8`],
    /// [`CheckpointError::TooLarge`], [`CheckpointError::UntiedHead`],
    /// [`CheckpointError::NoMemory`], [`CheckpointError::Device`].
    pub fn into_model(self, device: &Device) -> Result<WolfgangModel, CheckpointError> {
        self.into_model_with(device, Precision::F32, &mut ())
    }

    /// Loads the weights like [`into_model`](Self::into_model), with options, and reports the bytes
    /// read to `progress`.
    ///
    /// # Errors
    /// As [`into_model`](Self::into_model).
    pub fn into_model_with(
        mut self,
        device: &Device,
        options: impl Into<ModelOptions>,
        progress: &mut dyn Progress,
    ) -> Result<WolfgangModel, CheckpointError> {
        self.check_head()?;
        let bytes = self.tensors.values().map(StoredTensor::byte_len);
        progress.begin(Phase::ReadWeights, bytes.sum());
        let path = self.path.clone();
        let open = |parameter: &Parameter| -> Result<RowReader<'_, _>, BuildError> {
            // Removed, so that its memory or file is released as early as possible.
            let stored = self.tensors.remove(&parameter.name).ok_or_else(|| {
                let problems = TensorErrors(vec![TensorError::Missing {
                    name: parameter.name.clone(),
                    nearest: None,
                }]);
                CheckpointError::Tensors {
                    path: path.clone(),
                    problems,
                }
            })?;
            progress.advance(stored.byte_len());
            let reader = TensorReader::new(&path, stored, &self.maps)?;
            let width = parameter.width();
            Ok(Box::new(move |rows: Range<usize>, into: &mut [f32]| {
                Ok(reader.read(rows.start * width, into)?)
            }))
        };
        let model =
            WolfgangModel::from_weights(&self.config, device, options, open).map_err(|error| {
                match error {
                    BuildError::Checkpoint(error) => error,
                    BuildError::Model(source @ ModelError::NoMemory { .. }) => {
                        CheckpointError::NoMemory {
                            path: self.path.clone(),
                            source,
                        }
                    }
                    BuildError::Model(source) => CheckpointError::Device {
                        path: self.path.clone(),
                        source,
                    },
                }
            })?;
        progress.end();
        Ok(model)
    }

    /// Refuses a stored head that differs from the embeddings.
    pub(crate) fn check_head(&self) -> Result<(), CheckpointError> {
        let (Some(head), Some(embeddings)) = (&self.head, self.tensors.get(EMBEDDINGS)) else {
            return Ok(());
        };
        let values = |stored: &StoredTensor| {
            let mut values = vec![0f32; stored.tensor.shape.num_elements()];
            let reader = TensorReader::new(&self.path, stored.clone(), &self.maps)?;
            reader.read(0, &mut values).map(|()| values)
        };
        if values(head)? == values(embeddings)? {
            Ok(())
        } else {
            Err(CheckpointError::UntiedHead {
                path: self.path.clone(),
            })
        }
    }
}

/// Opens a GGUF or `.pt` file. Refuses git-lfs pointers and files that, by their names, are not
/// checkpoints.
fn open_file(path: &Path) -> Result<RawCheckpoint, CheckpointError> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(64).read_to_end(&mut start))
        .map_err(|source| CheckpointError::read(path, source))?;
    git_lfs::check(path, &start)?;
    if gguf::is_gguf(&start) {
        return gguf::open(path);
    }
    file_kind::check(path)?;
    pytorch::open(path)
}

/// Name, element type and shape of a stored tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo<'a> {
    /// Name, as in [`ModelConfig::parameters`].
    pub name: &'a str,
    /// Stored element type, for example `bf16`, or `Q4_1` for a block-quantised tensor.
    pub dtype: &'static str,
    /// Shape, as in [`ModelConfig::parameters`].
    pub shape: &'a [usize],
}

/// Errors of the callback of [`WolfgangModel::from_weights`], and of that function itself.
enum BuildError {
    Checkpoint(CheckpointError),
    Model(ModelError),
}

impl From<CheckpointError> for BuildError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<ModelError> for BuildError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}
