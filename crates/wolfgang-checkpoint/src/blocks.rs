//! Block-quantised elements of GGUF files.
//!
//! A row is stored in blocks of 32 or 256 weights with common scales. The arithmetic is that of
//! ggml's reference implementation, in f32 and in the same order, so that the results have the same
//! bits.

use half::f16;

/// Type of a block-quantised tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockType {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q6K,
}

/// Weights in a block of the types with a K in their name.
const K: usize = 256;

impl BlockType {
    /// Returns the name in ggml, for example `Q4_1`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q4K => "Q4_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// Returns the number of weights in a block.
    pub(crate) fn elements(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q4K | Self::Q6K => K,
        }
    }

    /// Returns the size of a block in bytes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Q4_0 => 2 + 16,
            Self::Q4_1 => 2 + 2 + 16,
            Self::Q5_0 => 2 + 4 + 16,
            Self::Q5_1 => 2 + 2 + 4 + 16,
            Self::Q8_0 => 2 + 32,
            Self::Q4K => 2 + 2 + 12 + K / 2,
            Self::Q6K => K / 2 + K / 4 + K / 16 + 2,
        }
    }

    /// Converts blocks to f32. `into` must have the length of `blocks` in elements.
    pub(crate) fn dequantise(self, blocks: &[u8], into: &mut [f32]) {
        let blocks = blocks.chunks_exact(self.bytes());
        for (block, into) in blocks.zip(into.chunks_exact_mut(self.elements())) {
            match self {
                Self::Q4_0 => q4_0(block, into),
                Self::Q4_1 => q4_1(block, into),
                Self::Q5_0 => q5_0(block, into),
                Self::Q5_1 => q5_1(block, into),
                Self::Q8_0 => q8_0(block, into),
                Self::Q4K => q4_k(block, into),
                Self::Q6K => q6_k(block, into),
            }
        }
    }
}

/// The f16 at `at`.
fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// The four low bits of all bytes, then the four high bits.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let low = bytes.iter().map(|byte| byte & 0x0f);
    low.chain(bytes.iter().map(|byte| byte >> 4))
}

/// Five-bit numbers: the fifth bits in 4 bytes, then the nibbles.
fn five_bits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (high, low) = bytes.split_at(4);
    nibbles(low)
        .enumerate()
        .map(|(i, low)| low | (high[i / 8] >> (i % 8) & 1) << 4)
}

fn q4_0(block: &[u8], into: &mut [f32]) {
    let scale = half_at(block, 0);
    for (to, q) in into.iter_mut().zip(nibbles(&block[2..])) {
        *to = scale * (f32::from(q) - 8.0);
    }
}

fn q4_1(block: &[u8], into: &mut [f32]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    for (to, q) in into.iter_mut().zip(nibbles(&block[4..])) {
        *to = scale * f32::from(q) + min;
    }
}

fn q5_0(block: &[u8], into: &mut [f32]) {
    let scale = half_at(block, 0);
    for (to, q) in into.iter_mut().zip(five_bits(&block[2..])) {
        *to = scale * (f32::from(q) - 16.0);
    }
}

fn q5_1(block: &[u8], into: &mut [f32]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    for (to, q) in into.iter_mut().zip(five_bits(&block[4..])) {
        *to = scale * f32::from(q) + min;
    }
}

fn q8_0(block: &[u8], into: &mut [f32]) {
    let scale = half_at(block, 0);
    for (to, q) in into.iter_mut().zip(&block[2..]) {
        *to = f32::from(q.cast_signed()) * scale;
    }
}

/// Eight groups of 32 weights, each with a scale and a minimum of six bits.
fn q4_k(block: &[u8], into: &mut [f32]) {
    let (scale, min) = (half_at(block, 0), half_at(block, 2));
    let (packed, quants) = block[4..].split_at(12);
    for (group, into) in into.chunks_exact_mut(32).enumerate() {
        let (group_scale, group_min) = scale_and_min(packed, group);
        let (scale, min) = (scale * f32::from(group_scale), min * f32::from(group_min));
        // Two groups share 32 bytes: the even group has the low bits.
        let bytes = &quants[group / 2 * 32..][..32];
        for (to, byte) in into.iter_mut().zip(bytes) {
            let q = byte >> (group % 2 * 4) & 0x0f;
            *to = scale * f32::from(q) - min;
        }
    }
}

/// Unpacks the scale and the minimum of a group. Those of the last four groups have their low four
/// bits in the last four bytes, and their high two bits above those of the first four groups.
fn scale_and_min(packed: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        return (packed[group] & 0x3f, packed[group + 4] & 0x3f);
    }
    let low = packed[group + 4];
    let scale = low & 0x0f | packed[group - 4] >> 2 & 0x30;
    let min = low >> 4 | packed[group] >> 2 & 0x30;
    (scale, min)
}

/// Sixteen groups of 16 weights of six bits, each with a scale of eight bits.
fn q6_k(block: &[u8], into: &mut [f32]) {
    let (low, rest) = block.split_at(K / 2);
    let (high, rest) = rest.split_at(K / 4);
    let (scales, _) = rest.split_at(K / 16);
    let scale = half_at(block, K / 2 + K / 4 + K / 16);
    for (i, to) in into.iter_mut().enumerate() {
        // Each half of the block has 64 bytes of low bits and 32 bytes of high bits.
        let (half, within) = (i / 128, i % 128);
        let low = low[half * 64 + within % 64] >> (within / 64 * 4) & 0x0f;
        let high = high[half * 32 + within % 32] >> (within / 32 * 2) & 0x03;
        let q = (low | high << 4).cast_signed() - 32;
        let group_scale = scale * f32::from(scales[i / 16].cast_signed());
        *to = group_scale * f32::from(q);
    }
}
