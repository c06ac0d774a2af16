//! Attention over more positions than one chunk: it follows its formula, and has the same bits
//! however it is computed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use wolfgang_kernels::{Cache, CacheFormat, Cpu, Isa, PagePool, Rotation, RowMatrix, Sequence};

const FORMATS: [CacheFormat; 2] = [CacheFormat::F32, CacheFormat::F16];

/// Pseudorandom numbers between -1 and 1 from integers (Knuth's MMIX generator), so that they are
/// the same on every platform.
fn random(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(n).collect()
}

/// One sequence: rows of the heads of queries, keys and values, and the angles of its positions.
struct Case {
    query_heads: usize,
    heads: usize,
    head_dim: usize,
    qkv: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Case {
    fn new(query_heads: usize, heads: usize, head_dim: usize, positions: usize) -> Self {
        let width = (query_heads + 2 * heads) * head_dim;
        Self {
            query_heads,
            heads,
            head_dim,
            qkv: random(1, positions * width),
            cos: random(2, positions * head_dim),
            sin: random(3, positions * head_dim),
        }
    }

    fn width(&self) -> usize {
        (self.query_heads + 2 * self.heads) * self.head_dim
    }

    fn row(&self, position: usize) -> &[f32] {
        &self.qkv[position * self.width()..(position + 1) * self.width()]
    }

    fn head(&self, position: usize, head: usize) -> &[f32] {
        &self.row(position)[head * self.head_dim..(head + 1) * self.head_dim]
    }

    fn rotation(&self) -> Rotation<'_> {
        Rotation {
            cos: &self.cos,
            sin: &self.sin,
        }
    }

    fn new_cache(&self, format: CacheFormat) -> Cache {
        Cache::new(&PagePool::new(format, self.heads, self.head_dim))
    }

    /// Appends `n` rows from position `start` on, and returns them.
    fn append(&self, cpu: &mut Cpu, cache: &mut Cache, start: usize, n: usize) -> RowMatrix {
        let mut rows = RowMatrix::default();
        rows.reset(n, self.width());
        for row in 0..n {
            rows.row_mut(row).copy_from_slice(self.row(start + row));
        }
        cache.reserve(start..start + n).unwrap();
        cpu.append(&mut rows, self.rotation(), &mut [all(n, start, cache)]);
        rows
    }

    /// Appends rows from position `start` on, in calls of these numbers of rows. Returns the bits
    /// of attention.
    fn attend_from(
        &self,
        cpu: &mut Cpu,
        cache: &mut Cache,
        start: usize,
        calls: &[usize],
    ) -> Vec<u32> {
        let (mut start, mut bits) = (start, Vec::new());
        for &n in calls {
            let rows = self.append(cpu, cache, start, n);
            let mut into = RowMatrix::default();
            cpu.attend(&rows, &[all(n, start, &*cache)], &mut into);
            bits.extend((0..n).flat_map(|row| into.row(row)).map(|x| x.to_bits()));
            start += n;
        }
        bits
    }
}

/// A sequence that has all `n` rows.
fn all<C>(n: usize, start: usize, cache: C) -> Sequence<C> {
    Sequence {
        rows: 0..n,
        start,
        cache,
    }
}

fn cpu(isa: Isa, threads: usize) -> Cpu {
    Cpu::new(isa, NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// FNV-1a.
fn hash(bits: &[u32]) -> u64 {
    bits.iter().fold(0xcbf2_9ce4_8422_2325, |hash, bits| {
        (hash ^ u64::from(*bits)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Bits of an earlier version, which had no chunks.
#[test]
#[cfg_attr(miri, ignore = "too slow in Miri")]
fn positions_of_one_chunk_have_the_bits_that_they_always_had() {
    for ((query_heads, heads, head_dim), expected) in [
        ((3, 1, 64), [0x88c1_f3ca_0772_d0fa, 0x828f_bdcb_30c4_f057]),
        ((4, 2, 20), [0x458e_739f_0afb_247f, 0x11ac_2c6f_d8b6_fb1d]),
    ] {
        let case = Case::new(query_heads, heads, head_dim, 512);
        for (format, expected) in FORMATS.into_iter().zip(expected) {
            for isa in Isa::all() {
                let bits =
                    case.attend_from(&mut cpu(isa, 2), &mut case.new_cache(format), 0, &[512]);
                assert_eq!(hash(&bits), expected, "{format:?} {}", isa.name());
            }
        }
    }
}

/// Attention of one row computed from its definition, in f64, with keys and values in f32.
fn by_formula(case: &Case, row: usize) -> Vec<f64> {
    let rotated = |position: usize, head: usize| -> Vec<f64> {
        let x = case.head(position, head);
        let pairs = x.chunks_exact(2).enumerate().flat_map(|(i, pair)| {
            let at = position * case.head_dim + 2 * i;
            let (cos, sin) = (&case.cos[at..at + 2], &case.sin[at..at + 2]);
            let [re, im] = [pair[0], pair[1]].map(f64::from);
            [
                re * f64::from(cos[0]) + im * f64::from(sin[0]),
                im * f64::from(cos[1]) + re * f64::from(sin[1]),
            ]
        });
        pairs.collect()
    };
    let heads = (0..case.query_heads).flat_map(|query_head| {
        let query = rotated(row, query_head);
        let key_head = case.query_heads + query_head / (case.query_heads / case.heads);
        let scores = (0..=row).map(|position| {
            let key = rotated(position, key_head);
            let dot: f64 = query.iter().zip(&key).map(|(q, k)| q * k).sum();
            dot / (case.head_dim as f64).sqrt()
        });
        let scores: Vec<f64> = scores.collect();
        let max = scores.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let mut out = vec![0.0; case.head_dim];
        for (position, weight) in weights.iter().enumerate() {
            let values = case.head(position, key_head + case.heads);
            for (out, value) in out.iter_mut().zip(values) {
                *out += weight / sum * f64::from(*value);
            }
        }
        out
    });
    heads.collect()
}

/// Rows on both sides of the ends of chunks.
const LAST_ROWS: [usize; 7] = [510, 511, 512, 513, 1023, 1024, 1099];

#[test]
#[cfg_attr(miri, ignore = "too slow in Miri")]
fn attention_follows_its_formula_across_chunks() {
    let mut case = Case::new(3, 1, 20, 1100);
    // Larger queries and keys, so that some positions have much more weight than others.
    case.qkv.iter_mut().for_each(|x| *x *= 4.0);
    let width = case.query_heads * case.head_dim;
    for (format, tolerance) in FORMATS.into_iter().zip([4e-5, 2e-2]) {
        let bits = case.attend_from(
            &mut cpu(Isa::best(), 2),
            &mut case.new_cache(format),
            0,
            &[1100],
        );
        for row in LAST_ROWS {
            let found = &bits[row * width..(row + 1) * width];
            for (found, exact) in found.iter().zip(by_formula(&case, row)) {
                let apart = (f64::from(f32::from_bits(*found)) - exact).abs();
                assert!(
                    apart < tolerance,
                    "row {row}: {apart} from {exact}, {format:?}"
                );
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow in Miri")]
fn no_division_into_calls_and_threads_changes_a_bit_across_chunks() {
    const POSITIONS: usize = 1100;
    let case = Case::new(3, 1, 20, POSITIONS);
    let width = case.query_heads * case.head_dim;
    let mut sevens = vec![7; POSITIONS / 7];
    sevens.push(POSITIONS % 7);
    for format in FORMATS {
        let mut expected = None;
        for isa in Isa::all() {
            let mut cache = case.new_cache(format);
            let whole = case.attend_from(&mut cpu(isa, 1), &mut cache, 0, &[POSITIONS]);
            let expected = &*expected.get_or_insert_with(|| whole.clone());
            assert!(whole == *expected, "{}", isa.name());
            let mut other = case.new_cache(format);
            let found = case.attend_from(&mut cpu(isa, 3), &mut other, 0, &sevens);
            assert!(found == *expected, "{}", isa.name());
            for threads in [1, 2, 4] {
                let mut cpu = cpu(isa, threads);
                // The last rows of a chunk and the first of the next.
                for (start, calls) in [(1010, &[1; 30][..]), (490, &[15; 2]), (1000, &[40])] {
                    let mut cache = cache.clone();
                    cache.truncate(start);
                    let found = case.attend_from(&mut cpu, &mut cache, start, calls);
                    let rows = start..start + calls.iter().sum::<usize>();
                    let expected = &expected[rows.start * width..rows.end * width];
                    let what = (start, threads, isa.name());
                    assert!(found == *expected, "start, threads, instructions: {what:?}");
                }
            }
        }
    }
}

/// Decoding of several sequences at once: short and long ones, whose chunks are divided among the
/// threads.
#[test]
#[cfg_attr(miri, ignore = "too slow in Miri")]
fn sequences_of_any_length_have_the_same_bits_in_one_call_as_alone() {
    let case = Case::new(4, 2, 16, 1100);
    let starts = [1099, 5, 512, 1030];
    for format in FORMATS {
        for threads in [1, 2, 4] {
            let mut cpu = cpu(Isa::best(), threads);
            let mut whole = case.new_cache(format);
            case.append(&mut cpu, &mut whole, 0, 1100);
            let alone = starts.map(|start| {
                let mut cache = whole.clone();
                case.attend_from(&mut cpu, &mut cache, start, &[1])
            });
            let mut caches = starts.map(|start| {
                let mut cache = whole.clone();
                cache.reserve(start..start + 1).unwrap();
                cache
            });
            let mut rows = RowMatrix::default();
            rows.reset(starts.len(), case.width());
            for (row, start) in starts.into_iter().enumerate() {
                rows.row_mut(row).copy_from_slice(case.row(start));
            }
            let sequences = caches.iter_mut().zip(starts).enumerate();
            let sequences = sequences.map(|(row, (cache, start))| Sequence {
                rows: row..row + 1,
                start,
                cache,
            });
            let mut sequences: Vec<_> = sequences.collect();
            let mut into = RowMatrix::default();
            cpu.append(&mut rows, case.rotation(), &mut sequences);
            cpu.attend(&rows, &sequences, &mut into);
            for (row, alone) in alone.iter().enumerate() {
                let found: Vec<u32> = into.row(row).iter().map(|x| x.to_bits()).collect();
                assert!(found == *alone, "row {row}, {threads} threads, {format:?}");
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_in_any_chunk_make_the_result_nan() {
    let positions = if cfg!(miri) { 530 } else { 1100 };
    for bad_position in [3, positions - 20] {
        let mut case = Case::new(1, 1, 4, positions);
        let key = bad_position * case.width() + case.head_dim;
        case.qkv[key] = f32::INFINITY;
        for threads in [1, 2] {
            let mut cpu = cpu(Isa::best(), threads);
            let mut cache = case.new_cache(CacheFormat::F32);
            case.append(&mut cpu, &mut cache, 0, positions - 1);
            let last = case.attend_from(&mut cpu, &mut cache, positions - 1, &[1]);
            assert!(last.iter().all(|bits| f32::from_bits(*bits).is_nan()));
        }
    }
}
