//! Element types of weights, and the sizes of panels and quantisation blocks.

use crate::simd::LANES;
use bytemuck::{Pod, Zeroable};

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
    /// int4 weights (-8 to 7) with one f16 scale per output and 32 inputs, and int8 activations
    /// with one scale per 32 inputs.
    Int4,
}

/// Number of outputs in a panel of weights.
pub const PANEL: usize = 2 * LANES;

/// Size of a quantisation block of [`Format::Int8`]: the number of inputs that share a scale.
pub(crate) const BLOCK: usize = 64;

/// Size of a quantisation group of [`Format::Int4`]: the number of inputs that share a scale.
pub const GROUP: usize = 32;

/// Weights of a panel of [`Format::Int4`] for 64 inputs, which are two groups.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Int4Block {
    /// Scales in f16 of both groups, for both halves of the panel.
    pub(crate) scales: [[[u16; LANES]; 2]; 2],
    /// Weights plus 8, four inputs per word: the first group in the lower four bits, the second in
    /// the upper four.
    pub(crate) quants: [[[[u8; 4]; LANES]; 2]; GROUP / 4],
}

impl Format {
    /// Size in bytes of a panel with `inputs` inputs.
    pub(crate) fn panel_bytes(self, inputs: usize) -> usize {
        let weights = self.groups(inputs) * self.group() * PANEL;
        match self {
            Self::F32 => 4 * weights,
            Self::F16 | Self::Bf16 => 2 * weights,
            Self::Int8 => weights,
            Self::Int4 => weights / (2 * GROUP * PANEL) * size_of::<Int4Block>(),
        }
    }

    /// Number of inputs of a quantisation block of the activations, for formats that have them.
    pub(crate) fn activation_block(self) -> Option<usize> {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => None,
            Self::Int8 => Some(BLOCK),
            Self::Int4 => Some(GROUP),
        }
    }

    /// Number of inputs in a group: those that one step of a product multiplies. Their weights are
    /// adjacent in a panel, and they share a word of the activations.
    pub(crate) fn group(self) -> usize {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Bf16 => 2,
            Self::Int8 | Self::Int4 => 4,
        }
    }

    /// Number of groups for `inputs` inputs. The last one is padded with zeros.
    pub(crate) fn groups(self, inputs: usize) -> usize {
        match self {
            Self::Int8 | Self::Int4 => inputs.next_multiple_of(BLOCK) / self.group(),
            _ => inputs.div_ceil(self.group()),
        }
    }
}
