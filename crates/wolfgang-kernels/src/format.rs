//! Element types of weights, and the sizes of panels and quantisation blocks.

use crate::simd::LANES;

/// Element type of a matrix, which determines that of its activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// f32 weights and activations.
    F32,
    /// f16 weights, f32 activations.
    F16,
    /// bf16 weights and activations.
    Bf16,
    /// int8 weights (-127 to 127) with one scale per output, and int8 activations with one scale
    /// per 64 inputs.
    Int8,
}

/// Number of outputs in a panel of weights.
pub const PANEL: usize = 2 * LANES;

/// Size of a quantisation block of [`Format::Int8`]: the number of inputs that share a scale.
pub(crate) const BLOCK: usize = 64;

impl Format {
    /// Size of a weight in bytes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// Number of inputs in a group: those that one step of a product multiplies. Their weights are
    /// adjacent in a panel, and they share a word of the activations.
    pub(crate) fn group(self) -> usize {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Bf16 => 2,
            Self::Int8 => 4,
        }
    }

    /// Number of groups for `inputs` inputs. The last one is padded with zeros.
    pub(crate) fn groups(self, inputs: usize) -> usize {
        match self {
            Self::Int8 => inputs.next_multiple_of(BLOCK) / self.group(),
            _ => inputs.div_ceil(self.group()),
        }
    }
}
