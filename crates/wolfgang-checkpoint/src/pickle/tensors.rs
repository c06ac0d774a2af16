//! Tensors and their storages, as pickles describe them.

use super::MAX_NAME;
use super::value::{Id, Value, Values};
use burn::tensor::DType;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// The type of a tensor's elements.
#[derive(Debug, PartialEq)]
pub(crate) struct Element {
    /// As in `torch.float32`.
    pub(crate) name: &'static str,
    /// As in `torch.FloatStorage`; empty where storages of the type are untyped.
    storage: &'static str,
    /// Bytes for each.
    pub(crate) size: usize,
    /// `None` for types that are not supported.
    pub(crate) dtype: Option<DType>,
}

const fn element(
    name: &'static str,
    storage: &'static str,
    size: usize,
    dtype: Option<DType>,
) -> Element {
    Element {
        name,
        storage,
        size,
        dtype,
    }
}

/// All types that torch has. The bytes of an untyped storage count as uint8.
static ELEMENTS: [Element; 28] = [
    element("float64", "Double", 8, Some(DType::F64)),
    element("float32", "Float", 4, Some(DType::F32)),
    element("float16", "Half", 2, Some(DType::F16)),
    element("bfloat16", "BFloat16", 2, Some(DType::BF16)),
    element("int64", "Long", 8, Some(DType::I64)),
    element("int32", "Int", 4, Some(DType::I32)),
    element("int16", "Short", 2, Some(DType::I16)),
    element("int8", "Char", 1, Some(DType::I8)),
    element("uint8", "Byte", 1, Some(DType::U8)),
    element("uint8", "Untyped", 1, Some(DType::U8)),
    element("uint16", "", 2, Some(DType::U16)),
    element("uint32", "", 4, Some(DType::U32)),
    element("uint64", "", 8, Some(DType::U64)),
    element("bool", "Bool", 1, None),
    element("complex128", "ComplexDouble", 16, None),
    element("complex64", "ComplexFloat", 8, None),
    element("complex32", "ComplexHalf", 4, None),
    element("quint8", "QUInt8", 1, None),
    element("qint8", "QInt8", 1, None),
    element("qint32", "QInt32", 4, None),
    element("quint4x2", "QUInt4x2", 1, None),
    element("quint2x4", "QUInt2x4", 1, None),
    element("float8_e4m3fn", "", 1, None),
    element("float8_e4m3fnuz", "", 1, None),
    element("float8_e5m2", "", 1, None),
    element("float8_e5m2fnuz", "", 1, None),
    element("float8_e8m0fnu", "", 1, None),
    element("float4_e2m1fn_x2", "", 1, None),
];

impl Element {
    /// The type called `torch.float32`.
    pub(super) fn of_torch(path: &str) -> Option<&'static Self> {
        let name = path.strip_prefix("torch.")?;
        ELEMENTS.iter().find(|element| element.name == name)
    }

    /// The type of the elements of `torch.FloatStorage`.
    fn of_storage(path: &str) -> Option<&'static Self> {
        let name = path
            .strip_prefix("torch.storage.")
            .or(path.strip_prefix("torch."))?
            .strip_suffix("Storage")?;
        let mut named = ELEMENTS
            .iter()
            .filter(|element| !element.storage.is_empty());
        named.find(|element| element.storage == name)
    }
}

/// A run of bytes in the file that tensors are views of.
#[derive(Debug, PartialEq)]
pub(crate) struct Storage {
    /// Its name in the file.
    pub(crate) key: Rc<str>,
    /// The type of its elements, or the class of the storage if that is unknown.
    pub(crate) element: Result<&'static Element, Rc<str>>,
    /// How many elements it has.
    pub(crate) len: usize,
    /// Where the view begins that some old files have of a storage.
    start: usize,
    /// Where the elements end that a tensor may use.
    end: usize,
}

/// A tensor: elements of a storage.
#[derive(Debug)]
pub(crate) struct TensorRef {
    pub(crate) storage: Rc<Storage>,
    pub(crate) element: &'static Element,
    /// The first of its elements in the storage.
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

impl TensorRef {
    /// How many elements it has.
    pub(crate) fn len(&self) -> Option<usize> {
        let mut sizes = self.shape.iter();
        sizes.try_fold(1usize, |len, size| len.checked_mul(*size))
    }

    /// How many elements the storage must have.
    pub(crate) fn reach(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let mut dims = self.shape.iter().zip(&self.strides);
        let last = dims.try_fold(self.offset, |last, (size, stride)| {
            last.checked_add((size - 1).checked_mul(*stride)?)
        })?;
        last.checked_add(1)
    }

    /// How many elements the file says that the storage has for it.
    pub(crate) fn available(&self) -> usize {
        let bytes = self.storage.element.as_ref().map_or(1, |e| e.size);
        self.storage.end.saturating_mul(bytes) / self.element.size
    }

    /// Whether its elements lie in the storage in order and without gaps.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1usize;
        let dims = self.shape.iter().zip(&self.strides).rev();
        let mut significant = dims.filter(|(size, _)| **size != 1);
        significant.all(|(size, stride)| {
            let matches = *stride == expected;
            expected = expected.saturating_mul(*size);
            matches
        })
    }
}

/// No parameter of a model has more than two.
const MAX_DIMS: usize = 8;

/// Torch writes two flags.
const MAX_METADATA: usize = 16;

/// The storage of the persistent id `('storage', class, key, location, number of elements[, view])`.
///
/// Keys are shared: `keys` has those of all storages.
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
        element: Element::of_storage(path).ok_or_else(|| path.as_str().into()),
        len,
        start,
        end: end.min(len),
    })
}

/// The result of a function that rebuilds a tensor; `None` if `path` is another function.
///
/// Parameters are the tensors that they hold.
pub(super) fn rebuilt<'a>(
    values: &Values<'a>,
    path: &str,
    args: &[Id],
) -> Option<Result<TensorRef, Rc<str>>> {
    let function = path.strip_prefix("torch._utils._rebuild_")?;
    let unsupported = |what: &str| Err(Rc::from(what));
    Some(match function {
        "tensor" | "tensor_v2" => plain(values, args, None),
        "tensor_v3" => plain(values, args, args.get(6).copied()),
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

/// A tensor from `(storage, offset, shape, strides, …)`, with elements of the storage's type or of `dtype`.
fn plain(values: &Values<'_>, args: &[Id], dtype: Option<Id>) -> Result<TensorRef, Rc<str>> {
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
            Element::of_torch(path).ok_or_else(|| Rc::from(path.as_str()))?
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
    // The flags of lazily conjugated or negated tensors.
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
