//! Lists the classes of the objects that are skipped.

use super::value::{Id, Value, Values};
use std::collections::BTreeSet;

/// Classes and functions whose objects are read, or hold only plain values.
const READ: &[&str] = &[
    "_codecs.encode",
    "builtins.bool",
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.str",
    "builtins.tuple",
    "collections.Counter",
    "collections.deque",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Buffer",
    "torch.nn.parameter.Parameter",
    "torch.serialization._get_layout",
];

/// Functions, and the classes of the objects that they return.
const RETURN_TYPES: &[(&str, &str)] = &[
    ("array._array_reconstructor", "array.array"),
    ("numpy._core.multiarray._reconstruct", "numpy.ndarray"),
    ("numpy._core.numeric._frombuffer", "numpy.ndarray"),
    ("numpy.core.multiarray._reconstruct", "numpy.ndarray"),
    ("numpy.core.numeric._frombuffer", "numpy.ndarray"),
    ("numpy.ma.core._mareconstruct", "numpy.ma.MaskedArray"),
    (
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random.BitGenerator",
    ),
    (
        "numpy.random._pickle.__generator_ctor",
        "numpy.random.Generator",
    ),
    (
        "numpy.random._pickle.__randomstate_ctor",
        "numpy.random.RandomState",
    ),
    (
        "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
        "numpy.random.SeedSequence",
    ),
    (
        "numpy.random.bit_generator.__pyx_unpickle_SeedlessSequence",
        "numpy.random.SeedSequence",
    ),
    ("re._compile", "re.Pattern"),
    ("zoneinfo.ZoneInfo._unpickle", "zoneinfo.ZoneInfo"),
];

/// Returns the classes of all objects that are skipped, sorted. `read` is an object that is read.
pub(super) fn classes(values: &Values<'_>, read: Option<Id>) -> Vec<String> {
    let objects = values.iter().filter_map(|(id, value)| match value {
        Value::Object(object) if Some(id) != read => object.class.as_ref(),
        _ => None,
    });
    let paths = objects.map(|class| class.path.as_str());
    let unread = paths.filter(|path| !READ.contains(path));
    let named = unread.map(|path| {
        let returned = RETURN_TYPES.iter().find(|(function, _)| *function == path);
        returned.map_or(path, |(_, class)| class)
    });
    let classes: BTreeSet<_> = named.collect();
    classes.into_iter().map(str::to_owned).collect()
}
