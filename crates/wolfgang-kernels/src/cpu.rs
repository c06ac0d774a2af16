//! A processor: its instructions, its threads, and what they can do.

use crate::KernelError;
use crate::activations::Activations;
use crate::attention::{Rotation, append, attend};
use crate::cache::Cache;
use crate::elementwise::rms_norm;
use crate::format::Format;
use crate::isa::Isa;
use crate::matrix::{Matrix, Packer, Shape};
use crate::pool::Pool;
use crate::product::{Then, multiply};
use crate::rows::{Rows, stride};
use crate::simd::Line;
use std::num::NonZeroUsize;

/// Threads that compute. One step at a time; nothing is allocated once the buffers have their size.
///
/// All results are the same bits for any number of threads and any instruction set.
#[derive(Debug)]
pub struct Cpu {
    isa: Isa,
    pool: Pool,
    scores: Vec<Line>,
}

impl Cpu {
    /// So many threads, of which the caller's is one.
    ///
    /// # Errors
    /// [`KernelError::NoThread`].
    pub fn new(isa: Isa, threads: NonZeroUsize) -> Result<Self, KernelError> {
        Ok(Self {
            isa,
            pool: Pool::new(threads)?,
            scores: Vec::new(),
        })
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Its instructions.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Packs the next matrix, of which `fill` writes 32 rows into zeros, those from 32 times the number given on; it
    /// is called by all threads.
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
    pub fn prepare(&mut self, from: &Rows, format: Format, into: &mut Activations) {
        into.fill(self.isa, &mut self.pool, from, format);
    }

    /// Multiplies `[outputs, inputs]` with each row of activations, into rows of `[outputs]`, which must be as many;
    /// [`Then::SwiGlu`] makes half as many outputs.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn multiply(&mut self, matrix: &Matrix, by: &Activations, into: &mut Rows, then: Then) {
        let width = match then {
            Then::Store | Then::Add => matrix.shape().outputs,
            Then::SwiGlu => matrix.shape().outputs / 2,
        };
        assert!(
            by.fit(matrix.format(), matrix.shape().inputs),
            "the activations were laid out for another matrix"
        );
        assert!(
            into.rows() == by.rows() && stride(into.width()) >= width,
            "the outputs have no room"
        );
        multiply(self.isa, &mut self.pool, matrix, by, into, then);
    }

    /// RMSNorm (Zhang & Sennrich 2019) of each row: x / sqrt(mean(x²) + ε) · weight, where `weight` is one row.
    pub fn rms_norm(&mut self, from: &Rows, weight: &Rows, epsilon: f32, into: &mut Rows) {
        rms_norm(self.isa, &mut self.pool, from, weight, epsilon, into);
    }

    /// Turns the queries and keys in each row of `qkv` (heads of queries, then of keys, then of values), and puts
    /// keys and values into the cache, the first row's at position `start`.
    pub fn append(
        &mut self,
        qkv: &mut Rows,
        rotation: Rotation<'_>,
        cache: &mut Cache,
        start: usize,
    ) {
        append(&mut self.pool, qkv, rotation, cache, start);
    }

    /// Causal attention of the queries in `qkv`, the first row's at position `start`: softmax(q · k / √head_dim) · v.
    /// Query head h reads key and value head h / (query heads / heads) (Ainslie et al. 2023).
    ///
    /// The keys and values of all rows must be in the cache: see [`append`](Self::append).
    pub fn attend(&mut self, qkv: &Rows, cache: &Cache, start: usize, into: &mut Rows) {
        attend(
            self.isa,
            &mut self.pool,
            &mut self.scores,
            qkv,
            cache,
            start,
            into,
        );
    }
}
