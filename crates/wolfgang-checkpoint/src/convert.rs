//! Conversion of checkpoints to folders.

use crate::atomic_dir::StagingDir;
use crate::format::Format;
use crate::mapped::ReleaseOnDrop;
use crate::tensor::{StoredTensor, Tensor};
use crate::weights::convert_to;
use crate::{
    Checkpoint, CheckpointError, Phase, Precision, Progress, companion_files, generation_config,
    huggingface, int4, native, scales,
};
use burn::tensor::{Bytes, DType};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use wolfgang_model::{ModelConfig, Parameter};

/// Output format of a conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A native folder.
    #[default]
    Native,
    /// A Hugging Face folder, for the `transformers` library.
    HuggingFace,
}

impl Target {
    /// Checks that the format supports an element type.
    ///
    /// # Errors
    /// [`CheckpointError::QuantisedInHuggingFace`].
    pub fn check(self, precision: Precision) -> Result<(), CheckpointError> {
        match (self, precision) {
            (Self::HuggingFace, Precision::Int8 | Precision::Int4) => {
                Err(CheckpointError::QuantisedInHuggingFace { precision })
            }
            _ => Ok(()),
        }
    }
}

/// Options of a conversion.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// The output format. Default: [`Target::Native`].
    pub target: Target,
    /// The element type to write. With `None`, the default, each tensor keeps its type, except that
    /// f64 and the quantised types of GGUF become f32. With int8 and int4, vectors are written in
    /// f32. With int4, tensors in Q4_0 keep their blocks, and embeddings and head are in int8.
    pub precision: Option<Precision>,
    /// A `tokenizer.json` to copy to the output folder, with the `tokenizer_config.json` and the
    /// `chat_template.jinja` in its folder. It is not validated. Default: none.
    pub tokenizer: Option<PathBuf>,
    /// Whether to write the tokenizer and the chat template that a GGUF file contains, if no other
    /// [`tokenizer`](Self::tokenizer) is named. Default: `true`.
    pub embedded_tokenizer: bool,
    /// Whether to replace an existing folder that contains only files written by conversions. Its
    /// `tokenizer.json` is removed, unless it is the one named above. An empty folder is always
    /// replaced. Default: `false`.
    pub replace: bool,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        Self {
            target: Target::default(),
            precision: None,
            tokenizer: None,
            embedded_tokenizer: true,
            replace: false,
        }
    }
}

impl ConvertOptions {
    /// Sets [`target`](Self::target).
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets [`precision`](Self::precision).
    pub fn with_precision(mut self, precision: impl Into<Option<Precision>>) -> Self {
        self.precision = precision.into();
        self
    }

    /// Sets [`tokenizer`](Self::tokenizer).
    pub fn with_tokenizer(mut self, tokenizer: impl Into<Option<PathBuf>>) -> Self {
        self.tokenizer = tokenizer.into();
        self
    }

    /// Sets [`embedded_tokenizer`](Self::embedded_tokenizer).
    pub fn with_embedded_tokenizer(mut self, embedded: bool) -> Self {
        self.embedded_tokenizer = embedded;
        self
    }

    /// Sets [`replace`](Self::replace).
    pub fn with_replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }
}

/// Result of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvertReport {
    /// The output folder.
    pub folder: PathBuf,
    /// Number of tensors written, without the scales of int8 matrices.
    pub tensors: usize,
    /// Size of the weights in bytes, including scales.
    pub bytes: u64,
    /// Number of weights that were rounded to the output precision.
    pub rounded: usize,
}

/// Converts a checkpoint to a folder, and reports the bytes written and then those verified to
/// `progress`.
///
/// The conversion is atomic: `folder` holds either its old contents or the complete new model. The
/// output is written to a temporary folder next to the target, read back and compared, and then
/// renamed. (On a file system that cannot exchange two folders, the target does not exist for a
/// moment; its old contents then have `.old` in their name.) One tensor is in memory at a time.
///
/// # Errors
/// Every [`CheckpointError`].
pub fn convert(
    source: &Checkpoint,
    folder: impl AsRef<Path>,
    options: &ConvertOptions,
    progress: &mut dyn Progress,
) -> Result<ConvertReport, CheckpointError> {
    let folder = folder.as_ref();
    if let Some(precision) = options.precision.or_else(|| source.kept_quantisation()) {
        options.target.check(precision)?;
    }
    let staging = StagingDir::new_sibling(folder, options.replace)?;
    companion_files::write(source, options, &staging)?;
    let sampling = generation_config::sampling_fields(source.path())?;
    source.check_head()?;

    let state = Arc::new(Mutex::new(ConvertState::default()));
    let (sizes, converted_sizes) = channel();
    let tensors = converted_tensors(source, options, &state, &sizes);
    // The remaining senders are in `tensors`.
    drop(sizes);
    let bytes = tensors.iter().map(|tensor| tensor.byte_len() as u64).sum();
    progress.begin(Phase::Write, bytes);
    let (config, end_ids) = (source.config(), source.end_ids());
    let write = || match options.target {
        Target::Native => native::write(&staging, config, end_ids, &sampling, tensors),
        Target::HuggingFace => huggingface::write(&staging, config, end_ids, &sampling, tensors),
    };
    let written = write_on_thread(progress, converted_sizes, write)
        .map_err(|source| CheckpointError::write(folder, source))
        .flatten();
    // The cause of a failed conversion takes precedence over the error of the writer.
    match lock(&state).failure.take() {
        Some(failure) => return Err(failure),
        None => written?,
    }
    progress.end();

    verify(&staging, source.config(), &lock(&state).digests, progress)?;
    staging.commit()?;
    let rounded = lock(&state).rounded;
    Ok(ConvertReport {
        folder: folder.to_path_buf(),
        tensors: source.stored().len(),
        bytes,
        rounded,
    })
}

/// Runs `write` on a separate thread and advances `progress` by each size that it sends, until all
/// senders are dropped.
///
/// Tensors must be `'static` for the writers, so they cannot hold a reference to `progress`.
fn write_on_thread<T: Send>(
    progress: &mut dyn Progress,
    sizes: Receiver<u64>,
    write: impl FnOnce() -> T + Send,
) -> std::io::Result<T> {
    thread::scope(|scope| {
        let writer = thread::Builder::new().spawn_scoped(scope, write)?;
        for bytes in sizes {
            progress.advance(bytes);
        }
        Ok(writer.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// State that the conversions of all tensors share. A writer receives only bytes.
#[derive(Default)]
struct ConvertState {
    rounded: usize,
    digests: BTreeMap<String, u64>,
    /// The scales of the last matrix, until they are written.
    scales: Option<Bytes>,
    failure: Option<CheckpointError>,
}

impl ConvertState {
    /// Records the bytes that the writer receives.
    fn record(&mut self, name: &str, bytes: &Bytes, sizes: &Sender<u64>) {
        self.digests.insert(name.to_owned(), digest(bytes));
        // The receiver is dropped before the senders only if `progress` panicked.
        let _ = sizes.send(bytes.len() as u64);
    }
}

fn lock(state: &Mutex<ConvertState>) -> MutexGuard<'_, ConvertState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the tensors to write; scales follow their matrix. The writer must request the bytes in
/// this order. Each tensor is read and converted at its request, and its size is then sent to
/// `sizes`.
fn converted_tensors(
    source: &Checkpoint,
    options: &ConvertOptions,
    state: &Arc<Mutex<ConvertState>>,
    sizes: &Sender<u64>,
) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for stored in source.stored().values() {
        let dtype = written_type(source, stored, options.precision);
        tensors.push(converted_weights(source, stored, dtype, state, sizes));
        if dtype == DType::I8 {
            tensors.push(converted_scales(&stored.tensor, state, sizes));
        }
    }
    tensors
}

fn converted_weights(
    source: &Checkpoint,
    stored: &StoredTensor,
    dtype: DType,
    state: &Arc<Mutex<ConvertState>>,
    sizes: &Sender<u64>,
) -> Tensor {
    let name = stored.tensor.name.clone();
    let mut shape = stored.tensor.shape.to_vec();
    if dtype == int4::DTYPE {
        int4::to_stored_shape(&mut shape);
    }
    let bytes = shape.iter().product::<usize>() * dtype.size();
    let (path, maps) = (source.path().to_path_buf(), source.maps().to_vec());
    let (state, stored, sizes) = (state.clone(), stored.clone(), sizes.clone());
    let make = move || {
        let converted = convert_to(&path, &stored, &maps, dtype);
        let mut state = lock(&state);
        let converted = converted.map_err(|failure| {
            state.failure = Some(failure);
            burn_pack::Error::IoError("it could not be converted".to_owned())
        })?;
        state.rounded += converted.rounded;
        state.record(&stored.tensor.name, &converted.bytes, &sizes);
        state.scales = converted.scales;
        Ok(converted.bytes)
    };
    Tensor::deferred(name, dtype, shape, None, bytes, make)
}

/// Returns the scales of `matrix`, which are computed together with it.
fn converted_scales(
    matrix: &Tensor,
    state: &Arc<Mutex<ConvertState>>,
    sizes: &Sender<u64>,
) -> Tensor {
    let (name, rows) = (scales::name_of(&matrix.name), matrix.shape[0]);
    let (scales, state, sizes) = (name.clone(), state.clone(), sizes.clone());
    let make = move || {
        let mut state = lock(&state);
        let bytes = state.scales.take().ok_or_else(|| {
            burn_pack::Error::IoError("scales were requested before their matrix".to_owned())
        })?;
        state.record(&scales, &bytes, &sizes);
        Ok(bytes)
    };
    let bytes = rows * DType::F32.size();
    Tensor::deferred(name, DType::F32, [rows], None, bytes, make)
}

/// Returns the element type in which a tensor is written; [`int4::DTYPE`] for int4.
fn written_type(source: &Checkpoint, stored: &StoredTensor, requested: Option<Precision>) -> DType {
    let tensor = &stored.tensor;
    let parameter = Parameter::new(tensor.name.clone(), tensor.shape.to_vec());
    match requested.map(|precision| parameter.precision_in(precision)) {
        // Vectors are small, and rounding them affects all hidden states.
        Some(Precision::Int8 | Precision::Int4) if tensor.shape.len() < 2 => keep(tensor.dtype),
        Some(Precision::F16) => DType::F16,
        Some(Precision::Bf16) => DType::BF16,
        Some(Precision::Int8) => DType::I8,
        Some(Precision::Int4) => int4::DTYPE,
        // F32, which also holds the values of any other precision.
        Some(_) => DType::F32,
        None if stored.blocks.is_some() && source.format() == Format::Native => int4::DTYPE,
        None => keep(tensor.dtype),
    }
}

/// Returns the element type in which a tensor is written if no other is requested.
fn keep(dtype: DType) -> DType {
    if dtype == DType::F64 {
        DType::F32
    } else {
        dtype
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Opens the written checkpoint and compares it with `config` and the digests of the tensors.
fn verify(
    staging: &StagingDir,
    config: &ModelConfig,
    digests: &BTreeMap<String, u64>,
    progress: &mut dyn Progress,
) -> Result<(), CheckpointError> {
    let differs = |what: &str| CheckpointError::Verify {
        path: staging.target().to_path_buf(),
        tensor: what.to_owned(),
    };
    let reread = Checkpoint::open(staging.path())?;
    // Widths can be written in two ways, and `bias` has no effect on the model and is not stored in
    // a Hugging Face folder.
    let effective = |config: &ModelConfig| {
        let explicit = config.clone().with_head_dim(config.head_dim());
        let explicit = explicit.with_intermediate_size(config.hidden_dim());
        explicit.with_bias(false).with_multiple_of(1)
    };
    if effective(config) != effective(reread.config()) {
        return Err(differs("the config"));
    }
    let written: BTreeMap<_, _> = reread
        .stored()
        .values()
        .flat_map(StoredTensor::tensors)
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let bytes = written.values().map(|tensor| tensor.byte_len() as u64);
    progress.begin(Phase::Verify, bytes.sum());
    for (name, expected) in digests {
        let _release = ReleaseOnDrop(reread.maps());
        let tensor = written.get(name.as_str()).ok_or_else(|| differs(name))?;
        let bytes = tensor
            .to_bytes()
            .map_err(|e| CheckpointError::damaged(staging.target(), e))?;
        if digest(&bytes) != *expected {
            return Err(differs(name));
        }
        progress.advance(bytes.len() as u64);
    }
    progress.end();
    Ok(())
}
