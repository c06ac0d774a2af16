//! The interface to the kernels: an instruction set and a thread pool.

use crate::KernelError;
use crate::activations::PackedActivations;
use crate::append::{Rotation, append};
use crate::attention::{AttentionBuffers, Sequence, attend};
use crate::cache::Cache;
use crate::elementwise::{rms_norm, rms_norm_heads};
use crate::format::Format;
use crate::gemm::{Epilogue, multiply};
use crate::isa::Isa;
use crate::matrix::{Matrix, Packer, Shape};
use crate::pool::Pool;
use crate::rows::{RowMatrix, stride};
use crate::simd::Vec16;
use std::borrow::Borrow;
use std::num::NonZeroUsize;

/// A thread pool that runs the kernels with one instruction set.
///
/// Calls run one at a time. Once the buffers have their size, only [`append`](Self::append)
/// allocates, a list of pages. Results have the same bits for any number of threads and any
/// instruction set, with one exception: the AVX-512 BF16 instruction, used for products in
/// [`Format::Bf16`], flushes sums smaller than 2⁻¹²⁶ to 0.
#[derive(Debug)]
pub struct Cpu {
    isa: Isa,
    pool: Pool,
    attention: AttentionBuffers,
    scratch: Vec<Vec16>,
}

impl Cpu {
    /// Creates a pool of `threads` threads, including that of the caller.
    ///
    /// # Errors
    /// [`KernelError::TooManyThreads`], [`KernelError::NoThread`].
    pub fn new(isa: Isa, threads: NonZeroUsize) -> Result<Self, KernelError> {
        Ok(Self {
            isa,
            pool: Pool::new(threads)?,
            attention: AttentionBuffers::default(),
            scratch: Vec::new(),
        })
    }

    /// Returns the number of threads, including that of the caller.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Packs the next matrix.
    ///
    /// `fill(i, panel)` is called on all threads. It writes the [`PANEL`](crate::PANEL) rows from
    /// `i` times [`PANEL`](crate::PANEL) on into `panel`, which is zeroed.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`] if the packer was made for fewer matrices, and errors of `fill`.
    pub fn pack<E: From<KernelError> + Send>(
        &mut self,
        packer: &mut Packer,
        shape: Shape,
        fill: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        packer.pack(self.isa, &mut self.pool, shape, fill)
    }

    /// Packs activations `[rows, inputs]` for products with matrices of this format.
    pub fn pack_activations(
        &mut self,
        from: &RowMatrix,
        format: Format,
        into: &mut PackedActivations,
    ) {
        into.pack(self.isa, &mut self.pool, from, format);
    }

    /// Matrix product: multiplies a matrix `[outputs, inputs]` with each row of activations, into
    /// rows of `[outputs]`.
    ///
    /// `into` must have as many rows as the activations. With [`Epilogue::SwiGlu`] its rows have
    /// half as many outputs.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn multiply(
        &mut self,
        matrix: &Matrix,
        activations: &PackedActivations,
        into: &mut RowMatrix,
        epilogue: Epilogue,
    ) {
        let width = match epilogue {
            Epilogue::Store | Epilogue::Add => matrix.shape().outputs,
            Epilogue::SwiGlu => matrix.shape().outputs / 2,
        };
        assert!(
            activations.fit(self.isa, matrix.format(), matrix.shape().inputs),
            "the activations are packed for a matrix of another shape or format"
        );
        assert!(
            into.rows() == activations.rows() && stride(into.width()) >= width,
            "the output matrix has another shape"
        );
        multiply(
            self.isa,
            &mut self.pool,
            &mut self.scratch,
            matrix,
            activations,
            into,
            epilogue,
        );
    }

    /// RMSNorm (Zhang & Sennrich 2019) of each row: x / sqrt(mean(x²) + ε) · weight, where `weight`
    /// is a matrix of one row.
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
        assert_eq!(from.width(), weight.width(), "the weight has another width");
        rms_norm(self.isa, &mut self.pool, from, weight, epsilon, into);
    }

    /// RMSNorm, in place, of each of `heads` consecutive heads of each row, from head `first` on.
    /// The width of `weight`, a matrix of one row, is that of a head.
    ///
    /// # Panics
    /// If a row does not have these heads.
    pub fn rms_norm_heads(
        &mut self,
        rows: &mut RowMatrix,
        first: usize,
        heads: usize,
        weight: &RowMatrix,
        epsilon: f32,
    ) {
        let end = (first + heads) * weight.width();
        assert!(end <= rows.width(), "the heads exceed the rows");
        let heads = first..first + heads;
        rms_norm_heads(self.isa, &mut self.pool, rows, heads, weight, epsilon);
    }

    /// Applies the rotary embedding to queries and keys, and appends keys and values to the caches.
    ///
    /// Each row of `qkv` has the heads of queries, then of keys, then of values. Queries and keys
    /// are rotated in place. The positions must be [reserved](Cache::reserve).
    ///
    /// # Panics
    /// If rows are out of range or belong to two sequences, positions are not reserved or exceed
    /// the rotation, or rows have no query heads.
    pub fn append(
        &mut self,
        qkv: &mut RowMatrix,
        rotation: Rotation<'_>,
        sequences: &mut [Sequence<&mut Cache>],
    ) {
        check(sequences, qkv);
        append(self.isa, &mut self.pool, qkv, rotation, sequences);
    }

    /// Causal grouped-query attention of the queries in `qkv`: softmax(q · k / √head_dim) · v
    /// within each sequence.
    ///
    /// Query head h reads key and value head h / (query heads / heads) (Ainslie et al. 2023). Rows
    /// that belong to no sequence become 0. The keys and values of all rows must be in the caches:
    /// see [`append`](Self::append).
    ///
    /// # Panics
    /// If rows are out of range or belong to two sequences, positions exceed a cache, or caches
    /// differ in shape.
    pub fn attend<C: Borrow<Cache> + Sync>(
        &mut self,
        qkv: &RowMatrix,
        sequences: &[Sequence<C>],
        into: &mut RowMatrix,
    ) {
        check(sequences, qkv);
        let same_shape =
            |one: &Sequence<C>| one.cache.borrow().has_shape_of(sequences[0].cache.borrow());
        assert!(
            sequences.iter().all(same_shape),
            "the caches differ in shape"
        );
        attend(
            self.isa,
            &mut self.pool,
            &mut self.attention,
            qkv,
            sequences,
            into,
        );
    }
}

/// Panics unless each row belongs to one sequence and fits into its cache.
fn check<C: Borrow<Cache>>(sequences: &[Sequence<C>], qkv: &RowMatrix) {
    let mut end = 0;
    for Sequence { rows, start, cache } in sequences {
        assert!(
            rows.start <= rows.end && rows.end <= qkv.rows(),
            "the rows of a sequence are out of range"
        );
        assert!(end <= rows.start, "a row belongs to two sequences");
        end = rows.end;
        assert!(
            start + rows.len() <= cache.borrow().positions(),
            "the positions exceed the cache"
        );
    }
}
