//! Loading of weights into the packed matrices of the kernels.

use super::pass::Workspace;
use super::{CpuTransformer, Layer};
use crate::catch_panic::catch_panic;
use crate::rope::RopeTable;
use crate::weights::{RowReader, fuse_projections};
use crate::{ModelConfig, ModelError, ModelOptions, Parameter, Precision};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use wolfgang_kernels::{
    CacheFormat, Cpu, Format, Isa, KernelError, PANEL, Packer, PagePool, RowMatrix, Shape,
};

impl CpuTransformer {
    /// Reads and packs all parameters. `open` returns the reader of each.
    pub(crate) fn new<'a, E: From<ModelError> + Send>(
        config: &ModelConfig,
        options: &ModelOptions,
        cache_precision: Precision,
        mut open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {
        let threads = options.threads.unwrap_or_else(cores);
        let mut cpu = Cpu::new(Isa::best(), threads).map_err(ModelError::from)?;
        let parameters = config.parameters();
        let fused = fuse_projections(&parameters);
        let matrices = fused.iter().filter_map(|parts| {
            let precision = parts[0].precision_in(options.precision);
            Some((format(precision), shape(parts)?))
        });
        let mut packer = Packer::new(&matrices.collect::<Vec<_>>()).map_err(ModelError::from)?;
        let mut vectors = Vec::new();
        for parts in &fused {
            let readers = parts.iter().map(|part| open(part));
            let readers = readers.collect::<Result<Vec<_>, E>>()?;
            match shape(parts) {
                Some(shape) => {
                    let fill = |panel: usize, rows: &mut [f32]| {
                        read_panel(parts, &readers, panel, rows).map_err(PackError)
                    };
                    catch_panic(|| cpu.pack(&mut packer, shape, fill))?
                        .map_err(|PackError(error)| error)?;
                }
                None => {
                    let mut vector = RowMatrix::default();
                    vector.reset(1, parts.iter().map(|part| part.n_weights()).sum());
                    let mut rest = vector.row_mut(0);
                    for (part, read) in parts.iter().zip(&readers) {
                        let (into, remaining) = rest.split_at_mut(part.n_weights());
                        read(0..1, into)?;
                        rest = remaining;
                    }
                    vectors.push(vector);
                }
            }
        }

        let mut matrices = packer.finish().into_iter();
        let mut vectors = vectors.into_iter();
        let missing = || ModelError::backend("a layer is missing");
        let mut matrix = || matrices.next().ok_or_else(missing);
        let mut vector = || vectors.next().ok_or_else(missing);
        let embeddings = matrix()?;
        let layers = (0..config.n_layer).map(|_| {
            Ok(Layer {
                attention_norm: vector()?,
                wqkv: matrix()?,
                qkv_bias: config.qkv_bias.then(&mut vector).transpose()?,
                qk_norm: match config.qk_norm {
                    true => Some([vector()?, vector()?]),
                    false => None,
                },
                wo: matrix()?,
                wo_bias: config.attention_output_bias.then(&mut vector).transpose()?,
                ffn_norm: vector()?,
                w13: matrix()?,
                w2: matrix()?,
            })
        });
        let layers = layers.collect::<Result<_, ModelError>>()?;
        let tied = config.tie_word_embeddings;
        Ok(Self {
            embeddings,
            layers,
            norm: vector()?,
            head: (!tied).then(matrix).transpose()?,
            rms_norm_eps: config.rms_norm_eps as f32,
            n_head: config.n_head,
            n_kv_head: config.n_kv_head,
            hidden_dim: config.hidden_dim(),
            threads: cpu.threads(),
            pages: PagePool::new(
                match cache_precision {
                    Precision::F32 => CacheFormat::F32,
                    // `ModelOptions::cache_precision` returns no other.
                    _ => CacheFormat::F16,
                },
                config.n_kv_head,
                config.head_dim(),
            ),
            workspace: Mutex::new(Workspace::new(cpu, RopeTable::new(config))),
        })
    }
}

impl From<KernelError> for ModelError {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::NoMemory { bytes } => Self::NoMemory { bytes },
            KernelError::TooManyThreads { threads, limit } => Self::NoThreads {
                threads,
                reason: format!("the maximum is {limit}"),
            },
            KernelError::NoThread { threads, source } => Self::NoThreads {
                threads,
                reason: source.to_string(),
            },
            error => Self::backend(error),
        }
    }
}

/// Error of packing: that of a reader, or of the kernels converted to it.
struct PackError<E>(E);

impl<E: From<ModelError>> From<KernelError> for PackError<E> {
    fn from(error: KernelError) -> Self {
        Self(ModelError::from(error).into())
    }
}

/// The element type of the kernels for a precision.
fn format(precision: Precision) -> Format {
    match precision {
        Precision::F32 => Format::F32,
        Precision::F16 => Format::F16,
        Precision::Bf16 => Format::Bf16,
        Precision::Int8 => Format::Int8,
        Precision::Int4 => Format::Int4,
    }
}

/// The default number of threads: one per physical core that the process may use. A second thread
/// on a core would not make it faster.
fn cores() -> NonZeroUsize {
    let usable = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(num_cpus::get_physical()).map_or(usable, |cores| cores.min(usable))
}

/// Whether the parts are gate and up projections, whose panels alternate (see
/// [`Epilogue::SwiGlu`](wolfgang_kernels::Epilogue::SwiGlu)).
fn is_gated(parts: &[&Parameter]) -> bool {
    parts[0].name.contains(".w1.")
}

/// The shape of the fused matrix; `None` for a vector.
fn shape(parts: &[&Parameter]) -> Option<Shape> {
    let [_, inputs] = parts[0].shape[..] else {
        return None;
    };
    let rows = parts.iter().map(|part| part.rows());
    let outputs = if is_gated(parts) {
        rows.map(|rows| rows.next_multiple_of(PANEL)).sum()
    } else {
        rows.sum()
    };
    Some(Shape { outputs, inputs })
}

/// Reads the rows of one panel of the fused matrix into zeros.
fn read_panel<E>(
    parts: &[&Parameter],
    readers: &[RowReader<'_, E>],
    panel: usize,
    into: &mut [f32],
) -> Result<(), E> {
    let inputs = into.len() / PANEL;
    if is_gated(parts) {
        let (part, first) = (panel % 2, panel / 2 * PANEL);
        let end = parts[part].rows().min(first + PANEL);
        return readers[part](first..end, &mut into[..(end - first) * inputs]);
    }
    let (mut rest, mut next_row) = (into, 0);
    let panel = panel * PANEL..(panel + 1) * PANEL;
    for (part, read) in parts.iter().zip(readers) {
        let rows = next_row..next_row + part.rows();
        next_row = rows.end;
        let (first, end) = (panel.start.max(rows.start), panel.end.min(rows.end));
        if first < end {
            let (into, remaining) = rest.split_at_mut((end - first) * inputs);
            read(first - rows.start..end - rows.start, into)?;
            rest = remaining;
        }
    }
    Ok(())
}
