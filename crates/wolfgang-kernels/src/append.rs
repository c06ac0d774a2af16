//! Rotary embedding of new queries and keys, and appending of keys and values to the cache.

use crate::attention::Sequence;
use crate::cache::{Cache, CacheFormat, Element};
use crate::pool::Pool;
use crate::rows::{DisjointSlice, RowMatrix, stride};
use crate::simd::LANES;

/// Tables of the rotary position embedding (RoPE, Su et al. 2021): cosines and sines of the angles
/// of each position.
///
/// Both are `[positions, head_dim]`. Each pair of dimensions has its cosine twice, and its sine
/// once negative and once positive.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Cosines, `[positions, head_dim]`.
    pub cos: &'a [f32],
    /// Sines, `[positions, head_dim]`.
    pub sin: &'a [f32],
}

impl Rotation<'_> {
    /// Turns a head at a position: (re, im) becomes (re cos − im sin, im cos + re sin).
    fn turn(&self, position: usize, head: &mut [f32]) {
        let angles = position * head.len()..(position + 1) * head.len();
        let (cos, sin) = (&self.cos[angles.clone()], &self.sin[angles]);
        let pairs = head.as_chunks_mut::<2>().0.iter_mut();
        let angles = cos.as_chunks::<2>().0.iter().zip(sin.as_chunks::<2>().0);
        for (pair, (cos, sin)) in pairs.zip(angles) {
            let [re, im] = *pair;
            *pair = [re * cos[0] + im * sin[0], im * cos[1] + re * sin[1]];
        }
    }
}

/// Turns the queries and keys in each sequence's rows of `qkv` (heads of queries, then of keys, then of values), and puts
/// keys and values into its cache.
///
/// The threads share out the positions of a single sequence, or else the sequences.
pub(crate) fn append(
    pool: &mut Pool,
    qkv: &mut RowMatrix,
    rotation: Rotation<'_>,
    sequences: &mut [Sequence<&mut Cache>],
) {
    let new = New {
        width: qkv.width(),
        stride: stride(qkv.width()),
        rows: qkv.shared(),
        rotation,
    };
    if let [sequence] = sequences {
        new.append(sequence, |pieces, work| {
            pool.run(pieces, &|_, piece| work(piece));
        });
        return;
    }
    let (number, sequences) = (sequences.len(), DisjointSlice::new(sequences));
    pool.run(number, &|_, index| {
        // SAFETY: every sequence belongs to one piece.
        for sequence in unsafe { sequences.part(index..index + 1) } {
            new.append(sequence, |pieces, work| (0..pieces).for_each(work));
        }
    });
}

/// What has been computed.
struct New<'a> {
    /// Numbers of a row, without what fills it up.
    width: usize,
    /// Numbers from one row to the next.
    stride: usize,
    rows: DisjointSlice<'a, f32>,
    rotation: Rotation<'a>,
}

impl New<'_> {
    /// `run` calls what it is given with every number below the first, each once, in any order or at the same time.
    fn append(
        &self,
        sequence: &mut Sequence<&mut Cache>,
        run: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) {
        match sequence.cache.format() {
            CacheFormat::F32 => self.append_as::<f32>(sequence, run),
            CacheFormat::F16 => self.append_as::<u16>(sequence, run),
        }
    }

    fn append_as<E: Element>(
        &self,
        sequence: &mut Sequence<&mut Cache>,
        run: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) {
        let Sequence { rows, start, cache } = sequence;
        let (first_row, start, behind) = (rows.start, *start, *start + rows.len());
        let (heads, head_dim, blocks) = (cache.heads(), cache.head_dim(), cache.blocks());
        let turned = self.width / head_dim - heads;
        let vectors = cache.value_vectors();
        let (keys, values) = cache.all_mut::<E>();
        let (keys, values) = (DisjointSlice::new(keys), DisjointSlice::new(values));
        // Whole blocks of positions, so that nobody else writes into the same vectors of keys.
        let first_block = start / LANES;
        run(behind.div_ceil(LANES) - first_block, &|piece| {
            let block = first_block + piece;
            for position in start.max(block * LANES)..behind.min((block + 1) * LANES) {
                let row = (first_row + position - start) * self.stride;
                // SAFETY: every position, and so its row, belongs to one piece of one sequence.
                let row = unsafe { self.rows.part(row..row + self.width) };
                let (qk, new_values) = row.split_at_mut(turned * head_dim);
                for head in qk.chunks_exact_mut(head_dim) {
                    self.rotation.turn(position, head);
                }
                let new_keys = &qk[(turned - heads) * head_dim..];
                for head in 0..heads {
                    let of_head = head * head_dim..(head + 1) * head_dim;
                    let at = (head * blocks + block) * head_dim;
                    // SAFETY: every block of positions belongs to one piece.
                    let keys = unsafe { keys.part(at..at + head_dim) };
                    for (keys, key) in keys.iter_mut().zip(&new_keys[of_head.clone()]) {
                        keys[position % LANES] = E::new(*key);
                    }
                    let at = (head * blocks * LANES + position) * vectors;
                    // SAFETY: every position belongs to one piece.
                    let values = unsafe { values.part(at..at + vectors) };
                    let new_values = new_values[of_head].chunks(LANES);
                    for (values, new) in values.iter_mut().zip(new_values) {
                        for (value, new) in values.iter_mut().zip(new) {
                            *value = E::new(*new);
                        }
                    }
                }
            }
        });
    }
}
