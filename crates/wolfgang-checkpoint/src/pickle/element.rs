//! Element types of torch.

use burn::tensor::DType;

/// An element type.
#[derive(Debug, PartialEq)]
pub(crate) struct Element {
    /// The name: `float32` for `torch.float32`.
    pub(crate) name: &'static str,
    /// The name of the storage: `Float` for `torch.FloatStorage`. Empty if there is no typed
    /// storage.
    storage: &'static str,
    /// Size of an element in bytes.
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

/// All element types of torch. Untyped storages consist of bytes, as uint8.
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
    /// Finds a type by its path, for example `torch.float32`.
    pub(super) fn from_path(path: &str) -> Option<&'static Self> {
        let name = path.strip_prefix("torch.")?;
        ELEMENTS.iter().find(|element| element.name == name)
    }

    /// Finds the type of a storage by the path of its class, for example `torch.FloatStorage`.
    pub(super) fn from_storage(path: &str) -> Option<&'static Self> {
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
