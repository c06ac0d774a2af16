//! What can go wrong with a checkpoint.

use crate::TensorErrors;
use std::path::PathBuf;
use wolfgang_model::ModelError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a checkpoint could not be read, or not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system did not let us read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file or folder is something else.
    #[error("{} is not a checkpoint: {found}", path.display())]
    NotACheckpoint {
        /// The file or folder.
        path: PathBuf,
        /// What it is, or what it lacks.
        found: String,
    },
    /// The file was not downloaded by git-lfs: it only names its content.
    #[error("{} is a git-lfs pointer, not the file itself", path.display())]
    GitLfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// The file is part of a model whose checkpoint is the folder.
    #[error("{} is a single file of a model folder", path.display())]
    PartOfFolder {
        /// The file.
        path: PathBuf,
        /// The folder that it lies in.
        folder: PathBuf,
    },
    /// The weights are in a format that is not read.
    #[error("{} holds weights in an unsupported format", path.display())]
    OtherWeights {
        /// The file.
        path: PathBuf,
        /// How to get weights that can be read.
        instruction: &'static str,
    },
    /// The file begins as a checkpoint and breaks its format further on.
    #[error("{} is corrupt or truncated", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the format breaks.
        source: Source,
    },
    /// The file is whole and in a known format, but uses something of it that is not read.
    #[error("{} is not supported: {found}", path.display())]
    UnsupportedFormat {
        /// The file.
        path: PathBuf,
        /// What it uses.
        found: String,
    },
    /// Opened by Python, the file would run a program.
    #[error(
        "{} is an unsafe pickle: loading it with Python would call {callable}, which may run code",
        path.display()
    )]
    UnsafePickle {
        /// The file.
        path: PathBuf,
        /// What would be called.
        callable: String,
    },
    /// A `.pt` lacks one of its two parts.
    #[error("{} has no usable entry {entry:?}: {found}", path.display())]
    MissingEntry {
        /// The file.
        path: PathBuf,
        /// `model` or `model_config`.
        entry: &'static str,
        /// What is there instead.
        found: String,
    },
    /// The configuration cannot be read.
    #[error("{}: invalid config field {field}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// What was found and expected.
        source: serde_json::Error,
    },
    /// The configuration asks for something that a Wolfgang-LM has not.
    #[error("{}: {field} is {found}, which is not supported; expected {expected}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// The value it would have.
        expected: String,
    },
    /// The system does not give the memory that the model needs.
    #[error("failed to load {}", path.display())]
    NoMemory {
        /// The file.
        path: PathBuf,
        /// How much it needs.
        source: ModelError,
    },
    /// The configuration describes no possible model.
    #[error("{} has an invalid model configuration", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Which rule it breaks.
        source: ModelError,
    },
    /// The device does not take the model.
    #[error("failed to load {} onto the device", path.display())]
    Device {
        /// The checkpoint.
        path: PathBuf,
        /// What keeps the device from it.
        source: ModelError,
    },
    /// The tensors are not those that the configuration calls for.
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
        /// Which element, counted row by row.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A number in an int8 matrix, or the scale of one of its rows, is one that quantising does not give.
    #[error("{}: {tensor} holds {value} at index {index}, but {rule}", path.display())]
    NotInt8 {
        /// The file.
        path: PathBuf,
        /// The matrix, or its scales.
        tensor: String,
        /// Which element, counted row by row.
        index: usize,
        /// Its value.
        value: f32,
        /// What is possible, as the rest of a sentence.
        rule: &'static str,
    },
    /// A weight is too large for the precision that it is read into, or is to be written in.
    #[error(
        "{}: {tensor} holds a number at index {index} that is too large for {precision}",
        path.display()
    )]
    TooLarge {
        /// The file converted.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Which element, counted row by row.
        index: usize,
        /// That precision.
        precision: &'static str,
    },
    /// The head has weights of its own.
    #[error(
        "{}: output.weight differs from embeddings.weight, but the head must be tied to the embeddings",
        path.display()
    )]
    UntiedHead {
        /// The file.
        path: PathBuf,
    },
    /// There is no int8 in the form to write.
    #[error("int8 is not supported in a Hugging Face folder; expected f32, bf16 or f16")]
    Int8InHuggingFace,
    /// The system did not let us write. The target of a conversion is as it was.
    #[error("failed to write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system or the format's writer said.
        source: Source,
    },
    /// There is something in the place to write to.
    #[error("{} already exists", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// There is something in the place to write to that no conversion wrote.
    #[error("refusing to replace {}: {found}", path.display())]
    NotReplaced {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// What was written does not read back as what was meant. Nothing was left behind.
    #[error("{tensor} did not read back as it was written to {}", path.display())]
    Verify {
        /// The target folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// Not the name of a model on the Hub.
    #[error("{given:?} is not OWNER/NAME[/FILE.pt][@REVISION]: {problem}")]
    HubName {
        /// What was given instead.
        given: String,
        /// Which rule it breaks.
        problem: String,
    },
    /// The Hub has no such repository, revision or file, or not for everybody. It does not say which.
    #[error(
        "{what} of {model} was not found at {endpoint}, or access was denied (HTTP status {status})"
    )]
    HubNotFound {
        /// The Hub.
        endpoint: String,
        /// The model.
        model: String,
        /// What was asked for.
        what: String,
        /// 401, 403 or 404.
        status: u16,
    },
    /// There is no connection to the Hub.
    #[error("failed to connect to {endpoint}")]
    HubUnreachable {
        /// The Hub.
        endpoint: String,
        /// What the system said.
        source: Source,
    },
    /// The Hub answered several times that it is busy or has an internal error.
    #[error("failed to fetch {what} of {model}: {endpoint} responded with HTTP status {status}")]
    HubBusy {
        /// The Hub.
        endpoint: String,
        /// The model.
        model: String,
        /// What was asked for.
        what: String,
        /// 429, 500, 502, 503 or 504.
        status: u16,
    },
    /// The answer is not one of the Hub's.
    #[error("failed to fetch {what} of {model}: {endpoint} responded with {found}")]
    HubUnexpectedResponse {
        /// The Hub.
        endpoint: String,
        /// The model.
        model: String,
        /// What was asked for.
        what: String,
        /// What came instead.
        found: String,
    },
    /// A download ended early, again and again. What came of it is kept, for the next one to go on from there.
    #[error("the download of {file} was interrupted at {found} of {expected} bytes")]
    HubInterrupted {
        /// The file.
        file: String,
        /// How many bytes are there.
        found: u64,
        /// How many there should be.
        expected: u64,
        /// What the system said at last.
        source: Source,
    },
    /// A file has another size than the Hub announced. Nothing was left of it.
    #[error("the download of {file} has {found} bytes, but the Hub announced {expected}")]
    HubSize {
        /// The file.
        file: String,
        /// How many bytes came, or would have come.
        found: u64,
        /// How many were announced.
        expected: u64,
    },
    /// A repository has several `.pt` files, and none was named.
    #[error("{model} has several .pt files: {found}")]
    HubSeveral {
        /// The model.
        model: String,
        /// The files.
        found: String,
    },
    /// A repository has not the `.pt` that was named.
    #[error("{model} does not exist; {}", pt_files(found))]
    HubNoSuchFile {
        /// The model, the file among it.
        model: String,
        /// The `.pt` files that there are, or nothing.
        found: String,
    },
    /// A repository has no model.
    #[error(
        "{model} has {found}, but a model is config.json with model.safetensors (or its index) or model.bpk, or one .pt"
    )]
    HubContents {
        /// The model.
        model: String,
        /// What it has.
        found: String,
    },
    /// Nothing may be downloaded, and the cache does not have it.
    #[error("{model} is not in the cache: {} lacks {missing}", path.display())]
    HubNotCached {
        /// The model.
        model: String,
        /// What is not there.
        missing: String,
        /// The model's folder in the cache.
        path: PathBuf,
    },
}

fn pt_files(found: &str) -> String {
    match found {
        "" => "the repository has no .pt file".to_owned(),
        found => format!("the .pt files of the repository: {found}"),
    }
}
