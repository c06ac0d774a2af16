//! From any checkpoint to a folder.

use crate::layout::TOKENIZER;
use crate::replace::Scratch;
use crate::weights::{Tensor, convert_to};
use crate::{Checkpoint, CheckpointError, Progress, StoredType, huggingface, native};
use burn::tensor::DType;
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wolfgang_model::ModelConfig;

/// The form to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// A native folder.
    #[default]
    Native,
    /// A folder that the `transformers` library loads.
    HuggingFace,
}

/// How to convert.
#[derive(Clone, Debug, Default)]
pub struct ConvertOptions {
    /// The form to write.
    pub target: Target,
    /// The element type to write; `None` keeps each tensor's, f64 becoming f32.
    pub precision: Option<StoredType>,
    /// A `tokenizer.json` to put beside the model, as it is. Whether it fits is the caller's to check: this crate knows
    /// no tokenizer.
    pub tokenizer: Option<PathBuf>,
    /// Whether a folder that is in the place may be replaced, if there is nothing in it but what conversions write.
    pub replace: bool,
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertReport {
    /// The folder written.
    pub folder: PathBuf,
    /// Number of tensors written.
    pub tensors: usize,
    /// Size of the weights in bytes.
    pub bytes: u64,
    /// Number of weights that the written precision could not hold exactly.
    pub rounded: usize,
}

/// Writes `source` as a folder at `folder`.
///
/// One tensor is held at a time. Everything is written into a temporary folder beside the target, read back and
/// compared there, and only then put into place: at `folder` there is what was there before, or the whole. (A file system
/// that cannot exchange two folders has nothing there for a moment, and what was there beside it, with `.old` in its
/// name.)
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
    let n = tensors.len();
    locked(&log).progress.begin("writing", bytes);
    let written = match options.target {
        Target::Native => native::write(&scratch, source.config(), tensors),
        Target::HuggingFace => huggingface::write(&scratch, source.config(), tensors),
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
        tensors: n,
        bytes,
        rounded,
    })
}

/// What is learned while tensors are made for a writer that knows of bytes only.
struct Log {
    progress: Box<dyn Progress + Send>,
    rounded: usize,
    digests: BTreeMap<String, u64>,
    failure: Option<CheckpointError>,
}

impl Log {
    fn new(progress: impl Progress + Send + 'static) -> Self {
        Self {
            progress: Box::new(progress),
            rounded: 0,
            digests: BTreeMap::new(),
            failure: None,
        }
    }
}

fn locked(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The source's tensors as they are to be written. Each is read and converted when the writer asks for its bytes.
fn converted(source: &Checkpoint, options: &ConvertOptions, log: &Arc<Mutex<Log>>) -> Vec<Tensor> {
    let path: Arc<Path> = source.path().into();
    let convert = |tensor: &Tensor| {
        let dtype = options
            .precision
            .map_or(keep(tensor.dtype), StoredType::dtype);
        let (path, log, stored) = (path.clone(), log.clone(), tensor.clone());
        let make = move || {
            let made = convert_to(&path, &stored, dtype);
            let mut log = locked(&log);
            let (bytes, rounded) = made.map_err(|failure| {
                log.failure = Some(failure);
                burn_pack::Error::IoError("it could not be converted".to_owned())
            })?;
            log.rounded += rounded;
            log.digests.insert(stored.name.clone(), digest(&bytes));
            log.progress.advance(bytes.len() as u64);
            Ok(bytes)
        };
        let bytes = tensor.shape.num_elements() * dtype.size();
        Tensor::deferred(
            tensor.name.clone(),
            dtype,
            tensor.shape.clone(),
            None,
            bytes,
            make,
        )
    };
    source.stored().values().map(convert).collect()
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
    let bytes = reread
        .stored()
        .values()
        .map(|tensor| tensor.byte_len() as u64);
    log.progress.begin("checking", bytes.sum());
    for (name, meant) in &log.digests {
        let tensor = reread.stored().get(name).ok_or_else(|| differs(name))?;
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
