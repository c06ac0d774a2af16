//! Progress of long operations.

use std::fmt;

/// Receives the progress of an operation that may take more than a moment. `()` ignores it.
///
/// Operations borrow it as `&mut dyn Progress`, so that one value can be used for several
/// operations.
///
/// ```
/// use wolfgang_checkpoint::{Checkpoint, Phase, Progress};
/// use wolfgang_model::{Device, Precision};
///
/// struct Percent {
///     done: u64,
///     total: u64,
/// }
///
/// impl Progress for Percent {
///     fn begin(&mut self, phase: Phase, bytes: u64) {
///         println!("{phase}: {bytes} bytes");
///         (self.done, self.total) = (0, bytes);
///     }
///
///     fn advance(&mut self, bytes: u64) {
///         self.done += bytes;
///         println!("{} %", 100 * self.done / self.total.max(1));
///     }
///
///     fn end(&mut self) {}
/// }
///
/// let mut percent = Percent { done: 0, total: 0 };
/// let checkpoint = Checkpoint::open("../../models/faust")?;
/// checkpoint.into_model_with(&Device::flex(), Precision::F32, &mut percent)?;
/// assert_eq!(percent.done, percent.total);
/// # Ok::<(), wolfgang_checkpoint::CheckpointError>(())
/// ```
pub trait Progress {
    /// `phase` begins, which processes `bytes` in all.
    fn begin(&mut self, phase: Phase, bytes: u64);
    /// `bytes` more have been processed.
    fn advance(&mut self, bytes: u64);
    /// All bytes of the phase have been processed. Not called when it fails.
    fn end(&mut self);
}

impl Progress for () {
    fn begin(&mut self, _phase: Phase, _bytes: u64) {}
    fn advance(&mut self, _bytes: u64) {}
    fn end(&mut self) {}
}

/// A part of an operation whose progress is reported. [`Display`](fmt::Display) describes it in
/// English.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// A file of a model on the Hugging Face Hub is downloaded into the cache.
    Download {
        /// Its path in the repository.
        file: String,
    },
    /// Weights are read onto the device, in the precision that the model computes in.
    ReadWeights,
    /// Weights are converted and written.
    Write,
    /// What was written is read back and compared.
    Verify,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Download { file } => write!(f, "downloading {file}"),
            Self::ReadWeights => f.write_str("reading weights"),
            Self::Write => f.write_str("writing"),
            Self::Verify => f.write_str("checking"),
        }
    }
}
