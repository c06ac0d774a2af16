//! CPU kernels for transformer inference: matrix products with packed weights, attention, norms,
//! and a thread pool.
//!
//! The kernels work on slices, without tensors, models or files.
//!
//! The crate is an implementation detail of `wolfgang-model`: its interface may change in any
//! version.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use wolfgang_kernels::{PackedActivations, Cpu, Format, Isa, KernelError, PANEL, Packer, RowMatrix, Shape, Epilogue};
//!
//! let mut cpu = Cpu::new(Isa::best(), NonZeroUsize::MIN)?;
//!
//! // Output i is i times the sum of the inputs.
//! let shape = Shape { outputs: PANEL, inputs: 3 };
//! let mut packer = Packer::new(&[(Format::F32, shape)])?;
//! cpu.pack(&mut packer, shape, |_, panel| {
//!     for (i, row) in panel.chunks_exact_mut(3).enumerate() {
//!         row.fill(i as f32);
//!     }
//!     Ok::<_, KernelError>(())
//! })?;
//! let matrix = packer.finish().remove(0);
//!
//! let (mut x, mut y) = (RowMatrix::default(), RowMatrix::default());
//! x.reset(1, 3);
//! x.row_mut(0).copy_from_slice(&[1.0, 2.0, 3.0]);
//! y.reset(1, PANEL);
//! let mut inputs = PackedActivations::default();
//! cpu.pack_activations(&x, Format::F32, &mut inputs);
//! cpu.multiply(&matrix, &inputs, &mut y, Epilogue::Store);
//! assert_eq!(y.row(0)[..3], [0.0, 6.0, 12.0]);
//! # Ok::<(), KernelError>(())
//! ```
//!
//! Weights are packed once, in the order in which decoding reads them, so that decoding runs at
//! memory bandwidth. Threads divide the outputs of a product, and no sum is split between threads.
//! Attention to more than 512 positions is computed in chunks of 512, which threads divide as well.
//! Every sum has a fixed order that does not depend on the number of rows or threads or on the
//! instruction set: the same token gives the same bits in prefill, in decode and in a batch. One
//! exception is documented at [`Cpu`].
//!
//! A kernel is written once, over vectors of 16 numbers (`simd`), and compiled for every supported
//! instruction set. [`Isa`] selects one at run time.

#![expect(
    unsafe_code,
    reason = "processor intrinsics, threads that write to parts of one slice, and pages in a slab"
)]

mod activations;
mod append;
mod attention;
mod cache;
mod cpu;
mod disjoint_slice;
mod elementwise;
mod error;
mod format;
mod gemm;
mod int4;
mod isa;
mod matrix;
mod pages;
mod pool;
mod quantisation;
#[cfg(feature = "roofline")]
#[doc(hidden)]
pub mod roofline;
mod rows;
mod simd;

pub use activations::PackedActivations;
pub use append::Rotation;
pub use attention::Sequence;
pub use cache::{Cache, CacheFormat, PagePool};
pub use cpu::Cpu;
pub use error::KernelError;
pub use format::{Format, GROUP, PANEL};
pub use gemm::Epilogue;
pub use int4::quantise_group;
pub use isa::Isa;
pub use matrix::{Matrix, Packer, Shape};
pub use quantisation::{quantise, round_trip_row};
pub use rows::RowMatrix;
