//! Quantisation to int4: groups of 32 weights of a row with an f16 scale.

use crate::format::{GROUP, Int4Block, PANEL};
use crate::isa::Kernel;
use crate::simd::{LANES, Simd};
use half::f16;

/// Number of scales that are tried for a group.
const CANDIDATES: usize = 26;

/// What the largest weight of a group is divided by to obtain a scale: from 6.5 in steps of 0.125.
/// Above 8 the largest weights are clipped, which often reduces the error of all others.
const FIRST_DIVISOR: f32 = 6.5;
const DIVISOR_STEP: f32 = 0.125;

/// Quantises a group of at most 32 weights to integers from -8 to 7, and returns the scale.
///
/// An integer times the scale is exact in f32. Weights that already are such products keep their
/// values, so quantising the result again gives the same integers and scale. Otherwise the scale
/// with the smallest squared error of 26 is taken. The scale is infinite if the weights exceed the
/// range of f16. The caller must check that the group is finite.
///
/// # Panics
/// If the group has more than 32 weights or `into` another length.
pub fn quantise_group(group: &[f32], into: &mut [i8]) -> f16 {
    let mut padded = [0.0; GROUP];
    padded[..group.len()].copy_from_slice(group);
    let (scale, quants) = quantise(&padded);
    for (to, q) in into.iter_mut().zip(quants) {
        *to = q as i8;
    }
    scale
}

/// Rounds a row to the values that an int4 matrix stores.
pub(crate) fn round_trip_row(row: &mut [f32]) {
    for group in row.chunks_mut(GROUP) {
        let mut quants = [0; GROUP];
        let scale = quantise_group(group, &mut quants[..group.len()]).to_f32();
        for (x, q) in group.iter_mut().zip(quants) {
            *x = scale * f32::from(q);
        }
    }
}

#[inline(always)]
fn quantise(group: &[f32; GROUP]) -> (f16, [f32; GROUP]) {
    let largest = largest(group);
    if let Some(found) = exact(group, largest) {
        return found;
    }
    let mut best = f16::from_f32(largest / -8.0);
    let mut least = f32::INFINITY;
    for candidate in 0..CANDIDATES {
        let divisor = FIRST_DIVISOR + DIVISOR_STEP * candidate as f32;
        let scale = f16::from_f32(largest / -divisor);
        let error = squared_error(group, scale.to_f32());
        if error < least {
            (best, least) = (scale, error);
        }
    }
    let scale = best.to_f32();
    let quants = to_int4(group, scale);
    let products = quants.map(|q| q * scale);
    // Several scales can give the same products: the result is the one that `exact` finds.
    exact(&products, self::largest(&products)).unwrap_or((best, quants))
}

/// Returns the first weight of the largest magnitude.
#[inline(always)]
fn largest(group: &[f32; GROUP]) -> f32 {
    let magnitude = group.iter().fold(0f32, |max, x| max.max(x.abs()));
    let first = group.iter().find(|x| x.abs() == magnitude);
    first.copied().unwrap_or(0.0)
}

/// Returns a scale and integers whose products are the weights, if there are any.
#[inline(always)]
fn exact(group: &[f32; GROUP], largest: f32) -> Option<(f16, [f32; GROUP])> {
    if largest == 0.0 {
        return Some((f16::ZERO, [0.0; GROUP]));
    }
    // The integer of the largest weight. -8 first, which most quantisers give it.
    let integers = [-8i8, 7, -7, 6, -6, 5, -5, 4, -4, 3, -3, 2, -2, 1, -1];
    integers.into_iter().find_map(|integer| {
        let integer = f32::from(integer);
        let half = f16::from_f32(largest / integer);
        let scale = half.to_f32();
        if scale * integer != largest {
            return None;
        }
        let quants = to_int4(group, scale);
        let same = |all: bool, (q, x): (&f32, &f32)| all & (q * scale == *x);
        let is_exact = quants.iter().zip(group).fold(true, same);
        is_exact.then_some((half, quants))
    })
}

/// Divides by the scale and rounds, ties to even, to integers from -8 to 7.
#[inline(always)]
fn to_int4(group: &[f32; GROUP], scale: f32) -> [f32; GROUP] {
    // 1.5 · 2^23: a sum with a small number is rounded to an integer.
    const ROUND: f32 = 12_582_912.0;
    let inv_scale = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    group.map(|x| ((x * inv_scale).clamp(-8.0, 7.0) + ROUND) - ROUND)
}

#[inline(always)]
fn squared_error(group: &[f32; GROUP], scale: f32) -> f32 {
    let quants = to_int4(group, scale);
    // In lanes, so that the loop is vectorised; the order is the same for all instruction sets.
    let mut lanes = [0f32; LANES];
    for (quants, group) in quants.chunks_exact(LANES).zip(group.chunks_exact(LANES)) {
        for ((lane, q), x) in lanes.iter_mut().zip(quants).zip(group) {
            let error = x - q * scale;
            *lane += error * error;
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Quantises and packs a panel.
pub(crate) struct PackInt4<'a> {
    /// `[PANEL, inputs]`.
    pub(crate) rows: &'a [f32],
    pub(crate) inputs: usize,
    pub(crate) into: &'a mut [u8],
}

impl Kernel for PackInt4<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let into: &mut [Int4Block] = bytemuck::cast_slice_mut(self.into);
        for column in 0..PANEL {
            let row = &self.rows[column * self.inputs..][..self.inputs];
            for group in 0..2 * into.len() {
                let mut weights = [0.0; GROUP];
                let from = row.get(group * GROUP..).unwrap_or_default();
                let n = from.len().min(GROUP);
                weights[..n].copy_from_slice(&from[..n]);
                let (scale, quants) = quantise(&weights);
                let (block, upper) = (&mut into[group / 2], group % 2);
                block.scales[upper][column / LANES][column % LANES] = scale.to_bits();
                for (words, quants) in block.quants.iter_mut().zip(quants.as_chunks::<4>().0) {
                    let word = &mut words[column / LANES][column % LANES];
                    for (byte, q) in word.iter_mut().zip(quants) {
                        let bits = (*q + 8.0) as u8;
                        *byte = if upper == 0 { bits } else { *byte | bits << 4 };
                    }
                }
            }
        }
    }
}

/// The weight of a panel at a column and an input.
pub(crate) fn weight(panel: &[u8], column: usize, input: usize) -> f32 {
    let blocks: &[Int4Block] = bytemuck::cast_slice(panel);
    let (block, group, within) = (input / (2 * GROUP), input / GROUP % 2, input % GROUP);
    let (half, lane) = (column / LANES, column % LANES);
    let byte = blocks[block].quants[within / 4][half][lane][within % 4];
    let q = byte >> (4 * group) & 0x0f;
    let scale = f16::from_bits(blocks[block].scales[group][half][lane]).to_f32();
    scale * (f32::from(q) - 8.0)
}
