//! The original's `.pt`.

use crate::contained::contained;
use crate::contents::{Contents, Format, HEAD, Skipped};
use crate::pickle::{self, Pickle};
use crate::weights::Tensor;
use crate::{CheckpointError, native};
use burn::tensor::{Bytes, DType};
use pytorch_reader::PytorchReader;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::ops::Range;
use std::path::Path;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

const MODEL: &str = "model";
const CONFIG: &str = "model_config";

/// What `torch.compile` puts before every name.
const COMPILED_PREFIX: &str = "_orig_mod.";

/// Functions that only rebuild tensors and plain data, and classes whose making does nothing else.
const HARMLESS_CALLS: [&str; 28] = [
    "__builtin__.frozenset",
    "__builtin__.set",
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.frozenset",
    "builtins.set",
    "collections.OrderedDict",
    "collections.defaultdict",
    "datetime.date",
    "datetime.datetime",
    "datetime.timedelta",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    "torch.Size",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch.device",
];

/// What a file of the format before PyTorch 1.6 begins with: 0x1950a86a20f9469cfc6c, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Where a tar archive says that it is one.
const TAR_MAGIC: Range<usize> = 257..262;

/// Reads the names and shapes of a `.pt`, and its configuration.
pub(crate) fn open(path: &Path) -> Result<Contents, CheckpointError> {
    let pickle = read_pickle(path)?;
    if let Some(callable) = harmful_call(&pickle) {
        let callable = callable.to_owned();
        return Err(CheckpointError::RunsCode {
            path: path.to_path_buf(),
            callable,
        });
    }
    let keys = pickle.keys().unwrap_or_default();
    if !keys.contains(&MODEL) {
        return Err(missing_entry(path, MODEL, &keys));
    }
    pickle
        .check_tensors(MODEL)
        .map_err(|found| CheckpointError::MissingEntry {
            path: path.to_path_buf(),
            entry: MODEL,
            found,
        })?;
    let fields = pickle.fields(CONFIG);
    let fields = fields.ok_or_else(|| missing_entry(path, CONFIG, &keys))?;
    let config = native::parse_config(path, serde_json::Value::Object(fields))?;
    let tensors = read_tensors(path)?;
    let beside = keys.iter().filter(|key| ![MODEL, CONFIG].contains(key));
    let skipped = beside
        .map(|key| Skipped {
            name: (*key).to_owned(),
            reason: "training state, not part of the model",
        })
        .collect();
    Ok(Contents {
        format: Format::Pytorch,
        config,
        tensors,
        end_ids: Vec::new(),
        skipped,
        maps: Vec::new(),
    })
}

fn missing_entry(path: &Path, entry: &'static str, keys: &[&str]) -> CheckpointError {
    const SHOWN: usize = 8;
    let found = match keys {
        [] => "its root is no dictionary with names".to_owned(),
        _ if keys.contains(&entry) => "it is neither a dictionary nor an object".to_owned(),
        [first, ..] if first.ends_with(".weight") => {
            "it is a bare state dict, without a model_config".to_owned()
        }
        _ => {
            let names = keys.iter().take(SHOWN).map(|key| format!("{key:.40?}"));
            format!("it has {}", names.collect::<Vec<_>>().join(", "))
        }
    };
    CheckpointError::MissingEntry {
        path: path.to_path_buf(),
        entry,
        found,
    }
}

/// A function that Python would call and that is not known to be harmless.
fn harmful_call(pickle: &Pickle) -> Option<&str> {
    pickle.calls().find(|call| !HARMLESS_CALLS.contains(call))
}

/// The tensors of the state dict, under the names the model gives them. Their bytes are not read.
fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let reader = contained(path, || PytorchReader::with_top_level_key(path, MODEL))?
        // It may quote all of what it found.
        .map_err(|error| damaged(path, format!("{:.400}", error.to_string())))?;
    let tensors = reader.into_tensors();

    // A view may claim far more bytes than its storage has. No model does; only a stored head shares its bytes.
    let own = tensors
        .values()
        .filter(|tensor| !tensor.name.ends_with(HEAD));
    let claimed = own.fold(0u64, |sum, tensor| {
        sum.saturating_add(tensor.byte_len() as u64)
    });
    let available = path.metadata().map_or(0, |metadata| metadata.len());
    if claimed > available {
        let claim = format!("its tensors claim {claimed} bytes, but the file has {available}");
        return Err(damaged(path, claim));
    }

    let name = |stored: &str| match stored.strip_prefix(COMPILED_PREFIX) {
        Some(name) if !tensors.contains_key(name) => name.to_owned(),
        _ => stored.to_owned(),
    };
    let adopted = tensors.iter().map(|(stored, tensor)| {
        let name = name(stored);
        (name.clone(), adopt(tensor.clone(), name))
    });
    Ok(adopted.collect())
}

fn damaged(path: &Path, what: impl Into<Box<dyn Error + Send + Sync>>) -> CheckpointError {
    CheckpointError::Damaged {
        path: path.to_path_buf(),
        source: what.into(),
    }
}

fn foreign(path: &Path, found: &str) -> CheckpointError {
    CheckpointError::NotACheckpoint {
        path: path.to_path_buf(),
        found: found.to_owned(),
    }
}

/// The pickle that describes the saved object, from whichever container the file is.
fn read_pickle(path: &Path) -> Result<Pickle, CheckpointError> {
    let read = |source| CheckpointError::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(read)?);
    let start = file.fill_buf().map_err(read)?;
    match start {
        [] => return Err(foreign(path, "the file is empty")),
        [b'P', b'K', 3, 4, ..] => return read_zipped_pickle(path, file),
        // What reads the tensors would take it for one, whatever else it is, and unpack all that it claims to hold.
        _ if start.get(TAR_MAGIC) == Some(b"ustar") => {
            let found = "it is a tar archive, as torch.save wrote before PyTorch 0.1.10";
            return Err(foreign(path, found));
        }
        [0x80, ..] => {}
        _ if native::is_record(start) => {
            let found = "it is the record of a native checkpoint: name the folder it lies in";
            return Err(foreign(path, found));
        }
        _ => {
            let found = "it is neither a zip archive nor a pickle, as torch.save writes";
            return Err(foreign(path, found));
        }
    }

    // Before PyTorch 1.6: magic number, version, system, then the object and the keys of its storages. All but the
    // object are plain data.
    let mut next = || pickle::read(&mut file).map_err(|error| damaged(path, error));
    let first = next()?;
    if first.is_big_int(&LEGACY_MAGIC) {
        let [version, system, object, keys] = [next()?, next()?, next()?, next()?];
        let mut plain = [first, version, system, keys].into_iter();
        let harmful = plain.find(|pickle| harmful_call(pickle).is_some());
        return Ok(harmful.unwrap_or(object));
    }
    // A plain pickle. Worth a look only for what it would do.
    if first.calls().next().is_none() {
        Err(foreign(path, "it is a pickle without tensors"))
    } else {
        Ok(first)
    }
}

fn read_zipped_pickle(path: &Path, file: impl Read + Seek) -> Result<Pickle, CheckpointError> {
    let broken = |error: ZipError| damaged(path, error);
    let mut archive = ZipArchive::new(file).map_err(broken)?;
    let mut pickles = Vec::new();
    let mut places = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        // torch.save never compresses, and what is not compressed cannot be larger than the file.
        if entry.compression() != CompressionMethod::Stored {
            return Err(foreign(path, "it is a zip archive with compressed entries"));
        }
        let name = entry.name().map_err(broken)?;
        if name == "data.pkl" || name.ends_with("/data.pkl") {
            pickles.push(index);
        }
        let start = entry.data_start().unwrap_or_default();
        places.push(entry.header_start()..start.saturating_add(entry.compressed_size()));
    }
    places.sort_by_key(|place| place.start);
    if places.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(foreign(path, "it is a zip archive whose entries overlap"));
    }
    let [index] = pickles[..] else {
        let found = format!("it is a zip archive with {} files data.pkl", pickles.len());
        return Err(foreign(path, &found));
    };
    let entry = archive.by_index(index).map_err(broken)?;
    pickle::read(&mut BufReader::new(entry)).map_err(|error| damaged(path, error))
}

/// One tensor of the reader under another name.
fn adopt(tensor: pytorch_reader::Tensor, name: String) -> Tensor {
    let len = tensor.byte_len();
    let (_, dtype, shape, read) = tensor.into_parts();
    let bytes = move || match read() {
        Ok(bytes) => Ok(Bytes::from_bytes_vec(bytes)),
        Err(error) => Err(burn_pack::Error::IoError(error.to_string())),
    };
    Tensor::deferred(name, burn_dtype(dtype), shape, None, len, bytes)
}

fn burn_dtype(dtype: pytorch_reader::DType) -> DType {
    use pytorch_reader::DType as Torch;
    match dtype {
        Torch::F64 => DType::F64,
        Torch::F32 => DType::F32,
        Torch::F16 => DType::F16,
        Torch::BF16 => DType::BF16,
        Torch::I64 => DType::I64,
        Torch::I32 => DType::I32,
        Torch::I16 => DType::I16,
        Torch::I8 => DType::I8,
        Torch::U64 => DType::U64,
        Torch::U32 => DType::U32,
        Torch::U16 => DType::U16,
        Torch::U8 | Torch::Bool => DType::U8,
    }
}
