//! A processor: its instructions, its threads, and what they can do.

use crate::KernelError;
use crate::activations::PackedActivations;
use crate::append::{Rotation, append};
use crate::attention::{Sequence, attend};
use crate::cache::Cache;
use crate::elementwise::rms_norm;
use crate::format::Format;
use crate::isa::Isa;
use crate::limits::{Memory, multiply_adds, read};
use crate::matrix::{Matrix, Packer, Shape};
use crate::pool::Pool;
use crate::product::{Epilogue, multiply};
use crate::rows::{RowMatrix, stride};
use crate::simd::Line;
use std::borrow::Borrow;
use std::num::NonZeroUsize;

/// Threads that compute. One step at a time; nothing is allocated once the buffers have their size.
///
/// All results are the same bits for any number of threads and any instruction set. One exception: products in
/// [`Format::Bf16`] by AVX-512 BF16, whose instruction takes sums that are smaller than 2⁻¹²⁶ for 0.
#[derive(Debug)]
pub struct Cpu {
    isa: Isa,
    pool: Pool,
    scores: Vec<Line>,
    scratch: Vec<Line>,
}

impl Cpu {
    /// So many threads, of which the caller's is one.
    ///
    /// # Errors
    /// [`KernelError::TooManyThreads`], [`KernelError::NoThread`].
    pub fn new(isa: Isa, threads: NonZeroUsize) -> Result<Self, KernelError> {
        Ok(Self {
            isa,
            pool: Pool::new(threads)?,
            scores: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Packs the next matrix, of which `fill` writes [`PANEL`](crate::PANEL) rows into zeros, those from so many times
    /// the number given on; it is called by all threads.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`] if the packer was made for less, and whatever `fill` returns.
    pub fn pack<E: From<KernelError> + Send>(
        &mut self,
        packer: &mut Packer,
        shape: Shape,
        fill: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        packer.pack(self.isa, &mut self.pool, shape, fill)
    }

    /// Lays out `[rows, inputs]` for matrices of this format.
    pub fn pack_activations(
        &mut self,
        from: &RowMatrix,
        format: Format,
        into: &mut PackedActivations,
    ) {
        into.fill(self.isa, &mut self.pool, from, format);
    }

    /// Multiplies `[outputs, inputs]` with each row of activations, into rows of `[outputs]`, which must be as many;
    /// [`Epilogue::SwiGlu`] makes half as many outputs.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn multiply(
        &mut self,
        matrix: &Matrix,
        by: &PackedActivations,
        into: &mut RowMatrix,
        epilogue: Epilogue,
    ) {
        let width = match epilogue {
            Epilogue::Store | Epilogue::Add => matrix.shape().outputs,
            Epilogue::SwiGlu => matrix.shape().outputs / 2,
        };
        assert!(
            by.fit(self.isa, matrix.format(), matrix.shape().inputs),
            "the activations were laid out for another matrix or processor"
        );
        assert!(
            into.rows() == by.rows() && stride(into.width()) >= width,
            "the outputs have no room"
        );
        multiply(
            self.isa,
            &mut self.pool,
            &mut self.scratch,
            matrix,
            by,
            into,
            epilogue,
        );
    }

    /// RMSNorm (Zhang & Sennrich 2019) of each row: x / sqrt(mean(x²) + ε) · weight, where `weight` is one row.
    ///
    /// # Panics
    /// If the widths do not match.
    pub fn rms_norm(
        &mut self,
        from: &RowMatrix,
        weight: &RowMatrix,
        epsilon: f32,
        into: &mut RowMatrix,
    ) {
        assert_eq!(from.width(), weight.width(), "the norm is for other rows");
        rms_norm(self.isa, &mut self.pool, from, weight, epsilon, into);
    }

    /// Turns the queries and keys in each sequence's rows of `qkv` (heads of queries, then of keys, then of values), and
    /// puts keys and values into its cache.
    ///
    /// # Panics
    /// If there are no such rows, rows of two sequences, a cache or the rotation has no such positions, or the rows have
    /// no query heads.
    pub fn append(
        &mut self,
        qkv: &mut RowMatrix,
        rotation: Rotation<'_>,
        sequences: &mut [Sequence<&mut Cache>],
    ) {
        check(sequences, qkv);
        append(&mut self.pool, qkv, rotation, sequences);
    }

    /// Causal attention of the queries in `qkv`, each in its sequence: softmax(q · k / √head_dim) · v. Query head h reads
    /// key and value head h / (query heads / heads) (Ainslie et al. 2023). RowMatrix of no sequence become 0.
    ///
    /// The keys and values of all rows must be in the caches: see [`append`](Self::append).
    ///
    /// # Panics
    /// If there are no such rows, rows of two sequences, or a cache has no such positions or another shape than the
    /// first.
    pub fn attend<C: Borrow<Cache> + Sync>(
        &mut self,
        qkv: &RowMatrix,
        sequences: &[Sequence<C>],
        into: &mut RowMatrix,
    ) {
        check(sequences, qkv);
        let alike =
            |one: &Sequence<C>| one.cache.borrow().has_shape_of(sequences[0].cache.borrow());
        assert!(sequences.iter().all(alike), "caches of different shapes");
        attend(
            self.isa,
            &mut self.pool,
            &mut self.scores,
            qkv,
            sequences,
            into,
        );
    }

    /// Memory to be [`read`](Self::read), of at least so many bytes.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub fn memory(&mut self, bytes: usize) -> Result<Memory, KernelError> {
        Memory::new(&mut self.pool, bytes)
    }

    /// Reads all of the memory once, and does nothing else. Decoding cannot be faster than that, unless the weights fit
    /// into a cache and the memory does not.
    pub fn read(&mut self, memory: &Memory) {
        read(self.isa, &mut self.pool, memory);
    }

    /// Multiplies and adds at least so many times, by the instruction that products in this format use, and returns
    /// how many times it was: prefill cannot be faster than that.
    pub fn multiply_adds(&mut self, format: Format, number: usize) -> usize {
        multiply_adds(self.isa, &mut self.pool, format, number)
    }
}

/// That each row belongs to one sequence, and has room in its cache.
fn check<C: Borrow<Cache>>(sequences: &[Sequence<C>], qkv: &RowMatrix) {
    let mut behind = 0;
    for Sequence { rows, start, cache } in sequences {
        assert!(
            rows.start <= rows.end && rows.end <= qkv.rows(),
            "there are no such rows"
        );
        assert!(behind <= rows.start, "a row has two sequences");
        behind = rows.end;
        // What lies behind a head's last position belongs to the next head.
        assert!(
            start + rows.len() <= cache.borrow().positions(),
            "the cache has fewer positions"
        );
    }
}
