//! Roofline probes: memory bandwidth and peak arithmetic rate, the limits that benchmarks compare
//! the kernels with.
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
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Instant;

/// Measures the bandwidth and the peak arithmetic rate of some threads with one instruction set.
#[derive(Debug)]
pub struct Roofline {
    isa: Isa,
    pool: Pool,
    /// On huge pages, as weights are.
    pages: HugePageArena,
    place: Range<usize>,
}

/// Size of the memory that is read: more than most caches hold.
const MEMORY_BYTES: usize = 256 << 20;

/// How often [`Roofline::bandwidth`] reads the memory.
const READS: usize = 4;

/// Multiply-adds of each thread in [`Roofline::peak_fma`]: they take some milliseconds.
const MULTIPLY_ADDS: usize = 2_000_000_000;

/// Bytes that a thread reads in one go.
const PIECE: usize = 2 << 20;

/// Sums that are worked on at the same time: an instruction for the next need not wait for the
/// last.
const MANY: usize = 16;

/// As [`MANY`], where there are registers for fewer.
const FEW: usize = 6;

impl Roofline {
    /// Starts `threads` threads, including that of the caller, and allocates the memory that is
    /// read.
    ///
    /// # Errors
    /// [`KernelError::TooManyThreads`], [`KernelError::NoThread`], [`KernelError::NoMemory`].
    pub fn new(isa: Isa, threads: NonZeroUsize) -> Result<Self, KernelError> {
        Self::with_memory(isa, threads, MEMORY_BYTES)
    }

    /// `bytes` is a multiple of [`PIECE`].
    fn with_memory(isa: Isa, threads: NonZeroUsize, bytes: usize) -> Result<Self, KernelError> {
        let mut pool = Pool::new(threads)?;
        let mut pages = HugePageArena::new(bytes)?;
        let place = pages.alloc(bytes).ok_or(KernelError::NoMemory { bytes })?;
        let memory = DisjointSlice::new(pages.get_mut(&place));
        // Pages that were never written to are all the same page of zeros.
        pool.run(bytes / PIECE, &|_, piece| {
            // SAFETY: every piece is another part.
            unsafe { memory.part(piece * PIECE..(piece + 1) * PIECE) }.fill(1);
        });
        Ok(Self {
            isa,
            pool,
            pages,
            place,
        })
    }

    /// Measures the memory bandwidth of reading, in bytes per second.
    pub fn bandwidth(&mut self) -> f64 {
        let start = Instant::now();
        for _ in 0..READS {
            self.read();
        }
        (READS * self.place.len()) as f64 / start.elapsed().as_secs_f64()
    }

    /// Measures the peak rate of the instruction that products in this format use, in multiply-adds
    /// per second.
    pub fn peak_fma(&mut self, format: Format) -> f64 {
        let start = Instant::now();
        let done = self.multiply_add(format, MULTIPLY_ADDS * self.pool.threads());
        done as f64 / start.elapsed().as_secs_f64()
    }

    /// Reads all of the memory once.
    fn read(&mut self) {
        let numbers: &[[f32; LANES]] = bytemuck::cast_slice(self.pages.get(&self.place));
        let piece = PIECE / size_of::<[f32; LANES]>();
        let pieces: Vec<_> = numbers.chunks(piece).collect();
        let isa = self.isa;
        self.pool.run(pieces.len(), &|_, piece| {
            isa.run(Sum {
                lines: pieces[piece],
            });
        });
    }

    /// Multiplies and adds on each thread, at least `number` times in all, and returns the number.
    fn multiply_add(&mut self, format: Format, number: usize) -> usize {
        let isa = self.isa;
        let pieces = 8 * self.pool.threads();
        // Products in one lane of an instruction.
        let products = match format {
            Format::F32 | Format::F16 => 1,
            Format::Bf16 if !isa.has_dot_product(format) => 1,
            Format::Int8 if !isa.has_dot_product(format) => 2,
            format => format.group(),
        };
        let each = LANES * products * isa.run(Sums);
        let steps = number.div_ceil(pieces * each);
        self.pool
            .run(pieces, &|_, _| isa.run(Chains { format, steps }));
        pieces * each * steps
    }
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

/// Multiplies and adds numbers in registers, with the instruction that products in the format
/// use.
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
            Format::Int4 => {
                let weights = simd.load_u8(&black_box([[1; 4]; LANES]));
                let mut sums = [simd.splat_i(0); N];
                for step in 0..self.steps {
                    let x = step as u32 & 0x7f;
                    for sum in &mut sums {
                        *sum = simd.dot_u4(*sum, weights, x);
                    }
                }
                for sum in sums {
                    simd.store(simd.to_f(sum), &mut kept);
                    black_box(kept);
                }
            }
            Format::Int8 => {
                let weights = black_box([[1; 4]; LANES]);
                let (even, _) = simd.split_i8(&weights);
                let mut sums = [simd.splat_i(0); N];
                for step in 0..self.steps {
                    // Another one each time: where it takes several instructions, none can be done
                    // beforehand.
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
        for isa in Isa::all() {
            let threads = NonZeroUsize::new(2).unwrap();
            let mut roofline = Roofline::with_memory(isa, threads, 2 * PIECE).unwrap();
            roofline.read();
            for format in [
                Format::F32,
                Format::F16,
                Format::Bf16,
                Format::Int8,
                Format::Int4,
            ] {
                let done = roofline.multiply_add(format, 100_000);
                assert!((100_000..200_000).contains(&done), "{done}");
            }
        }
    }
}
