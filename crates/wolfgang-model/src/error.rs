//! What can go wrong between ids and logits.

/// Why a model could not be made or not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field of the configuration has an impossible value.
    #[error("config field {field} is {value}, but {rule}")]
    InvalidConfig {
        /// The field's name in `config.json` and in the checkpoint.
        field: &'static str,
        /// The value found.
        value: usize,
        /// What is allowed, as the rest of a sentence.
        rule: String,
    },
    /// The system does not give the memory that the weights need.
    #[error("the weights need {bytes} bytes, which the system does not give")]
    NoMemory {
        /// Their size in memory.
        bytes: usize,
    },
    /// There is nothing to compute logits for.
    #[error("got no ids, but logits need at least one")]
    NoIds,
    /// An id lies beyond the vocabulary.
    #[error("id {id} at position {position} lies beyond the vocabulary of {vocab_size}")]
    UnknownId {
        /// The id.
        id: u32,
        /// Where it stands in the ids given.
        position: usize,
        /// Size of the vocabulary; ids lie below it.
        vocab_size: usize,
    },
    /// More ids than the model has positions.
    #[error("{past} cached and {new} new ids exceed the block size of {block_size}")]
    ContextFull {
        /// Positions already in the cache.
        past: usize,
        /// Ids given.
        new: usize,
        /// Positions that the model has.
        block_size: usize,
    },
    /// The cache was made for a model of another shape.
    #[error(
        "the cache was made for another model: it has {found}, but this model needs {expected}"
    )]
    ForeignCache {
        /// The shape the cache has.
        found: String,
        /// The shape this model needs.
        expected: String,
    },
}
