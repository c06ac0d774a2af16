//! Limits that keep a small pickle from taking much memory or time.

/// Maximum number of values. Large contents (strings, arrays) stay in the file and count as one.
pub(super) const MAX_VALUES: usize = 1 << 20;

/// Maximum length of the name of a function, a class or a tensor.
pub(super) const MAX_NAME: usize = 256;

/// Maximum number of fields of a configuration.
pub(super) const MAX_FIELDS: usize = 1 << 14;

/// Maximum number of tensors, six times as many as the largest valid configuration has.
pub(super) const MAX_TENSORS: usize = 1 << 16;

/// Maximum number of dimensions of a tensor; parameters of a model have at most two.
pub(super) const MAX_DIMS: usize = 8;

/// Maximum number of entries in the metadata of a tensor; torch writes two.
pub(super) const MAX_METADATA: usize = 16;

/// Budget of a pickle in bytes. A value costs its memory, and each search of a value costs
/// [`SEARCHED`]. Without a budget, a few bytes could copy or search a large value many times.
pub(super) const BUDGET: usize = 112 << 20;

/// Cost of searching one value.
pub(super) const SEARCHED: usize = 16;

/// Cost of one storage.
pub(super) const STORAGE: usize = 256;

/// Cost of one tensor.
pub(super) const TENSOR: usize = 256;
