//! Property tests of attention: it follows its formula, and has the same bits for every instruction
//! set, number of threads, division into calls and neighbour in a call.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rows;

use proptest::prelude::*;
use rows::{bits, cpu, head, mixed, numbers, rows_of};
use std::ops::Range;
use wolfgang_kernels::{Cache, CacheFormat, Cpu, Isa, PagePool, Rotation, RowMatrix, Sequence};

struct Heads {
    queries: usize,
    keys: usize,
    dim: usize,
}

impl Heads {
    fn width(&self) -> usize {
        (self.queries + 2 * self.keys) * self.dim
    }
}

/// Attention of all positions, computed in chunks of these lengths.
fn attention(
    cpu: &mut Cpu,
    heads: &Heads,
    format: CacheFormat,
    qkv: &[f32],
    angles: (&[f32], &[f32]),
    chunks: &[usize],
) -> Vec<f32> {
    let mut cache = Cache::new(&PagePool::new(format, heads.keys, heads.dim));
    let rotation = Rotation {
        cos: angles.0,
        sin: angles.1,
    };
    let (mut start, mut out) = (0, Vec::new());
    for chunk in chunks {
        let mut rows = head(qkv, heads.width(), start, start + chunk);
        let mut mixed = RowMatrix::default();
        cache.reserve(start..start + chunk).unwrap();
        let mut sequences = [sequence(0..*chunk, start, &mut cache)];
        cpu.append(&mut rows, rotation, &mut sequences);
        cpu.attend(&rows, &sequences, &mut mixed);
        out.extend(numbers(&mixed));
        start += chunk;
    }
    out
}

fn sequence<C>(rows: Range<usize>, start: usize, cache: C) -> Sequence<C> {
    Sequence { rows, start, cache }
}

/// Attention of several sequences in one call, after the first `first` positions of each alone.
fn attention_together(
    cpu: &mut Cpu,
    heads: &Heads,
    format: CacheFormat,
    all: &[Vec<f32>],
    angles: (&[f32], &[f32]),
    first: usize,
) -> Vec<Vec<f32>> {
    let rotation = Rotation {
        cos: angles.0,
        sin: angles.1,
    };
    let positions = |qkv: &Vec<f32>| qkv.len() / heads.width();
    let mut caches = Vec::new();
    for qkv in all {
        let mut cache = Cache::new(&PagePool::new(format, heads.keys, heads.dim));
        cache.reserve(0..positions(qkv)).unwrap();
        let mut rows = head(qkv, heads.width(), 0, first);
        let mut before = [sequence(0..first, 0, &mut cache)];
        cpu.append(&mut rows, rotation, &mut before);
        caches.push(cache);
    }
    let rest: Vec<f32> = all
        .iter()
        .flat_map(|qkv| qkv[first * heads.width()..].to_vec())
        .collect();
    let mut rows = rows_of(&rest, heads.width());
    let mut begin = 0;
    let each = all.iter().zip(&mut caches).map(|(qkv, cache)| {
        let span = begin..begin + positions(qkv) - first;
        begin = span.end;
        sequence(span, first, cache)
    });
    let mut sequences: Vec<_> = each.collect();
    cpu.append(&mut rows, rotation, &mut sequences);
    let mut mixed = RowMatrix::default();
    cpu.attend(&rows, &sequences, &mut mixed);
    let of = |span: Range<usize>| span.flat_map(|row| mixed.row(row).to_vec()).collect();
    sequences.into_iter().map(|one| of(one.rows)).collect()
}

/// Attention computed from its definition, in f64.
fn attention_by_formula(heads: &Heads, qkv: &[f32], angles: (&[f32], &[f32])) -> Vec<f64> {
    let (dim, group) = (heads.dim, heads.queries / heads.keys);
    let head = |position: usize, head: usize| -> Vec<f64> {
        let at = position * heads.width() + head * dim;
        let numbers = &qkv[at..at + dim];
        let turned = head < heads.queries + heads.keys;
        (0..dim)
            .map(|d| {
                let x = f64::from(numbers[d]);
                if !turned {
                    return x;
                }
                let (cos, sin) = (angles.0[position * dim + d], angles.1[position * dim + d]);
                x * f64::from(cos) + f64::from(numbers[d ^ 1]) * f64::from(sin)
            })
            .collect()
    };
    let mut out = Vec::new();
    for position in 0..qkv.len() / heads.width() {
        for query_head in 0..heads.queries {
            let query = head(position, query_head);
            let key_head = heads.queries + query_head / group;
            let weights: Vec<f64> = (0..=position)
                .map(|seen| {
                    let key = head(seen, key_head);
                    let dot: f64 = query.iter().zip(&key).map(|(q, k)| q * k).sum();
                    (dot / (dim as f64).sqrt()).exp()
                })
                .collect();
            let total: f64 = weights.iter().sum();
            let mut sum = vec![0.0; dim];
            for (seen, weight) in weights.iter().enumerate() {
                let value = head(seen, key_head + heads.keys);
                for (sum, value) in sum.iter_mut().zip(value) {
                    *sum += weight / total * value;
                }
            }
            out.extend(sum);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 24 }))]

    #[test]
    fn attention_follows_its_formula_with_the_same_bits_in_every_case(
        keys in 1usize..4,
        group in 1usize..4,
        pairs in 1usize..50,
        cuts in proptest::collection::vec(1usize..40, 1..4),
        seed in 0usize..1000,
    ) {
        let (pairs, cuts) = if cfg!(miri) { (2, vec![3, 2]) } else { (pairs, cuts) };
        let heads = Heads { queries: keys * group, keys, dim: 2 * pairs };
        let positions: usize = cuts.iter().sum();
        let qkv = mixed(seed, positions * heads.width());
        let angle = |i: usize| (i / 2) as f32 * 0.37;
        let cos: Vec<f32> = (0..positions * heads.dim).map(|i| angle(i).cos()).collect();
        let sin: Vec<f32> = (0..positions * heads.dim)
            .map(|i| if i % 2 == 0 { -angle(i).sin() } else { angle(i).sin() })
            .collect();
        let exact = attention_by_formula(&heads, &qkv, (&cos, &sin));
        for (format, tolerance) in [(CacheFormat::F32, 2e-5), (CacheFormat::F16, 2e-3)] {
            let mut expected: Option<Vec<u32>> = None;
            for isa in Isa::all() {
                for (threads, chunks) in [(1, &[positions][..]), (3, &cuts), (2, &vec![1; positions])] {
                    let mut cpu = cpu(isa, threads);
                    let found = attention(&mut cpu, &heads, format, &qkv, (&cos, &sin), chunks);
                    for (found, exact) in found.iter().zip(&exact) {
                        prop_assert!((f64::from(*found) - exact).abs() < tolerance, "{found} {exact}");
                    }
                    let found: Vec<u32> = found.into_iter().map(f32::to_bits).collect();
                    let expected = &*expected.get_or_insert_with(|| found.clone());
                    prop_assert_eq!(&found, expected, "{} {:?} {:?}", isa.name(), format, chunks);
                }
            }
        }
    }

    #[test]
    fn sequences_in_one_call_have_the_same_bits_as_alone(
        keys in 1usize..3,
        group in 1usize..4,
        dim in 1usize..40,
        first in 1usize..20,
        more in proptest::collection::vec(1usize..30, 1..5),
        seed in 0usize..1000,
    ) {
        let heads = Heads { queries: keys * group, keys, dim: 2 * dim };
        let (first, more) = if cfg!(miri) { (2, vec![1, 2]) } else { (first, more) };
        let positions = first + more.iter().max().unwrap();
        let angles = (mixed(seed, positions * heads.dim), mixed(seed + 1, positions * heads.dim));
        let angles = (angles.0.as_slice(), angles.1.as_slice());
        let all: Vec<Vec<f32>> = more
            .iter()
            .enumerate()
            .map(|(i, more)| mixed(seed + 2 + i, (first + more) * heads.width()))
            .collect();
        for format in [CacheFormat::F32, CacheFormat::F16] {
            for isa in Isa::all() {
                for threads in [1, 3] {
                    let mut cpu = cpu(isa, threads);
                    let together = attention_together(&mut cpu, &heads, format, &all, angles, first);
                    for ((qkv, more), together) in all.iter().zip(&more).zip(together) {
                        let alone = attention(&mut cpu, &heads, format, qkv, angles, &[first, *more]);
                        let start = alone.len() - together.len();
                        prop_assert_eq!(&alone[start..], &together[..], "{}", isa.name());
                    }
                }
            }
        }
    }
}

#[test]
fn a_reused_matrix_keeps_nothing_of_its_former_numbers() {
    // A row of queries has 40 or 64 numbers; the first row belongs to the sequence, or not.
    for (dim, first) in [(20, 0), (20, 1), (32, 0), (32, 1)] {
        let heads = Heads {
            queries: 2,
            keys: 1,
            dim,
        };
        let angles = vec![0.5; 3 * dim];
        let mut cache = Cache::new(&PagePool::new(CacheFormat::F32, heads.keys, dim));
        cache.reserve(0..3).unwrap();
        let mut cpu = cpu(Isa::best(), 1);
        let mut rows = rows_of(&mixed(1, 3 * heads.width()), heads.width());
        let mut sequences = [sequence(first..3, 0, &mut cache)];
        let rotation = Rotation {
            cos: &angles,
            sin: &angles,
        };
        cpu.append(&mut rows, rotation, &mut sequences);
        let (mut fresh, mut reused) = (RowMatrix::default(), rows_of(&mixed(2, 3 * 64), 64));
        cpu.attend(&rows, &sequences, &mut fresh);
        cpu.attend(&rows, &sequences, &mut reused);
        assert_eq!(bits(&fresh), bits(&reused));
        assert_eq!(first == 1, reused.row(0).iter().all(|x| *x == 0.0));
        // The padding is visible in a wider matrix.
        reused.resize(3, 64);
        for row in 0..3 {
            assert!(reused.row(row)[2 * dim..].iter().all(|x| *x == 0.0));
        }
    }
}
