//! Conversion of checkpoints to folders.

use crate::layout::TOKENIZER;
use crate::mapped::ReleaseOnDrop;
use crate::replace::Scratch;
use crate::weights::{Stored, Tensor, convert_to};
use crate::{Checkpoint, CheckpointError, Precision, Progress, huggingface, native, scales};
use burn::tensor::{Bytes, DType};
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wolfgang_model::ModelConfig;

/// Output format of a conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// Result of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Converts a checkpoint to a folder.
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
    progress: impl Progress + Send + 'static,
) -> Result<ConvertReport, CheckpointError> {
    let folder = folder.as_ref();
    let keeps_int8 = options.precision.is_none() && source.has_int8();
    let kept = keeps_int8.then_some(Precision::Int8);
    if let Some(precision) = options.precision.or(kept) {
        options.target.check(precision)?;
    }
    let scratch = Scratch::beside(folder, options.replace)?;
    if let Some(tokenizer) = &options.tokenizer {
        let file = File::open(tokenizer).map_err(|source| CheckpointError::Read {
            path: tokenizer.clone(),
            source,
        })?;
        scratch.copy(TOKENIZER, file)?;
    }
    source.check_head()?;

    let log = Arc::new(Mutex::new(Log::new(progress)));
    let tensors = converted(source, options, &log);
    let bytes = tensors.iter().map(|tensor| tensor.byte_len() as u64).sum();
    locked(&log).progress.begin("writing", bytes);
    let written = match options.target {
        Target::Native => native::write(&scratch, source.config(), source.end_ids(), tensors),
        Target::HuggingFace => {
            huggingface::write(&scratch, source.config(), source.end_ids(), tensors)
        }
    };
    // Why a tensor could not be made says more than that a writer did not get it.
    match locked(&log).failure.take() {
        Some(failure) => return Err(failure),
        None => written?,
    }
    locked(&log).progress.end();

    verify(&scratch, source.config(), &mut locked(&log))?;
    scratch.put_into_place()?;
    let rounded = locked(&log).rounded;
    Ok(ConvertReport {
        folder: folder.to_path_buf(),
        tensors: source.stored().len(),
        bytes,
        rounded,
    })
}

/// What is learned while tensors are made for a writer that knows of bytes only.
struct Log {
    progress: Box<dyn Progress + Send>,
    rounded: usize,
    digests: BTreeMap<String, u64>,
    /// Made with the matrix before them.
    scales: Option<Bytes>,
    failure: Option<CheckpointError>,
}

impl Log {
    fn new(progress: impl Progress + Send + 'static) -> Self {
        Self {
            progress: Box::new(progress),
            rounded: 0,
            digests: BTreeMap::new(),
            scales: None,
            failure: None,
        }
    }

    /// Notes what the writer gets.
    fn made(&mut self, name: &str, bytes: &Bytes) {
        self.digests.insert(name.to_owned(), digest(bytes));
        self.progress.advance(bytes.len() as u64);
    }
}

fn locked(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The source's tensors as they are to be written, scales behind their matrix. Each is read and converted when the
/// writer asks for its bytes, in this order.
fn converted(source: &Checkpoint, options: &ConvertOptions, log: &Arc<Mutex<Log>>) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for stored in source.stored().values() {
        let dtype = written_type(&stored.tensor, options.precision);
        tensors.push(converted_weights(source, stored, dtype, log));
        if dtype == DType::I8 {
            tensors.push(made_scales(&stored.tensor, log));
        }
    }
    tensors
}

fn converted_weights(
    source: &Checkpoint,
    stored: &Stored,
    dtype: DType,
    log: &Arc<Mutex<Log>>,
) -> Tensor {
    let (name, shape) = (stored.tensor.name.clone(), stored.tensor.shape.clone());
    let bytes = shape.num_elements() * dtype.size();
    let (path, maps) = (source.path().to_path_buf(), source.maps().to_vec());
    let (log, stored) = (log.clone(), stored.clone());
    let make = move || {
        let made = convert_to(&path, &stored, &maps, dtype);
        let mut log = locked(&log);
        let made = made.map_err(|failure| {
            log.failure = Some(failure);
            burn_pack::Error::IoError("it could not be converted".to_owned())
        })?;
        log.rounded += made.rounded;
        log.made(&stored.tensor.name, &made.bytes);
        log.scales = made.scales;
        Ok(made.bytes)
    };
    Tensor::deferred(name, dtype, shape, None, bytes, make)
}

/// The scales of `matrix`.
fn made_scales(matrix: &Tensor, log: &Arc<Mutex<Log>>) -> Tensor {
    let (name, rows) = (scales::name_of(&matrix.name), matrix.shape[0]);
    let (scales, log) = (name.clone(), log.clone());
    let make = move || {
        let mut log = locked(&log);
        let bytes = log.scales.take().ok_or_else(|| {
            burn_pack::Error::IoError("scales are made with their matrix".to_owned())
        })?;
        log.made(&scales, &bytes);
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
        Some(precision) => precision.dtype(),
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
fn verify(scratch: &Scratch, config: &ModelConfig, log: &mut Log) -> Result<(), CheckpointError> {
    let differs = |what: &str| CheckpointError::Verify {
        path: scratch.target().to_path_buf(),
        tensor: what.to_owned(),
    };
    let reread = Checkpoint::open(scratch.path())?;
    // Of no meaning to the model, and unknown to a Llama.
    let bias = config.bias;
    if *config
        != (ModelConfig {
            bias,
            ..reread.config().clone()
        })
    {
        return Err(differs("the config"));
    }
    let written: BTreeMap<_, _> = reread
        .stored()
        .values()
        .flat_map(Stored::tensors)
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let bytes = written.values().map(|tensor| tensor.byte_len() as u64);
    log.progress.begin("checking", bytes.sum());
    for (name, meant) in &log.digests {
        let _release = ReleaseOnDrop(reread.maps());
        let tensor = written.get(name.as_str()).ok_or_else(|| differs(name))?;
        let bytes = tensor.to_bytes().map_err(|e| CheckpointError::Damaged {
            path: scratch.target().to_path_buf(),
            source: e.into(),
        })?;
        if digest(&bytes) != *meant {
            return Err(differs(name));
        }
        log.progress.advance(bytes.len() as u64);
    }
    log.progress.end();
    Ok(())
}
