//! Weights packed into panels.
//!
//! A panel has [`PANEL`] outputs, interleaved, and all inputs in their order: a step of the product
//! reads consecutive cache lines, and a panel is read from its beginning to its end.

use crate::KernelError;
use crate::disjoint_slice::DisjointSlice;
use crate::format::{Format, PANEL};
use crate::int4::{self, PackInt4};
use crate::isa::{Isa, Kernel};
use crate::pages::{HugePageArena, aligned_len};
use crate::pool::Pool;
use crate::quantisation::{bf16_pair, inv_scale, row_scale, to_int8};
use crate::simd::{LANES, Simd};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// The shape of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of rows, one per output.
    pub outputs: usize,
    /// Number of weights per row.
    pub inputs: usize,
}

impl Shape {
    fn panels(self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    fn panel_bytes(self, format: Format) -> usize {
        format.panel_bytes(self.inputs)
    }

    fn bytes(self, format: Format) -> usize {
        self.panels() * self.panel_bytes(format)
    }
}

/// A matrix of weights `[outputs, inputs]`, packed into panels.
#[derive(Clone, Debug)]
pub struct Matrix {
    shape: Shape,
    format: Format,
    pages: Arc<HugePageArena>,
    /// The bytes of the matrix in `pages`.
    range: Range<usize>,
    /// Scales of the outputs by panel, for [`Format::Int8`] only.
    scales: Arc<[[f32; PANEL]]>,
}

impl Matrix {
    /// Returns the shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns the element type.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the size in bytes, including the padding of the last panel and the scales.
    pub fn bytes(&self) -> usize {
        self.range.len() + size_of_val(&*self.scales)
    }

    pub(crate) fn panels(&self) -> usize {
        self.shape.panels()
    }

    /// Size of a panel in bytes.
    pub(crate) fn panel_bytes(&self) -> usize {
        self.shape.panel_bytes(self.format)
    }

    /// The weights of a panel, group by group.
    pub(crate) fn panel(&self, panel: usize) -> &[u8] {
        let bytes = self.panel_bytes();
        &self.pages.get(&self.range)[panel * bytes..(panel + 1) * bytes]
    }

    /// The scales of the outputs of a panel; 1 except for [`Format::Int8`].
    pub(crate) fn scales(&self, panel: usize) -> &[f32; PANEL] {
        const NONE: [f32; PANEL] = [1.0; PANEL];
        self.scales.get(panel).unwrap_or(&NONE)
    }

    /// Copies a row, `[inputs]`, to `into`. A shorter `into` gets its first values.
    pub fn read_row(&self, row: usize, into: &mut [f32]) {
        let (panel, column) = (self.panel(row / PANEL), row % PANEL);
        let into = into.iter_mut().take(self.shape.inputs).enumerate();
        match self.format {
            Format::F32 => {
                let panel: &[[f32; PANEL]] = bytemuck::cast_slice(panel);
                into.for_each(|(k, x)| *x = panel[k][column]);
            }
            Format::F16 => {
                let panel: &[[u16; PANEL]] = bytemuck::cast_slice(panel);
                into.for_each(|(k, x)| *x = half::f16::from_bits(panel[k][column]).to_f32());
            }
            Format::Bf16 => {
                let panel: &[[u32; PANEL]] = bytemuck::cast_slice(panel);
                into.for_each(|(k, x)| {
                    let pair = panel[k / 2][column];
                    *x = f32::from_bits(if k % 2 == 0 { pair } else { pair << 16 } & 0xffff_0000);
                });
            }
            Format::Int8 => {
                let panel: &[[[u8; 4]; PANEL]] = bytemuck::cast_slice(panel);
                let scale = self.scales(row / PANEL)[column];
                into.for_each(|(k, x)| {
                    *x = f32::from(i16::from(panel[k / 4][column][k % 4]) - 128) * scale;
                });
            }
            Format::Int4 => into.for_each(|(k, x)| *x = int4::weight(panel, column, k)),
        }
    }
}

/// Packs the matrices of a model, one after the other, into one allocation.
#[derive(Debug)]
pub struct Packer {
    /// The formats of the matrices that remain to be packed.
    formats: std::vec::IntoIter<Format>,
    pages: HugePageArena,
    packed: Vec<Packed>,
}

/// A packed matrix, in pages that other matrices are still written to.
#[derive(Debug)]
struct Packed {
    shape: Shape,
    format: Format,
    range: Range<usize>,
    scales: Vec<[f32; PANEL]>,
}

impl Packer {
    /// Allocates memory for matrices of these formats and shapes.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub fn new(matrices: &[(Format, Shape)]) -> Result<Self, KernelError> {
        let bytes = matrices
            .iter()
            .map(|(format, shape)| aligned_len(shape.bytes(*format)));
        let formats: Vec<_> = matrices.iter().map(|(format, _)| *format).collect();
        Ok(Self {
            formats: formats.into_iter(),
            pages: HugePageArena::new(bytes.sum())?,
            packed: Vec::with_capacity(matrices.len()),
        })
    }

    /// Packs the next matrix. `fill(i, panel)` writes the [`PANEL`] rows from `i` times [`PANEL`]
    /// on into `panel`, which is zeroed. It is called on several threads.
    pub(crate) fn pack<E: From<KernelError> + Send>(
        &mut self,
        isa: Isa,
        pool: &mut Pool,
        shape: Shape,
        fill: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let panels = shape.panels();
        let next = self.formats.next();
        let format = next.ok_or(KernelError::NoMemory { bytes: 0 })?;
        let no_memory = KernelError::NoMemory {
            bytes: shape.bytes(format),
        };
        let range = self.pages.alloc(shape.bytes(format)).ok_or(no_memory)?;
        let mut scales = vec![[0.0; PANEL]; if format == Format::Int8 { panels } else { 0 }];

        let error = Mutex::new(None);
        let packed = DisjointSlice::new(self.pages.get_mut(&range));
        let all_scales = DisjointSlice::new(&mut scales);
        let pieces = panels.min(4 * pool.threads());
        pool.run(pieces, &|_, piece| {
            let mut rows = vec![0.0; PANEL * shape.inputs];
            for panel in panels * piece / pieces..panels * (piece + 1) / pieces {
                rows.fill(0.0);
                if let Err(e) = fill(panel, &mut rows) {
                    *error.lock().unwrap_or_else(|e| e.into_inner()) = Some(e);
                    return;
                }
                let bytes = shape.panel_bytes(format);
                // SAFETY: every panel, with its weights and scales, belongs to one piece.
                let into = unsafe { packed.part(panel * bytes..(panel + 1) * bytes) };
                let rows = &rows;
                match format {
                    Format::Int8 => {
                        // SAFETY: as above.
                        let scales = &mut unsafe { all_scales.part(panel..panel + 1) }[0];
                        isa.run(PackInt8 {
                            rows,
                            shape,
                            scales,
                            into,
                        });
                    }
                    Format::Int4 => isa.run(PackInt4 {
                        rows,
                        inputs: shape.inputs,
                        into,
                    }),
                    Format::F32 | Format::F16 | Format::Bf16 => isa.run(PackFloat {
                        format,
                        rows,
                        shape,
                        into,
                    }),
                }
            }
        });
        if let Some(error) = error.into_inner().unwrap_or_else(|e| e.into_inner()) {
            return Err(error);
        }
        self.packed.push(Packed {
            shape,
            format,
            range,
            scales,
        });
        Ok(())
    }

    /// Returns the matrices, in the order in which they were packed.
    pub fn finish(self) -> Vec<Matrix> {
        let pages = Arc::new(self.pages);
        let matrix = |packed: Packed| Matrix {
            shape: packed.shape,
            format: packed.format,
            pages: Arc::clone(&pages),
            range: packed.range,
            scales: packed.scales.into(),
        };
        self.packed.into_iter().map(matrix).collect()
    }
}

/// Packs a panel of f32, f16 or bf16.
struct PackFloat<'a> {
    format: Format,
    /// `[PANEL, inputs]`.
    rows: &'a [f32],
    shape: Shape,
    into: &'a mut [u8],
}

impl Kernel for PackFloat<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (rows, inputs) = (self.rows, self.shape.inputs);
        match self.format {
            Format::F32 => {
                transpose(rows, inputs, bytemuck::cast_slice_mut(self.into), |x| x);
            }
            Format::F16 => {
                let bits = |x| half::f16::from_f32(x).to_bits();
                transpose(rows, inputs, bytemuck::cast_slice_mut(self.into), bits);
            }
            Format::Bf16 => {
                let into: &mut [[u32; PANEL]] = bytemuck::cast_slice_mut(self.into);
                for (group, into) in into.iter_mut().enumerate() {
                    for (column, into) in into.iter_mut().enumerate() {
                        let row = &rows[column * inputs..(column + 1) * inputs];
                        let second = row.get(2 * group + 1).copied().unwrap_or(0.0);
                        *into = bf16_pair(row[2 * group], second);
                    }
                }
            }
            Format::Int8 | Format::Int4 => {}
        }
    }
}

/// Transposes `[PANEL, inputs]` to `[inputs, PANEL]` and converts each element, in blocks that stay
/// in the L1 cache.
#[inline(always)]
fn transpose<T, U: Copy>(
    rows: &[U],
    inputs: usize,
    into: &mut [[T; PANEL]],
    convert: impl Fn(U) -> T,
) {
    for (block, into) in into.chunks_mut(LANES).enumerate() {
        for column in 0..PANEL {
            let row = &rows[column * inputs + block * LANES..][..into.len()];
            for (into, x) in into.iter_mut().zip(row) {
                into[column] = convert(*x);
            }
        }
    }
}

/// Quantises and packs a panel of int8, and writes its scales.
struct PackInt8<'a> {
    /// `[PANEL, inputs]`.
    rows: &'a [f32],
    shape: Shape,
    scales: &'a mut [f32; PANEL],
    into: &'a mut [u8],
}

impl Kernel for PackInt8<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let into: &mut [[u32; PANEL]] = bytemuck::cast_slice_mut(self.into);
        let groups = into.len();
        // int8 are stored as u8 with an offset of 128.
        let mut words = vec![u32::from_ne_bytes([128; 4]); PANEL * groups];
        let rows = self.rows.chunks_exact(self.shape.inputs);
        let outputs = words.chunks_exact_mut(groups).zip(self.scales);
        for (row, (words, scale)) in rows.zip(outputs) {
            *scale = row_scale(row);
            let inv_scale = inv_scale(*scale);
            // Quantised row by row before the transposition, so that the loop is vectorised.
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(words);
            for (byte, x) in bytes.iter_mut().zip(row) {
                *byte = (to_int8(*x, inv_scale) + 128) as u8;
            }
        }
        transpose(&words, groups, into, |word| word);
    }
}
