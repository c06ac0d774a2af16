//! The original's `.pt`.

use crate::checkpoint::{Contents, Format, Skipped};
use crate::pickle::{self, Pickle, PickleError};
use crate::weights::Tensor;
use crate::{CheckpointError, native};
use burn::tensor::{Bytes, DType};
use pytorch_reader::PytorchReader;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

const MODEL: &str = "model";
const CONFIG: &str = "model_config";

/// What `torch.compile` puts before every name.
const COMPILED_PREFIX: &str = "_orig_mod.";

/// Calls that only rebuild tensors and plain data. Python would run nothing else in a file that has no others.
const HARMLESS_CALLS: [&str; 16] = [
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch._tensor._rebuild_from_type_v2",
    "torch.device",
    "torch.Size",
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.set",
    "__builtin__.set",
    "argparse.Namespace",
    "copyreg._reconstructor",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "_codecs.encode",
    "numpy.core.multiarray.scalar",
];

/// What a file of the format before PyTorch 1.6 begins with: 0x1950a86a20f9469cfc6c, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Reads the names and shapes of a `.pt`, and its configuration.
pub(crate) fn open(path: &Path) -> Result<Contents, CheckpointError> {
    let pickle = read_pickle(path)?;
    if let Some(callable) = pickle
        .calls()
        .iter()
        .find(|c| !HARMLESS_CALLS.contains(&c.as_str()))
    {
        let callable = callable.clone();
        return Err(CheckpointError::RunsCode {
            path: path.to_path_buf(),
            callable,
        });
    }

    let keys = pickle.keys().unwrap_or_default();
    let missing = |entry| CheckpointError::MissingEntry {
        path: path.to_path_buf(),
        entry,
        found: match keys.as_slice() {
            [] => "its root is no dictionary with names".to_owned(),
            _ if keys.contains(&entry) => "it is no dictionary".to_owned(),
            [first, ..] if first.ends_with(".weight") => {
                "it is a bare state dict, without a model_config".to_owned()
            }
            keys => format!("it has only {}", keys.join(", ")),
        },
    };
    if !pickle.is_dict(MODEL) {
        return Err(missing(MODEL));
    }
    let fields = pickle.fields(CONFIG).ok_or_else(|| missing(CONFIG))?;
    let config = native::parse_config(path, serde_json::Value::Object(fields))?;

    let reader = PytorchReader::with_top_level_key(path, MODEL).map_err(|source| {
        CheckpointError::Damaged {
            path: path.to_path_buf(),
            source: source.into(),
        }
    })?;
    let tensors: BTreeMap<String, Tensor> = reader
        .into_tensors()
        .into_values()
        .map(adopt)
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect();

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
        skipped,
    })
}

/// The pickle that describes the saved object, from whichever container the file is.
fn read_pickle(path: &Path) -> Result<Pickle, CheckpointError> {
    let read = |source| CheckpointError::Read {
        path: path.to_path_buf(),
        source,
    };
    let damaged = |source: PickleError| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source: source.into(),
    };
    let foreign = |found: &str| CheckpointError::NotACheckpoint {
        path: path.to_path_buf(),
        found: found.to_owned(),
    };

    let mut file = BufReader::new(File::open(path).map_err(read)?);
    let start = file.fill_buf().map_err(read)?;
    match start {
        [] => return Err(foreign("the file is empty")),
        [b'P', b'K', ..] => return read_zipped_pickle(path, file),
        [0x80, ..] => {}
        _ if native::is_record(start) => {
            return Err(foreign(
                "it is the record of a native checkpoint: name the folder it lies in",
            ));
        }
        _ => {
            return Err(foreign(
                "it is neither a zip archive nor a pickle, as torch.save writes",
            ));
        }
    }

    // Before PyTorch 1.6: magic number, version, system, then the object.
    let first = pickle::read(&mut file).map_err(damaged)?;
    if !first.is_big_int(&LEGACY_MAGIC) {
        // A plain pickle. Worth a look only for what it would do.
        return if first.calls().is_empty() {
            Err(foreign("it is a pickle without tensors"))
        } else {
            Ok(first)
        };
    }
    pickle::read(&mut file).map_err(damaged)?;
    pickle::read(&mut file).map_err(damaged)?;
    pickle::read(&mut file).map_err(damaged)
}

fn read_zipped_pickle(path: &Path, file: impl Read + Seek) -> Result<Pickle, CheckpointError> {
    let damaged = |source| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source,
    };
    let mut archive = zip::ZipArchive::new(file).map_err(|e| damaged(e.into()))?;
    let name = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|name| name.ends_with("/data.pkl"))
        .map(Cow::into_owned);
    let Some(name) = name else {
        return Err(CheckpointError::NotACheckpoint {
            path: path.to_path_buf(),
            found: "it is a zip archive without a data.pkl".to_owned(),
        });
    };
    let entry = archive.by_name(&name).map_err(|e| damaged(e.into()))?;
    pickle::read(&mut BufReader::new(entry)).map_err(|e| damaged(e.into()))
}

/// One tensor of the reader, under the name the model gives it.
fn adopt(tensor: pytorch_reader::Tensor) -> Tensor {
    let len = tensor.byte_len();
    let (name, dtype, shape, read) = tensor.into_parts();
    let name = name
        .strip_prefix(COMPILED_PREFIX)
        .map_or(name.clone(), str::to_owned);
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
