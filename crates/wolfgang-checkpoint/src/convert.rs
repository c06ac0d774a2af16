//! Conversion of checkpoints to folders.

use crate::atomic_dir::StagingDir;
use crate::layout::TOKENIZER;
use crate::mapped::ReleaseOnDrop;
use crate::weights::{StoredTensor, Tensor, convert_to};
use crate::{Checkpoint, CheckpointError, Phase, Precision, Progress, huggingface, native, scales};
use burn::tensor::{Bytes, DType};
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use wolfgang_model::ModelConfig;

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
    /// [`CheckpointError::Int8InHuggingFace`].
    pub fn check(self, precision: Precision) -> Result<(), CheckpointError> {
        match (self, precision) {
            (Self::HuggingFace, Precision::Int8) => Err(CheckpointError::Int8InHuggingFace),
            _ => Ok(()),
        }
    }
}

/// Options of a conversion.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// The output format. Default: [`Target::Native`].
    pub target: Target,
    /// The element type to write. With `None`, the default, each tensor keeps its type, except that
    /// f64 becomes f32. With int8, vectors are written in f32.
    pub precision: Option<Precision>,
    /// A `tokenizer.json` to copy to the output folder. It is not validated. Default: none.
    pub tokenizer: Option<PathBuf>,
    /// Whether to replace an existing folder that contains only files written by conversions. Its
    /// `tokenizer.json` is removed, unless it is the one named here. An empty folder is always
    /// replaced. Default: `false`.
    pub replace: bool,
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
    let keeps_int8 = options.precision.is_none() && source.has_int8();
    let kept = keeps_int8.then_some(Precision::Int8);
    if let Some(precision) = options.precision.or(kept) {
        options.target.check(precision)?;
    }
    let staging = StagingDir::new_sibling(folder, options.replace)?;
    if let Some(tokenizer) = &options.tokenizer {
        let file = File::open(tokenizer).map_err(|source| CheckpointError::Read {
            path: tokenizer.clone(),
            source,
        })?;
        staging.copy(TOKENIZER, file)?;
    }
    source.check_head()?;

    let log = Arc::new(Mutex::new(Log::default()));
    let (sizes, made) = channel();
    let tensors = converted(source, options, &log, &sizes);
    // Those that remain are the tensors' own.
    drop(sizes);
    let bytes = tensors.iter().map(|tensor| tensor.byte_len() as u64).sum();
    progress.begin(Phase::Write, bytes);
    let (config, end_ids) = (source.config(), source.end_ids());
    let write = || match options.target {
        Target::Native => native::write(&staging, config, end_ids, tensors),
        Target::HuggingFace => huggingface::write(&staging, config, end_ids, tensors),
    };
    let written = write_on_thread(progress, made, write)
        .map_err(|source| CheckpointError::Write {
            path: folder.to_path_buf(),
            source: source.into(),
        })
        .flatten();
    // Why a tensor could not be made says more than that a writer did not get it.
    match locked(&log).failure.take() {
        Some(failure) => return Err(failure),
        None => written?,
    }
    progress.end();

    verify(&staging, source.config(), &locked(&log).digests, progress)?;
    staging.commit()?;
    let rounded = locked(&log).rounded;
    Ok(ConvertReport {
        folder: folder.to_path_buf(),
        tensors: source.stored().len(),
        bytes,
        rounded,
    })
}

/// Runs `write` on a separate thread and advances `progress` by each size that it sends, until it has dropped the
/// senders.
///
/// The tensors that a writer takes must be `'static`, so that they cannot hold `progress` themselves.
fn write_on_thread<T: Send>(
    progress: &mut dyn Progress,
    made: Receiver<u64>,
    write: impl FnOnce() -> T + Send,
) -> std::io::Result<T> {
    thread::scope(|scope| {
        let writer = thread::Builder::new().spawn_scoped(scope, write)?;
        for bytes in made {
            progress.advance(bytes);
        }
        Ok(writer.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// What is learned while tensors are made for a writer that knows of bytes only.
#[derive(Default)]
struct Log {
    rounded: usize,
    digests: BTreeMap<String, u64>,
    /// Made with the matrix before them.
    scales: Option<Bytes>,
    failure: Option<CheckpointError>,
}

impl Log {
    /// Notes what the writer gets.
    fn made(&mut self, name: &str, bytes: &Bytes, sizes: &Sender<u64>) {
        self.digests.insert(name.to_owned(), digest(bytes));
        // The receiver is dropped before the senders only if `progress` panicked.
        let _ = sizes.send(bytes.len() as u64);
    }
}

fn locked(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The source's tensors as they are to be written, scales behind their matrix. Each is read and converted when the
/// writer asks for its bytes, in this order.
/// The size of each is sent to `sizes` when it is made.
fn converted(
    source: &Checkpoint,
    options: &ConvertOptions,
    log: &Arc<Mutex<Log>>,
    sizes: &Sender<u64>,
) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for stored in source.stored().values() {
        let dtype = written_type(&stored.tensor, options.precision);
        tensors.push(converted_weights(source, stored, dtype, log, sizes));
        if dtype == DType::I8 {
            tensors.push(made_scales(&stored.tensor, log, sizes));
        }
    }
    tensors
}

fn converted_weights(
    source: &Checkpoint,
    stored: &StoredTensor,
    dtype: DType,
    log: &Arc<Mutex<Log>>,
    sizes: &Sender<u64>,
) -> Tensor {
    let (name, shape) = (stored.tensor.name.clone(), stored.tensor.shape.clone());
    let bytes = shape.num_elements() * dtype.size();
    let (path, maps) = (source.path().to_path_buf(), source.maps().to_vec());
    let (log, stored, sizes) = (log.clone(), stored.clone(), sizes.clone());
    let make = move || {
        let made = convert_to(&path, &stored, &maps, dtype);
        let mut log = locked(&log);
        let made = made.map_err(|failure| {
            log.failure = Some(failure);
            burn_pack::Error::IoError("it could not be converted".to_owned())
        })?;
        log.rounded += made.rounded;
        log.made(&stored.tensor.name, &made.bytes, &sizes);
        log.scales = made.scales;
        Ok(made.bytes)
    };
    Tensor::deferred(name, dtype, shape, None, bytes, make)
}

/// The scales of `matrix`.
fn made_scales(matrix: &Tensor, log: &Arc<Mutex<Log>>, sizes: &Sender<u64>) -> Tensor {
    let (name, rows) = (scales::name_of(&matrix.name), matrix.shape[0]);
    let (scales, log, sizes) = (name.clone(), log.clone(), sizes.clone());
    let make = move || {
        let mut log = locked(&log);
        let bytes = log.scales.take().ok_or_else(|| {
            burn_pack::Error::IoError("scales are made with their matrix".to_owned())
        })?;
        log.made(&scales, &bytes, &sizes);
        Ok(bytes)
    };
    let bytes = rows * DType::F32.size();
    Tensor::deferred(name, DType::F32, [rows], None, bytes, make)
}

/// The element type to write a tensor in.
fn written_type(tensor: &Tensor, asked: Option<Precision>) -> DType {
    match asked {
        // They are few, and all that is multiplied passes through them.
        Some(Precision::Int8) if tensor.shape.len() < 2 => keep(tensor.dtype),
        Some(Precision::F16) => DType::F16,
        Some(Precision::Bf16) => DType::BF16,
        Some(Precision::Int8) => DType::I8,
        // F32, which also holds the values of any other precision.
        Some(_) => DType::F32,
        None => keep(tensor.dtype),
    }
}

/// The element type that is kept when none is asked for.
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

/// Opens what was written as anybody would and compares it with what was meant.
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
    // Of no meaning to the model, and unknown to a Llama.
    let bias = config.bias;
    if *config != reread.config().clone().with_bias(bias) {
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
    for (name, meant) in digests {
        let _release = ReleaseOnDrop(reread.maps());
        let tensor = written.get(name.as_str()).ok_or_else(|| differs(name))?;
        let bytes = tensor.to_bytes().map_err(|e| CheckpointError::Damaged {
            path: staging.target().to_path_buf(),
            source: e.into(),
        })?;
        if digest(&bytes) != *meant {
            return Err(differs(name));
        }
        progress.advance(bytes.len() as u64);
    }
    progress.end();
    Ok(())
}
