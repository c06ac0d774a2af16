//! From any checkpoint to a native folder.

use crate::weights::{Tensor, read, read_f32};
use crate::{Checkpoint, CheckpointError, folder, native};
use burn::tensor::{DType, TensorData};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The element type of written weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits with the exponent of half precision: 11 significant bits up to 65504.
    F16,
    /// 16 bits with the exponent of f32: 8 significant bits.
    Bf16,
}

impl Precision {
    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }
}

/// How to convert.
#[derive(Clone, Debug, Default)]
pub struct ConvertOptions {
    /// The element type to write; `None` keeps each tensor's, f64 becoming f32.
    pub precision: Option<Precision>,
    /// A `tokenizer.json` to put beside the model, as it is. Whether it fits is the caller's to check: this crate knows
    /// no tokenizer.
    pub tokenizer: Option<PathBuf>,
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertReport {
    /// The folder written.
    pub folder: PathBuf,
    /// Number of tensors written.
    pub tensors: usize,
    /// Size of the record in bytes.
    pub bytes: u64,
    /// Number of weights that the written precision could not hold exactly.
    pub rounded: usize,
}

/// Writes `source` as a native folder at `folder`, which must not exist yet.
///
/// Everything is written into a temporary folder beside it, read back and compared there, and only then renamed: at
/// `folder` there is either nothing or the whole.
///
/// # Errors
/// Every [`CheckpointError`].
pub fn convert(
    source: &Checkpoint,
    folder: impl AsRef<Path>,
    options: &ConvertOptions,
) -> Result<ConvertReport, CheckpointError> {
    let folder = folder.as_ref();
    if folder.symlink_metadata().is_ok() {
        return Err(CheckpointError::Exists {
            path: folder.to_path_buf(),
        });
    }
    source.check_head()?;
    let mut tensors = Vec::with_capacity(source.tensors().len());
    let mut rounded = 0;
    for tensor in source.tensors().values() {
        let dtype = options
            .precision
            .map_or(keep(tensor.dtype), Precision::dtype);
        let written = read_f32(source.path(), tensor)?.convert_dtype(dtype);
        check_finite(source.path(), &tensor.name, &written)?;
        rounded += count_rounded(&read(source.path(), tensor)?, &written);
        let (bytes, shape, dtype) = written.into_parts();
        // Shared, because the writer and the comparison each take their own.
        let bytes = bytes.shared();
        tensors.push(Tensor::new(tensor.name.clone(), dtype, shape, None, bytes));
    }

    let temporary = temporary_beside(folder)?;
    native::write(temporary.path(), source.config(), tensors.clone())?;
    let failed = |source: std::io::Error| write_error(folder, source);
    if let Some(tokenizer) = &options.tokenizer {
        let json = std::fs::read(tokenizer).map_err(|source| CheckpointError::Read {
            path: tokenizer.clone(),
            source,
        })?;
        std::fs::write(temporary.path().join(TOKENIZER), json).map_err(failed)?;
    }
    verify(temporary.path(), source, &tensors, folder)?;

    let bytes = temporary
        .path()
        .join(native::RECORD)
        .metadata()
        .map_err(failed)?
        .len();
    sync_files(temporary.path()).map_err(failed)?;
    std::fs::rename(temporary.path(), folder).map_err(failed)?;
    // It lies at its place now; nothing is left to clean up.
    let _ = temporary.keep();
    Ok(ConvertReport {
        folder: folder.to_path_buf(),
        tensors: tensors.len(),
        bytes,
        rounded,
    })
}

const TOKENIZER: &str = "tokenizer.json";

/// Refuses what the precision could only hold as an infinity.
fn check_finite(path: &Path, tensor: &str, written: &TensorData) -> Result<(), CheckpointError> {
    match written.iter::<f32>().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(index) => Err(CheckpointError::TooLarge {
            path: path.to_path_buf(),
            tensor: tensor.to_owned(),
            index,
            precision: written.dtype().name(),
        }),
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

fn count_rounded(stored: &TensorData, written: &TensorData) -> usize {
    stored
        .iter::<f64>()
        .zip(written.iter::<f64>())
        .filter(|(a, b)| a != b)
        .count()
}

/// An empty folder on the same file system as `folder`, removed again unless it is kept.
fn temporary_beside(folder: &Path) -> Result<TempDir, CheckpointError> {
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wolfgang-");
    // Temporary folders are private by default; this one becomes an ordinary one.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder
        .tempdir_in(parent)
        .map_err(|source| write_error(folder, source))
}

/// Opens what was written as anybody would and compares it with what was meant.
fn verify(
    written: &Path,
    source: &Checkpoint,
    tensors: &[Tensor],
    folder: &Path,
) -> Result<(), CheckpointError> {
    let differs = |tensor: &str| CheckpointError::Verify {
        path: folder.to_path_buf(),
        tensor: tensor.to_owned(),
    };
    let reread = Checkpoint::open(written)?;
    if reread.config() != source.config() {
        return Err(differs(folder::CONFIG));
    }
    for tensor in tensors {
        let stored = reread
            .tensors()
            .get(&tensor.name)
            .ok_or_else(|| differs(&tensor.name))?;
        if read(written, stored)? != read(written, tensor)? {
            return Err(differs(&tensor.name));
        }
    }
    Ok(())
}

/// Waits until the files of `folder` are on the disk, so that a crash after the rename loses nothing.
fn sync_files(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    Ok(())
}

fn write_error(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Write {
        path: path.to_path_buf(),
        source: source.into(),
    }
}
