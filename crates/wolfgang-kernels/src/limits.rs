//! Roofline probes: memory bandwidth and peak arithmetic rate, the limits that the kernels are
//! compared with.
//!
//! Decoding reads every weight once, so its limit is the memory bandwidth, unless the weights fit
//! into a CPU cache. Prefill multiplies each weight with many rows, so its limit is the rate of
//! multiply-adds.

use crate::KernelError;
use crate::disjoint_slice::DisjointSlice;
use crate::format::Format;
use crate::isa::{Isa, Kernel};
use crate::pages::HugePageArena;
use crate::pool::Pool;
use crate::simd::{LANES, Simd};
use std::hint::black_box;
use std::ops::Range;

/// Memory for the bandwidth probe [`Cpu::read`](crate::Cpu::read), on huge pages as weights are.
#[derive(Debug)]
pub struct Memory {
    pages: HugePageArena,
    place: Range<usize>,
}

/// Bytes that a thread reads in one go.
const PIECE: usize = 2 << 20;

/// Sums that are worked on at the same time: an instruction for the next need not wait for the last.
const MANY: usize = 16;

/// As [`MANY`], where there are registers for fewer.
const FEW: usize = 6;

impl Memory {
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub(crate) fn new(pool: &mut Pool, bytes: usize) -> Result<Self, KernelError> {
        let no_room = KernelError::NoMemory { bytes };
        let whole = bytes.checked_next_multiple_of(PIECE);
        let whole = whole.ok_or_else(|| no_room.clone())?;
        let mut pages = HugePageArena::new(whole)?;
        let place = pages.alloc(whole).ok_or(no_room)?;
        let pieces = whole / PIECE;
        let memory = DisjointSlice::new(pages.get_mut(&place));
        // Pages that nobody wrote to are all the same page of zeros.
        pool.run(pieces, &|_, piece| {
            // SAFETY: every piece is another part.
            unsafe { memory.part(piece * PIECE..(piece + 1) * PIECE) }.fill(1);
        });
        Ok(Self { pages, place })
    }

    /// Returns the size in bytes, a multiple of 2 MB.
    pub fn bytes(&self) -> usize {
        self.place.len()
    }
}

/// Reads all of the memory once.
pub(crate) fn read(isa: Isa, pool: &mut Pool, memory: &Memory) {
    let numbers: &[[f32; LANES]] = bytemuck::cast_slice(memory.pages.get(&memory.place));
    let piece = PIECE / size_of::<[f32; LANES]>();
    let pieces: Vec<_> = numbers.chunks(piece).collect();
    pool.run(pieces.len(), &|_, piece| {
        isa.run(Sum {
            lines: pieces[piece],
        });
    });
}

struct Sum<'a> {
    lines: &'a [[f32; LANES]],
}

impl Kernel for Sum<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut sums = [simd.splat(0.0); 8];
        for lines in self.lines.as_chunks::<8>().0 {
            for (sum, line) in sums.iter_mut().zip(lines) {
                *sum = simd.add(*sum, simd.load(line));
            }
        }
        let mut kept = [0.0; LANES];
        for sum in sums {
            simd.store(sum, &mut kept);
            black_box(kept);
        }
    }
}

/// Multiplies and adds on each thread, at least `number` times in all, and returns how many times it was.
pub(crate) fn multiply_adds(isa: Isa, pool: &mut Pool, format: Format, number: usize) -> usize {
    let pieces = 8 * pool.threads();
    // Products in one lane of an instruction.
    let products = match format {
        Format::F32 | Format::F16 => 1,
        Format::Bf16 if !isa.has_dot_product(format) => 1,
        Format::Int8 if !isa.has_dot_product(format) => 2,
        format => format.group(),
    };
    let each = LANES * products * isa.run(Sums);
    // As many as can be counted.
    let steps = number.min(usize::MAX / 2).div_ceil(pieces * each);
    pool.run(pieces, &|_, _| isa.run(Chains { format, steps }));
    pieces * each * steps
}

/// How many sums [`Chains`] works on.
struct Sums;

impl Kernel for Sums {
    type Out = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        sums::<S>()
    }
}

#[inline(always)]
fn sums<S: Simd>() -> usize {
    if S::ROWS > FEW { MANY } else { FEW }
}

/// Multiplies and adds what stands in registers, by the instruction that products in the format use.
struct Chains {
    format: Format,
    steps: usize,
}

impl Kernel for Chains {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        if sums::<S>() == MANY {
            self.with::<S, MANY>(simd);
        } else {
            self.with::<S, FEW>(simd);
        }
    }
}

impl Chains {
    #[inline(always)]
    fn with<S: Simd, const N: usize>(self, simd: S) {
        let mut kept = [0.0; LANES];
        match self.format {
            Format::Bf16 if S::DOTS_BF16 => {
                let (weights, x) = black_box(([0x3f80_3f80; LANES], 0x3f00_3f00));
                let mut sums = [simd.splat(0.0); N];
                for _ in 0..self.steps {
                    for sum in &mut sums {
                        *sum = simd.dot_bf16(*sum, &weights, x);
                    }
                }
                for sum in sums {
                    simd.store(sum, &mut kept);
                    black_box(kept);
                }
            }
            // 16 bits are widened first, which is not counted.
            Format::F32 | Format::F16 | Format::Bf16 => {
                let (a, b) = black_box((0.5, 1.0));
                let (a, b) = (simd.splat(a), simd.splat(b));
                let mut sums = [simd.splat(0.0); N];
                for _ in 0..self.steps {
                    for sum in &mut sums {
                        *sum = simd.fma(a, *sum, b);
                    }
                }
                for sum in sums {
                    simd.store(sum, &mut kept);
                    black_box(kept);
                }
            }
            Format::Int8 => {
                let weights = black_box([[1; 4]; LANES]);
                let (even, _) = simd.split_i8(&weights);
                let mut sums = [simd.splat_i(0); N];
                for step in 0..self.steps {
                    // Another one each time: where it takes several instructions, none can be done beforehand.
                    let x = step as u32 & 0xff;
                    for sum in &mut sums {
                        *sum = if S::DOTS_I8 {
                            simd.dot_i8(*sum, &weights, x)
                        } else {
                            simd.dot_i16(*sum, even, x)
                        };
                    }
                }
                for sum in sums {
                    simd.store(simd.to_f(sum), &mut kept);
                    black_box(kept);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    #[test]
    #[cfg_attr(miri, ignore = "megabytes are too much for an interpreter")]
    fn as_much_is_done_as_is_counted() {
        let mut pool = Pool::new(NonZeroUsize::new(2).unwrap()).unwrap();
        let memory = Memory::new(&mut pool, PIECE + 1).unwrap();
        assert_eq!(memory.bytes(), 2 * PIECE);
        for isa in Isa::all() {
            read(isa, &mut pool, &memory);
            for format in [Format::F32, Format::F16, Format::Bf16, Format::Int8] {
                let done = multiply_adds(isa, &mut pool, format, 100_000);
                assert!((100_000..200_000).contains(&done), "{done}");
            }
        }
    }
}
