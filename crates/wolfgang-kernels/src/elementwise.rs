//! Exponential, SiLU and RMSNorm.

use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{RowMatrix, stride};
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// eˣ with a relative error below 2.5e-7, for x from -87 to 88. Smaller x give e⁻⁸⁷. The result for
/// NaN is unspecified.
///
/// x is split into n ln 2 + r with |r| ≤ ln 2 / 2, and e^r is a polynomial with the coefficients of
/// Cephes (Moshier 1989).
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::F) -> S::F {
    let x = simd.max(x, simd.splat(-87.0));
    let n = simd.round(simd.mul(x, simd.splat(std::f32::consts::LOG2_E)));
    // ln 2 in two parts; the first has few bits, so that n times it is exact.
    let r = simd.fma(n, simd.splat(-0.693_359_4), x);
    let r = simd.fma(n, simd.splat(2.121_944_4e-4), r);
    let mut sum = simd.splat(1.987_569_1e-4);
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ] {
        sum = simd.fma(sum, r, simd.splat(coefficient));
    }
    let sum = simd.fma(simd.mul(r, r), sum, r);
    simd.mul(simd.add(sum, simd.splat(1.0)), simd.exp2(n))
}

/// x / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn silu<S: Simd>(simd: S, x: S::F) -> S::F {
    // Below -88 the result is about x e^x, too small to matter.
    let bounded = simd.max(x, simd.splat(-88.0));
    let exp = exp(simd, simd.sub(simd.splat(0.0), bounded));
    simd.div(x, simd.add(exp, simd.splat(1.0)))
}

/// The sum of all lanes, in a fixed order: the upper half is added to the lower until one is left.
#[inline(always)]
pub(crate) fn sum_of<S: Simd>(simd: S, x: S::F) -> f32 {
    fold(simd, x, |a, b| a + b)
}

/// The largest of all lanes.
#[inline(always)]
pub(crate) fn max_of<S: Simd>(simd: S, x: S::F) -> f32 {
    fold(simd, x, |a, b| if a > b { a } else { b })
}

#[inline(always)]
fn fold<S: Simd>(simd: S, x: S::F, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    simd.store(x, &mut lanes);
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Number of rows of a piece of work.
const PIECE_ROWS: usize = 16;

/// RMSNorm (Zhang & Sennrich 2019) of each row: x / sqrt(mean(x²) + ε) · weight.
pub(crate) fn rms_norm(
    isa: Isa,
    pool: &mut Pool,
    from: &RowMatrix,
    weight: &RowMatrix,
    epsilon: f32,
    into: &mut RowMatrix,
) {
    let (rows, width) = (from.rows(), from.width());
    into.resize(rows, width);
    let into = into.shared();
    let stride = stride(width);
    pool.run(rows.div_ceil(PIECE_ROWS), &|_, piece| {
        for row in piece * PIECE_ROWS..rows.min((piece + 1) * PIECE_ROWS) {
            isa.run(RmsNorm {
                from: from.padded(row),
                weight: weight.padded(0),
                epsilon,
                width: width as f32,
                // SAFETY: every row belongs to one piece.
                into: unsafe { into.part(row * stride..(row + 1) * stride) },
            });
        }
    });
}

struct RmsNorm<'a> {
    from: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
    width: f32,
    into: &'a mut [f32],
}

impl Kernel for RmsNorm<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let from = self.from.as_chunks::<LANES>().0;
        let mut squares = simd.splat(0.0);
        for x in from {
            let x = simd.load(x);
            squares = simd.fma(x, x, squares);
        }
        let mean = sum_of(simd, squares) / self.width;
        let scale = simd.splat(1.0 / (mean + self.epsilon).sqrt());
        let weight = self.weight.as_chunks::<LANES>().0;
        let into = self.into.as_chunks_mut::<LANES>().0;
        for ((x, weight), into) in from.iter().zip(weight).zip(into) {
            let normed = simd.mul(simd.load(x), scale);
            simd.store(simd.mul(normed, simd.load(weight)), into);
        }
    }
}

/// RMSNorm, in place, of these heads of each row. `weight` has the width of a head.
pub(crate) fn rms_norm_heads(
    isa: Isa,
    pool: &mut Pool,
    rows: &mut RowMatrix,
    heads: Range<usize>,
    weight: &RowMatrix,
    epsilon: f32,
) {
    let (n, stride, head_dim) = (rows.rows(), stride(rows.width()), weight.width());
    let shared = rows.shared();
    let heads = heads.start * head_dim..heads.end * head_dim;
    pool.run(n.div_ceil(PIECE_ROWS), &|_, piece| {
        for row in piece * PIECE_ROWS..n.min((piece + 1) * PIECE_ROWS) {
            let start = row * stride;
            // SAFETY: every row belongs to one piece.
            let heads = unsafe { shared.part(start + heads.start..start + heads.end) };
            for head in heads.chunks_exact_mut(head_dim) {
                isa.run(RmsNormHead {
                    head,
                    weight: weight.row(0),
                    epsilon,
                });
            }
        }
    });
}

struct RmsNormHead<'a> {
    head: &'a mut [f32],
    weight: &'a [f32],
    epsilon: f32,
}

impl Kernel for RmsNormHead<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.head.len() as f32;
        let (head, rest) = self.head.as_chunks_mut::<LANES>();
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        let mut squares = simd.splat(0.0);
        for x in head.iter().chain([&last]) {
            let x = simd.load(x);
            squares = simd.fma(x, x, squares);
        }
        let scale = 1.0 / (sum_of(simd, squares) / width + self.epsilon).sqrt();
        let (weight, last_weight) = self.weight.as_chunks::<LANES>();
        for (x, weight) in head.iter_mut().zip(weight) {
            let normed = simd.mul(simd.load(x), simd.splat(scale));
            simd.store(simd.mul(normed, simd.load(weight)), x);
        }
        for (x, weight) in rest.iter_mut().zip(last_weight) {
            *x = *x * scale * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ExpAndSilu([f32; LANES]);

    impl Kernel for ExpAndSilu {
        type Out = [[f32; LANES]; 2];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Out {
            let x = simd.load(&self.0);
            let mut out = [[0.0; LANES]; 2];
            simd.store(exp(simd, x), &mut out[0]);
            simd.store(silu(simd, x), &mut out[1]);
            out
        }
    }

    #[test]
    fn exp_and_silu_are_accurate_and_equal_on_all_instruction_sets() {
        let step = if cfg!(miri) { 1.7 } else { 0.001 };
        let mut x = -87.0f32;
        while x < 88.0 {
            let xs: [f32; LANES] = std::array::from_fn(|i| x + step * i as f32);
            let [exps, silus] = Isa::all()[0].run(ExpAndSilu(xs));
            for isa in Isa::all() {
                assert_eq!(isa.run(ExpAndSilu(xs)), [exps, silus], "{isa:?} at {x}");
            }
            for (i, x) in xs.into_iter().enumerate().filter(|(_, x)| *x < 88.0) {
                let exact = f64::from(x).exp();
                let apart = (f64::from(exps[i]) - exact).abs() / exact;
                assert!(apart < 2.5e-7, "exp({x}) is {}, off by {apart}", exps[i]);
                let exact = f64::from(x) / (1.0 + (-f64::from(x)).exp());
                let apart = (f64::from(silus[i]) - exact).abs();
                assert!(apart <= 4e-7 * exact.abs(), "silu({x}) is {}", silus[i]);
            }
            x += LANES as f32 * step;
        }
    }

    #[test]
    fn rms_norm_follows_its_formula() {
        let mut pool = Pool::new(std::num::NonZeroUsize::MIN).unwrap();
        let (mut from, mut weight, mut into) = (
            RowMatrix::default(),
            RowMatrix::default(),
            RowMatrix::default(),
        );
        from.reset(2, 3);
        from.row_mut(1).copy_from_slice(&[1.0, -2.0, 3.0]);
        weight.reset(1, 3);
        weight.row_mut(0).copy_from_slice(&[1.0, 10.0, 0.5]);
        rms_norm(Isa::best(), &mut pool, &from, &weight, 1e-6, &mut into);
        assert_eq!(into.row(0), [0.0; 3]);
        let scale = 1.0 / (14.0f32 / 3.0 + 1e-6).sqrt();
        for (found, expected) in into.row(1).iter().zip([1.0, -20.0, 1.5]) {
            assert!((found - expected * scale).abs() < 1e-6);
        }
    }

    #[test]
    fn the_norm_of_a_head_has_the_bits_of_the_norm_of_a_row() {
        let mut pool = Pool::new(std::num::NonZeroUsize::MIN).unwrap();
        for head_dim in [2, 16, 20, 64] {
            let (mut rows, mut head, mut weight, mut expected) = Default::default();
            let number = |i: usize| (i as f32 * 0.7).sin();
            RowMatrix::reset(&mut rows, 2, 4 * head_dim);
            RowMatrix::reset(&mut head, 1, head_dim);
            RowMatrix::reset(&mut weight, 1, head_dim);
            for (i, x) in weight.row_mut(0).iter_mut().enumerate() {
                *x = number(i + 1);
            }
            for (i, x) in rows.row_mut(1).iter_mut().enumerate() {
                *x = number(i);
            }
            let before = rows.row(1).to_vec();
            for isa in Isa::all() {
                rows.row_mut(1).copy_from_slice(&before);
                rms_norm_heads(isa, &mut pool, &mut rows, 1..3, &weight, 1e-6);
                for (index, found) in rows.row(1).chunks(head_dim).enumerate() {
                    let before = &before[index * head_dim..(index + 1) * head_dim];
                    if index == 1 || index == 2 {
                        head.row_mut(0).copy_from_slice(before);
                        rms_norm(isa, &mut pool, &head, &weight, 1e-6, &mut expected);
                        assert_eq!(found, RowMatrix::row(&expected, 0), "{isa:?}, {head_dim}");
                    } else {
                        assert_eq!(found, before);
                    }
                }
            }
        }
    }
}
