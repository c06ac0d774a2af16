//! The model by our own kernels, for the CPU.

mod pass;

pub(crate) use pass::SequenceChunk;

use crate::catch_panic::catch_panic;
use crate::profile::OpTimer;
use crate::rope::RopeTable;
use crate::weights::{RowReader, matrices};
use crate::{ModelConfig, ModelError, ModelOptions, Parameter, Precision};
use pass::Workspace;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use wolfgang_kernels::{
    Cache, CacheFormat, Cpu, Format, Isa, KernelError, Matrix, PANEL, Packer, RowMatrix, Shape,
};

/// Rows that prefill computes at once: enough to read the weights once for many, few enough to need
/// little memory.
const PREFILL_ROWS: usize = 256;

/// All layers.
#[derive(Debug)]
pub(crate) struct CpuTransformer {
    /// Read by row it embeds, as a matrix it is the head.
    embeddings: Matrix,
    layers: Vec<Layer>,
    norm: RowMatrix,
    angles: RopeTable,
    hidden_dim: usize,
    threads: usize,
    /// One forward pass at a time: each takes all threads.
    work: Mutex<Workspace>,
}

#[derive(Debug)]
struct Layer {
    attention_norm: RowMatrix,
    /// wq, wk and wv, row below row.
    wqkv: Matrix,
    wo: Matrix,
    ffn_norm: RowMatrix,
    /// w1 and w3, panel by panel by turns.
    w13: Matrix,
    w2: Matrix,
}

fn bytes_of(vector: &RowMatrix) -> usize {
    size_of_val(vector.row(0))
}

/// The format of weights in this precision.
fn format(precision: Precision) -> Format {
    match precision {
        Precision::F32 => Format::F32,
        Precision::F16 => Format::F16,
        Precision::Bf16 => Format::Bf16,
        Precision::Int8 => Format::Int8,
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

/// Lets errors of both kinds pass through the kernels.
struct Failure<E>(E);

impl<E: From<ModelError>> From<KernelError> for Failure<E> {
    fn from(error: KernelError) -> Self {
        Self(ModelError::from(error).into())
    }
}

impl CpuTransformer {
    /// Packs each of the model's parameters, which `open` opens.
    pub(crate) fn new<'a, E: From<ModelError> + Send>(
        config: &ModelConfig,
        options: &ModelOptions,
        mut open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {
        let threads = options.threads.unwrap_or_else(cores);
        let mut cpu = Cpu::new(Isa::best(), threads).map_err(ModelError::from)?;
        let parameters = config.parameters();
        let parts = matrices(&parameters);
        let shapes: Vec<_> = parts.iter().filter_map(|parts| shape(parts)).collect();
        let format = format(options.precision);
        let mut packer = Packer::new(format, &shapes).map_err(ModelError::from)?;
        let mut vectors = Vec::new();
        for parts in &parts {
            let readers = parts.iter().map(|part| open(part));
            let readers = readers.collect::<Result<Vec<_>, E>>()?;
            match shape(parts) {
                Some(shape) => {
                    let fill = |panel: usize, rows: &mut [f32]| {
                        read_panel(parts, &readers, panel, rows).map_err(Failure)
                    };
                    catch_panic(|| cpu.pack(&mut packer, shape, fill))?
                        .map_err(|Failure(error)| error)?;
                }
                None => {
                    let mut vector = RowMatrix::default();
                    vector.reset(1, parts[0].n_weights());
                    readers[0](0..1, vector.row_mut(0))?;
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
                wo: matrix()?,
                ffn_norm: vector()?,
                w13: matrix()?,
                w2: matrix()?,
            })
        });
        let layers = layers.collect::<Result<_, ModelError>>()?;
        Ok(Self {
            embeddings,
            layers,
            norm: vector()?,
            angles: RopeTable::new(config.head_dim(), config.block_size),
            hidden_dim: config.hidden_dim(),
            threads: cpu.threads(),
            work: Mutex::new(Workspace::new(cpu)),
        })
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        let of_layer = |layer: &Layer| {
            let matrices = [&layer.wqkv, &layer.wo, &layer.w13, &layer.w2];
            matrices.map(Matrix::bytes).iter().sum::<usize>()
                + bytes_of(&layer.attention_norm)
                + bytes_of(&layer.ffn_norm)
        };
        let of_layers: usize = self.layers.iter().map(of_layer).sum();
        self.embeddings.bytes() + of_layers + bytes_of(&self.norm)
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Logits of every position, `[n]` ids → `[n, vocab_size]`, row by row.
    pub(crate) fn forward(
        &self,
        ids: &[u32],
        config: &ModelConfig,
        cache_precision: Precision,
    ) -> Result<Vec<f32>, ModelError> {
        let mut caches = new_caches(config, cache_precision, ids.len())?;
        Ok(self.forward_cached_all(SequenceChunk::new(ids, 0, &mut caches)))
    }

    /// Logits of every id of a chunk, `[n, vocab_size]`, row by row.
    pub(crate) fn forward_cached_all(&self, chunk: SequenceChunk<'_>) -> Vec<f32> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = &mut OpTimer::off();
        let mut all = Vec::with_capacity(chunk.ids.len() * self.embeddings.shape().outputs);
        for (n, ids) in chunk.ids.chunks(PREFILL_ROWS).enumerate() {
            let start = chunk.start + n * PREFILL_ROWS;
            let part = SequenceChunk::new(ids, start, chunk.caches);
            work.hidden(self, &mut [part], timer);
            work.logits(self, timer);
            for row in 0..ids.len() {
                all.extend_from_slice(work.logits.row(row));
            }
        }
        all
    }

    /// Logits behind the last id of each chunk, `[chunks, vocab_size]`, in as few passes as
    /// [`PREFILL_ROWS`] allow: each reads the weights once.
    pub(crate) fn forward_cached(
        &self,
        chunks: &mut [SequenceChunk<'_>],
        mut timer: OpTimer<'_>,
    ) -> Vec<Vec<f32>> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = &mut timer;
        for chunk in &mut *chunks {
            while chunk.ids.len() > PREFILL_ROWS {
                let (ids, behind) = chunk.ids.split_at(PREFILL_ROWS);
                let part = SequenceChunk::new(ids, chunk.start, chunk.caches);
                work.hidden(self, &mut [part], timer);
                chunk.ids = behind;
                chunk.start += PREFILL_ROWS;
            }
        }
        let mut all = Vec::with_capacity(chunks.len());
        let mut rest = chunks;
        while !rest.is_empty() {
            let mut rows = 0;
            let fits = |chunk: &&SequenceChunk<'_>| {
                rows += chunk.ids.len();
                rows <= PREFILL_ROWS
            };
            let together = rest.iter().take_while(fits).count();
            let (chunks, behind) = rest.split_at_mut(together);
            rest = behind;
            work.hidden(self, chunks, timer);
            let mut end = 0;
            let last_rows = chunks.iter().filter_map(|chunk| {
                end += chunk.ids.len();
                chunk.needs_logits.then_some(end - 1)
            });
            let last_rows: Vec<usize> = last_rows.collect();
            if !last_rows.is_empty() {
                work.keep(last_rows.into_iter());
                work.logits(self, timer);
            }
            let mut row = 0;
            for chunk in chunks {
                let mut logits = Vec::new();
                if chunk.needs_logits {
                    logits.extend_from_slice(work.logits.row(row));
                    row += 1;
                }
                all.push(logits);
            }
        }
        all
    }
}

/// A layer's empty cache for each of the layers.
pub(crate) fn new_caches(
    config: &ModelConfig,
    precision: Precision,
    positions: usize,
) -> Result<Vec<Cache>, ModelError> {
    let format = match precision {
        Precision::F32 => CacheFormat::F32,
        // `ModelOptions::cache_precision` lets no other through.
        _ => CacheFormat::F16,
    };
    let layer = || Cache::new(format, config.n_kv_head, config.head_dim(), positions);
    let layers = (0..config.n_layer).map(|_| layer());
    Ok(layers.collect::<Result<_, _>>()?)
}

/// One thread for each core that the process may use; two on the same core would only be in each other's way.
fn cores() -> NonZeroUsize {
    let usable = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(num_cpus::get_physical()).map_or(usable, |cores| cores.min(usable))
}

/// Whether gates and values are in turns.
fn is_gated(parts: &[&Parameter]) -> bool {
    parts[0].name.contains(".w1.")
}

/// The shape of the parts together, if they are matrices.
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

/// Reads the rows of one panel of the parts together, into zeros.
fn read_panel<E>(
    parts: &[&Parameter],
    readers: &[RowReader<'_, E>],
    panel: usize,
    into: &mut [f32],
) -> Result<(), E> {
    let inputs = into.len() / PANEL;
    if is_gated(parts) {
        let (part, first) = (panel % 2, panel / 2 * PANEL);
        let behind = parts[part].rows().min(first + PANEL);
        return readers[part](first..behind, &mut into[..(behind - first) * inputs]);
    }
    let (mut rest, mut before) = (into, 0);
    let panel = panel * PANEL..(panel + 1) * PANEL;
    for (part, read) in parts.iter().zip(readers) {
        let rows = before..before + part.rows();
        before = rows.end;
        let (first, behind) = (panel.start.max(rows.start), panel.end.min(rows.end));
        if first < behind {
            let (into, left) = rest.split_at_mut((behind - first) * inputs);
            read(first - rows.start..behind - rows.start, into)?;
            rest = left;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_count_is_read_without_the_lock_of_a_forward_pass() {
        let config = ModelConfig {
            n_layer: 1,
            n_embd: 20,
            vocab_size: 30,
            block_size: 8,
            ..ModelConfig::default()
        };
        let options = ModelOptions {
            threads: NonZeroUsize::new(2),
            ..ModelOptions::default()
        };
        let transformer = CpuTransformer::new(&config, &options, |_| {
            let read: RowReader<'_, ModelError> = Box::new(|_, _| Ok(()));
            Ok(read)
        });
        let transformer = transformer.unwrap();
        let pass = transformer.work.lock().unwrap();
        assert_eq!(transformer.threads(), 2);
        drop(pass);
    }
}
