//! Errors of checkpoints.

use crate::TensorErrors;
use std::path::PathBuf;
use wolfgang_model::{ModelError, Precision};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Error of reading, converting or downloading a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file or folder could not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file or folder is not a checkpoint.
    #[error("{} is not a checkpoint: {found}", path.display())]
    NotACheckpoint {
        /// The file or folder.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// The file is a git-lfs pointer: git-lfs has not downloaded its content.
    #[error("{} is a git-lfs pointer, not the file itself", path.display())]
    GitLfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// The file is a single file of a model folder.
    #[error("{} is a single file of a model folder", path.display())]
    PartOfFolder {
        /// The file.
        path: PathBuf,
        /// The model folder.
        folder: PathBuf,
    },
    /// The weights are in an unsupported format.
    #[error("{} holds weights in an unsupported format", path.display())]
    OtherWeights {
        /// The file.
        path: PathBuf,
        /// How to convert them to a supported format.
        instruction: &'static str,
    },
    /// The file is corrupt or truncated.
    #[error("{} is corrupt or truncated", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Source,
    },
    /// The file uses a feature of its format that is not supported.
    #[error("{} is not supported: {found}", path.display())]
    UnsupportedFormat {
        /// The file.
        path: PathBuf,
        /// The feature.
        found: String,
    },
    /// Loading the pickle with Python would call a function that may run code.
    #[error(
        "{} is an unsafe pickle: loading it with Python would call {callable}, which may run code",
        path.display()
    )]
    UnsafePickle {
        /// The file.
        path: PathBuf,
        /// The function.
        callable: String,
    },
    /// A `.pt` file lacks one of its two entries.
    #[error("{} has no usable entry {entry:?}: {found}", path.display())]
    MissingEntry {
        /// The file.
        path: PathBuf,
        /// `model` or `model_config`.
        entry: &'static str,
        /// What was found instead.
        found: String,
    },
    /// A field of the configuration is missing or invalid.
    #[error("{}: invalid config field {field}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// The error of the parser.
        source: serde_json::Error,
    },
    /// A field of the configuration has a value that is not supported.
    #[error("{}: {field} is {found}, which is not supported; expected {expected}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// The supported value.
        expected: String,
    },
    /// The tokenizer in a GGUF file is not one of the supported kinds, or its values contradict each
    /// other.
    #[error("the tokenizer in {} is not supported: {found}", path.display())]
    UnsupportedTokenizer {
        /// The file.
        path: PathBuf,
        /// What is not supported, as the rest of a sentence.
        found: String,
    },
    /// Memory for the model could not be allocated.
    #[error("failed to load {}", path.display())]
    NoMemory {
        /// The file.
        path: PathBuf,
        /// The failed allocation.
        source: ModelError,
    },
    /// The configuration of the model is invalid.
    #[error("{} has an invalid model configuration", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// The invalid field.
        source: ModelError,
    },
    /// The model could not be loaded onto the device.
    #[error("failed to load {} onto the device", path.display())]
    Device {
        /// The checkpoint.
        path: PathBuf,
        /// The error of the device.
        source: ModelError,
    },
    /// The tensors do not match the configuration.
    #[error("the tensors of {} do not match its config: {problems}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// All differences.
        problems: TensorErrors,
    },
    /// A weight is NaN or infinite.
    #[error("{}: {tensor} holds {value} at index {index}, but weights must be finite", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Index of the element, in row-major order.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An int8 matrix or its scales contain an invalid value.
    #[error("{}: {tensor} holds {value} at index {index}, but {rule}", path.display())]
    NotInt8 {
        /// The file.
        path: PathBuf,
        /// The matrix, or its scales.
        tensor: String,
        /// Index of the element, in row-major order.
        index: usize,
        /// Its value.
        value: f32,
        /// The valid values, as the rest of a sentence.
        rule: &'static str,
    },
    /// A weight is too large for the precision in which it is loaded or written.
    #[error(
        "{}: {tensor} holds a number at index {index} that is too large for {precision}",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Index of the element, in row-major order.
        index: usize,
        /// The precision.
        precision: &'static str,
    },
    /// The output head is not tied to the embeddings.
    #[error(
        "{}: output.weight differs from embeddings.weight, but the head must be tied to the embeddings",
        path.display()
    )]
    UntiedHead {
        /// The file.
        path: PathBuf,
    },
    /// Hugging Face folders do not support int8 and int4.
    #[error("{precision} is not supported in a Hugging Face folder; expected f32, bf16 or f16")]
    QuantisedInHuggingFace {
        /// The element type.
        precision: Precision,
    },
    /// A file or folder could not be written. The target of a conversion is unchanged.
    #[error("failed to write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system or of the format's writer.
        source: Source,
    },
    /// The target already exists.
    #[error("{} already exists", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The target contains files that were not written by a conversion.
    #[error("refusing to replace {}: {found}", path.display())]
    NotReplaced {
        /// The folder.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A written tensor differs after reading it back. The output was removed.
    #[error("{tensor} did not read back as it was written to {}", path.display())]
    Verify {
        /// The target folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// The name of a model on the Hub is invalid.
    #[error("{given:?} is not OWNER/NAME[/FILE.pt][@REVISION]: {problem}")]
    HubName {
        /// The invalid name.
        given: String,
        /// The rule that it violates.
        problem: String,
    },
    /// The repository, revision or file was not found, or access was denied; the Hub does not
    /// distinguish these.
    #[error(
        "{what} of {model} was not found at {endpoint}, or access was denied (HTTP status {status})"
    )]
    HubNotFound {
        /// URL of the Hub.
        endpoint: String,
        /// The model.
        model: String,
        /// The requested item.
        what: String,
        /// HTTP status: 401, 403 or 404.
        status: u16,
    },
    /// The connection to the Hub failed.
    #[error("failed to connect to {endpoint}")]
    HubUnreachable {
        /// URL of the Hub.
        endpoint: String,
        /// The error of the system.
        source: Source,
    },
    /// The Hub was busy or had an internal error, also after several retries.
    #[error("failed to fetch {what} of {model}: {endpoint} responded with HTTP status {status}")]
    HubBusy {
        /// URL of the Hub.
        endpoint: String,
        /// The model.
        model: String,
        /// The requested item.
        what: String,
        /// HTTP status: 429, 500, 502, 503 or 504.
        status: u16,
    },
    /// The response is not a valid response of the Hub.
    #[error("failed to fetch {what} of {model}: {endpoint} responded with {found}")]
    HubUnexpectedResponse {
        /// URL of the Hub.
        endpoint: String,
        /// The model.
        model: String,
        /// The requested item.
        what: String,
        /// The response.
        found: String,
    },
    /// A download was interrupted repeatedly. The partial file is kept, and the next download
    /// resumes it.
    #[error("the download of {file} was interrupted at {found} of {expected} bytes")]
    HubInterrupted {
        /// The file.
        file: String,
        /// Number of bytes downloaded.
        found: u64,
        /// Expected number of bytes.
        expected: u64,
        /// The last error.
        source: Source,
    },
    /// A file has another size than the Hub announced. The partial file was removed.
    #[error("the download of {file} has {found} bytes, but the Hub announced {expected}")]
    HubSize {
        /// The file.
        file: String,
        /// Size in bytes.
        found: u64,
        /// Announced size in bytes.
        expected: u64,
    },
    /// The repository has several `.pt` files, and the name does not select one.
    #[error("{model} has several .pt files: {found}")]
    HubSeveral {
        /// The model.
        model: String,
        /// The files.
        found: String,
    },
    /// The repository does not have the named `.pt` file.
    #[error("{model} does not exist; {}", pt_files(found))]
    HubNoSuchFile {
        /// The model with the file.
        model: String,
        /// The `.pt` files of the repository; empty if there are none.
        found: String,
    },
    /// The repository does not contain a model.
    #[error(
        "{model} has {found}, but a model is config.json with model.safetensors (or its index) or model.bpk, or one .pt"
    )]
    HubContents {
        /// The model.
        model: String,
        /// What was found.
        found: String,
    },
    /// The model is not in the cache, and downloads are disabled.
    #[error("{model} is not in the cache: {} lacks {missing}", path.display())]
    HubNotCached {
        /// The model.
        model: String,
        /// The missing files.
        missing: String,
        /// The model's folder in the cache.
        path: PathBuf,
    },
}

impl CheckpointError {
    pub(crate) fn read(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Read {
            path: path.into(),
            source,
        }
    }

    pub(crate) fn write(path: impl Into<PathBuf>, source: impl Into<Source>) -> Self {
        Self::Write {
            path: path.into(),
            source: source.into(),
        }
    }

    pub(crate) fn damaged(path: impl Into<PathBuf>, source: impl Into<Source>) -> Self {
        Self::Damaged {
            path: path.into(),
            source: source.into(),
        }
    }

    pub(crate) fn unsupported_format(path: impl Into<PathBuf>, found: impl Into<String>) -> Self {
        Self::UnsupportedFormat {
            path: path.into(),
            found: found.into(),
        }
    }

    pub(crate) fn not_a_checkpoint(path: impl Into<PathBuf>, found: impl Into<String>) -> Self {
        Self::NotACheckpoint {
            path: path.into(),
            found: found.into(),
        }
    }
}

fn pt_files(found: &str) -> String {
    match found {
        "" => "the repository has no .pt file".to_owned(),
        found => format!("the .pt files of the repository: {found}"),
    }
}
