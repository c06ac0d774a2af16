//! `.pt` files of the original, written by `torch.save`.

mod archive;
mod legacy;
mod storages;

use crate::format::Format;
use crate::mapped::Mapped;
use crate::pickle::{self, Described, Pickle};
use crate::raw::{HEAD, RawCheckpoint, Skipped};
use crate::wrappers::unwrapped_unless_ambiguous;
use crate::{CheckpointError, native};
use archive::{ArchiveError, Entry};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use storages::{BIG_ENDIAN, Place, Storages};

const MODEL: &str = "model";
const CONFIG: &str = "model_config";
const KV_HEADS: &str = "n_kv_head";

const TRAINING_STATE: &str = "training state, not part of the model";

/// The position of the magic bytes of a tar archive.
const TAR_MAGIC: Range<usize> = 257..262;

/// Buffers that implementations compute from the configuration, by the last component of the name.
const COMPUTED_BUFFERS: [&str; 11] = [
    "causal_mask",
    "cos_cached",
    "freqs_cis",
    "freqs_complex",
    "freqs_cos",
    "freqs_sin",
    "inv_freq",
    "mask",
    "rope_cache",
    "sin_cached",
    "tril",
];

/// Opens the `.pt` file at `path`: reads the configuration, and names and shapes of the tensors.
pub(crate) fn open(path: &Path) -> Result<RawCheckpoint, CheckpointError> {
    let map = Mapped::open(path).map_err(|source| CheckpointError::read(path, source))?;
    let file = map.bytes();
    let (pickle, places) = read(path, &file)?;
    let storages = Storages::new(path, file.clone(), places);

    let keys = pickle.keys().unwrap_or_default();
    if !keys.contains(&MODEL) {
        return Err(missing_entry(path, MODEL, &keys));
    }
    let described = pickle
        .tensors(MODEL)
        .map_err(|found| CheckpointError::MissingEntry {
            path: path.to_path_buf(),
            entry: MODEL,
            found,
        })?;
    // The last of equal keys wins, as in Python.
    let described: BTreeMap<_, _> = described.into_iter().collect();
    let names = unwrapped_unless_ambiguous(described.keys().copied());
    let described: BTreeMap<_, _> = described
        .into_iter()
        .map(|(stored, tensor)| (names[stored].clone(), tensor))
        .collect();

    let fields = pickle.fields(CONFIG, |tensor| storages.scalar(tensor));
    let mut fields = fields.ok_or_else(|| missing_entry(path, CONFIG, &keys))?;
    if fields.get(KV_HEADS) == Some(&Json::Null)
        && let Some(n) = kv_heads(&fields, &described)
    {
        fields.insert(KV_HEADS.to_owned(), n);
    }
    let config = native::parse_config(path, Json::Object(fields))?;

    let other_keys = keys.iter().filter(|key| ![MODEL, CONFIG].contains(key));
    let mut skipped: Vec<_> = other_keys
        .map(|key| Skipped {
            name: (*key).to_owned(),
            reason: TRAINING_STATE,
        })
        .collect();
    let (mut tensors, mut unsupported, mut claimed) = (BTreeMap::new(), BTreeMap::new(), 0u64);
    for (name, tensor) in described {
        if name
            .rsplit('.')
            .next()
            .is_some_and(|last| COMPUTED_BUFFERS.contains(&last))
        {
            skipped.push(Skipped {
                name,
                reason: "computed, not learned",
            });
            continue;
        }
        let found = match tensor {
            Ok(tensor) if tensor.element.dtype.is_some() => {
                let tensor = storages.tensor(name.clone(), tensor)?;
                // Overlapping views could describe far more bytes than the file has. In a model,
                // only a stored head shares bytes with another tensor.
                if !name.ends_with(HEAD) {
                    claimed = claimed.saturating_add(tensor.byte_len() as u64);
                }
                tensors.insert(name, tensor);
                continue;
            }
            Ok(tensor) => tensor.element.name.to_owned(),
            Err(found) => (**found).to_owned(),
        };
        unsupported.insert(name, found);
    }
    if claimed > file.len() as u64 {
        let available = file.len();
        let claim = format!("its tensors require {claimed} bytes, but the file has {available}");
        return Err(CheckpointError::damaged(path, claim));
    }
    let unread_classes = pickle.unread_classes(CONFIG);
    // The pages of the pickle are not needed again.
    map.release();
    Ok(RawCheckpoint {
        unsupported,
        skipped,
        unread_classes,
        maps: vec![map],
        ..RawCheckpoint::new(Format::Pytorch, config, tensors)
    })
}

/// Returns the number of key and value heads for a configuration with `n_kv_head=None`: the number
/// that matches the rows of the key weights, or `n_head` if there is none.
fn kv_heads(
    fields: &Map<String, Json>,
    described: &BTreeMap<String, Described<'_>>,
) -> Option<Json> {
    let n_head = fields.get("n_head")?;
    let size = |field: &str| usize::try_from(fields.get(field)?.as_u64()?).ok();
    let from_rows = || {
        let keys = described.get("layers.0.attention.wk.weight")?;
        let rows = *keys.as_ref().ok()?.shape.first()?;
        let head_dim = size("n_embd")?.checked_div(size("n_head")?)?;
        (head_dim > 0 && rows > 0 && rows.is_multiple_of(head_dim)).then(|| rows / head_dim)
    };
    Some(from_rows().map_or_else(|| n_head.clone(), Json::from))
}

/// Creates the error for a missing or unusable entry of the root.
fn missing_entry(path: &Path, entry: &'static str, keys: &[&str]) -> CheckpointError {
    const SHOWN: usize = 8;
    let found = match keys {
        [] => "its root is not a dictionary with string keys".to_owned(),
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

/// Reads the pickle of the saved object and the positions of the storages.
fn read<'a>(
    path: &Path,
    file: &'a [u8],
) -> Result<(Pickle<'a>, HashMap<String, Place>), CheckpointError> {
    match file {
        [] => return Err(CheckpointError::not_a_checkpoint(path, "the file is empty")),
        [b'P', b'K', 3, 4, ..] => return read_archive(path, file),
        _ if file.get(TAR_MAGIC) == Some(b"ustar") => {
            let found = "it is a tar archive, as torch.save wrote before PyTorch 0.1.10";
            return Err(CheckpointError::not_a_checkpoint(path, found));
        }
        [0x80, ..] => {}
        _ if native::is_record(file) => {
            let found = "it is the record of a native checkpoint: name the folder it lies in";
            return Err(CheckpointError::not_a_checkpoint(path, found));
        }
        _ => {
            let found = "it is neither a zip archive nor a pickle, as torch.save writes";
            return Err(CheckpointError::not_a_checkpoint(path, found));
        }
    }
    let (first, rest) = pickle::read(file).map_err(|e| e.at(path))?;
    if legacy::is_magic(&first) {
        return legacy::read(path, file, rest);
    }
    Err(CheckpointError::not_a_checkpoint(
        path,
        "it is a pickle without tensors",
    ))
}

/// Reads a zip archive, the format since PyTorch 1.6.
fn read_archive<'a>(
    path: &Path,
    file: &'a [u8],
) -> Result<(Pickle<'a>, HashMap<String, Place>), CheckpointError> {
    let entries = archive::entries(file).map_err(|error| match error {
        ArchiveError::Damaged(what) => CheckpointError::damaged(path, what),
        ArchiveError::Foreign(found) => CheckpointError::not_a_checkpoint(path, found),
    })?;
    let folders = entries
        .keys()
        .filter_map(|name| name.strip_suffix("data.pkl"));
    let folders: Vec<_> = folders
        .filter(|f| f.is_empty() || f.ends_with('/'))
        .collect();
    let [folder] = folders[..] else {
        let found = format!(
            "it is a zip archive with {} files data.pkl, and torch.save writes one",
            folders.len()
        );
        return Err(CheckpointError::not_a_checkpoint(path, found));
    };
    let entry = |name: &str| entries.get(format!("{folder}{name}").as_str());
    if entry("constants.pkl").is_some() {
        let found = "it is a TorchScript module, as torch.jit.save writes";
        return Err(CheckpointError::not_a_checkpoint(path, found));
    }
    let contents = |entry: &Entry| &file[entry.data.clone()];
    match entry("byteorder").map(contents) {
        None | Some(b"little") => {}
        Some(b"big") => return Err(CheckpointError::unsupported_format(path, BIG_ENDIAN)),
        Some(other) => {
            let order = String::from_utf8_lossy(other);
            return Err(CheckpointError::unsupported_format(
                path,
                format!("its byte order is {order:.20?}"),
            ));
        }
    }
    // It exists, because `folder` is its prefix.
    let Some(pickle) = entry("data.pkl") else {
        return Err(CheckpointError::not_a_checkpoint(
            path,
            "it is a zip archive without a file data.pkl",
        ));
    };
    let bytes = contents(pickle);
    if pickle
        .checksum
        .is_some_and(|checksum| crc32fast::hash(bytes) != checksum)
    {
        return Err(CheckpointError::damaged(
            path,
            "the CRC-32 of its data.pkl does not match",
        ));
    }
    let (pickle, _) = pickle::read(bytes).map_err(|e| e.at(path))?;
    let storages = entries.iter().filter_map(|(name, entry)| {
        let key = name.strip_prefix(folder)?.strip_prefix("data/")?;
        Some((
            key.to_owned(),
            Place::new(entry.data.clone(), entry.checksum),
        ))
    });
    Ok((pickle, storages.collect()))
}
