//! Builds tensors and storages from the calls of torch in a pickle.

use super::element::Element;
use super::limits::{MAX_DIMS, MAX_METADATA, MAX_NAME};
use super::tensor::{Storage, TensorRef};
use super::value::{Id, Value, Values};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Builds the storage of a persistent id `('storage', class, key, location, len[, view])`; `None`
/// if it is malformed. `keys` has the keys of all storages, so that equal keys are stored once.
pub(super) fn storage<'a>(
    values: &Values<'a>,
    id: Id,
    keys: &mut HashMap<Cow<'a, str>, Rc<str>>,
) -> Option<Storage> {
    let [_, class, key, _, len, view @ ..] = values.sequence(id)? else {
        return None;
    };
    let path = &values.global(*class)?.path;
    let key = match values.get(*key) {
        Value::Str(key) if key.len() <= MAX_NAME => Cow::Borrowed(*key),
        Value::Int(key) => Cow::Owned(key.to_string()),
        _ => return None,
    };
    let shared = || Rc::from(&*key);
    let key = Rc::clone(keys.entry(key.clone()).or_insert_with(shared));
    let len = values.uint(*len)?;
    let view = view.first().and_then(|view| values.sequence(*view));
    let (start, end) = match view {
        Some([_, offset, view_len]) => {
            let start = values.uint(*offset)?;
            (start, start.checked_add(values.uint(*view_len)?)?)
        }
        Some(_) => return None,
        None => (0, len),
    };
    Some(Storage {
        key,
        element: Element::from_storage(path).ok_or_else(|| path.as_str().into()),
        len,
        start,
        end: end.min(len),
    })
}

/// Builds the tensor that a function of torch returns; `None` if `path` is another function. The
/// error describes a tensor that is not supported.
///
/// A parameter is represented by its tensor.
pub(super) fn tensor(
    values: &Values<'_>,
    path: &str,
    args: &[Id],
) -> Option<Result<TensorRef, Rc<str>>> {
    let function = path.strip_prefix("torch._utils._rebuild_")?;
    let unsupported = |what: &str| Err(Rc::from(what));
    Some(match function {
        "tensor" | "tensor_v2" => strided(values, args, None),
        "tensor_v3" => strided(values, args, args.get(6).copied()),
        "parameter" | "parameter_with_state" | "device_tensor_from_cpu_tensor" => {
            match args.first().map(|id| values.get(*id)) {
                Some(Value::Tensor(tensor)) => match &**tensor {
                    Ok(tensor) => Ok(TensorRef {
                        storage: Rc::clone(&tensor.storage),
                        shape: tensor.shape.clone(),
                        strides: tensor.strides.clone(),
                        ..*tensor
                    }),
                    Err(what) => Err(what.clone()),
                },
                _ => Err(MALFORMED.into()),
            }
        }
        "meta_tensor_no_storage" => unsupported("meta tensor (without values)"),
        "sparse_tensor" | "sparse_csr_tensor" => unsupported("sparse tensor"),
        "qtensor" => unsupported("quantized tensor"),
        "nested_tensor" => unsupported("nested tensor"),
        "wrapper_subclass" => unsupported("tensor subclass"),
        _ => unsupported("unsupported kind of tensor"),
    })
}

const MALFORMED: &str = "malformed tensor";

/// Builds a tensor from `(storage, offset, shape, strides, …)`. The element type is `dtype`, by
/// default that of the storage.
fn strided(values: &Values<'_>, args: &[Id], dtype: Option<Id>) -> Result<TensorRef, Rc<str>> {
    let malformed = || Rc::from(MALFORMED);
    let [storage, offset, shape, strides, rest @ ..] = args else {
        return Err(malformed());
    };
    let Value::Storage(storage) = values.get(*storage) else {
        return Err(malformed());
    };
    let element = match dtype {
        Some(dtype) => {
            let path = &values.global(dtype).ok_or_else(malformed)?.path;
            Element::from_path(path).ok_or_else(|| Rc::from(path.as_str()))?
        }
        None => storage.element.clone()?,
    };
    let sizes = |id: Id| {
        let ids = values.sequence(id).filter(|ids| ids.len() <= MAX_DIMS)?;
        ids.iter()
            .map(|id| values.uint(*id))
            .collect::<Option<Vec<_>>>()
    };
    let (shape, strides) = (sizes(*shape).zip(sizes(*strides))).ok_or_else(malformed)?;
    if shape.len() != strides.len() {
        return Err(malformed());
    }
    // Flags of a tensor whose elements are conjugated or negated on access.
    let is_lazy = |id: &Id| {
        let flags = ["conj", "neg"].map(|flag| values.find(*id, flag));
        let mut set = flags.into_iter().flatten();
        set.any(|flag| matches!(values.get(flag), Value::Bool(true)))
    };
    let is_large = |id: &Id| {
        values
            .items(*id)
            .is_some_and(|items| items.len() > MAX_METADATA)
    };
    let metadata = || rest.iter().skip(2);
    if metadata().any(is_large) {
        return Err("tensor with unknown metadata".into());
    }
    if metadata().any(is_lazy) {
        return Err("lazily negated tensor".into());
    }
    let offset = values.uint(*offset).ok_or_else(malformed)?;
    Ok(TensorRef {
        storage: Rc::clone(storage),
        element,
        offset: offset.checked_add(storage.start).ok_or_else(malformed)?,
        shape,
        strides,
    })
}
