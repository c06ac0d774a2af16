//! The transformer on the CPU kernels.

mod load;
mod pass;

pub(crate) use pass::SequenceChunk;

use crate::ModelError;
use crate::profile::OpTimer;
use pass::Workspace;
use std::slice;
use std::sync::{Mutex, PoisonError};
use wolfgang_kernels::{Cache, Matrix, PagePool, RowMatrix};

/// Maximum number of rows of a forward pass: enough to read the weights rarely, few enough to need
/// little memory.
const PREFILL_ROWS: usize = 256;

/// All layers, with packed weights.
#[derive(Debug)]
pub(crate) struct CpuTransformer {
    embeddings: Matrix,
    layers: Vec<Layer>,
    norm: RowMatrix,
    /// `None` if the embeddings are the output head.
    head: Option<Matrix>,
    rms_norm_eps: f32,
    n_head: usize,
    n_kv_head: usize,
    hidden_dim: usize,
    threads: usize,
    /// Memory for KV caches.
    pages: PagePool,
    /// Locked for a forward pass, which uses all threads.
    workspace: Mutex<Workspace>,
}

#[derive(Debug)]
struct Layer {
    attention_norm: RowMatrix,
    /// wq, wk and wv, concatenated by rows.
    wqkv: Matrix,
    qkv_bias: Option<RowMatrix>,
    /// Norms of each head of the queries and of the keys.
    qk_norm: Option<[RowMatrix; 2]>,
    wo: Matrix,
    wo_bias: Option<RowMatrix>,
    ffn_norm: RowMatrix,
    /// w1 and w3, whose panels alternate.
    w13: Matrix,
    w2: Matrix,
}

fn bytes_of(vector: &RowMatrix) -> usize {
    size_of_val(vector.row(0))
}

impl CpuTransformer {
    pub(crate) fn weight_bytes(&self) -> usize {
        let of_layer = |layer: &Layer| {
            let matrices = [&layer.wqkv, &layer.wo, &layer.w13, &layer.w2];
            let vectors = [&layer.attention_norm, &layer.ffn_norm].into_iter();
            let vectors = vectors.chain(&layer.qkv_bias).chain(&layer.wo_bias);
            let vectors = vectors.chain(layer.qk_norm.iter().flatten());
            matrices.map(Matrix::bytes).iter().sum::<usize>() + vectors.map(bytes_of).sum::<usize>()
        };
        let of_layers: usize = self.layers.iter().map(of_layer).sum();
        let head = self.head.as_ref().map_or(0, Matrix::bytes);
        self.embeddings.bytes() + of_layers + bytes_of(&self.norm) + head
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Creates an empty cache for each layer.
    pub(crate) fn new_caches(&self) -> Vec<Cache> {
        let layers = self.layers.iter();
        layers.map(|_| Cache::new(&self.pages)).collect()
    }

    /// Returns the logits of every position, `[n]` ids → `[n, vocab_size]`, row by row.
    pub(crate) fn forward(&self, ids: &[u32]) -> Result<Vec<f32>, ModelError> {
        let mut caches = self.new_caches();
        for cache in &mut caches {
            cache.reserve(0..ids.len())?;
        }
        let chunk = SequenceChunk::new(ids, 0, &mut caches).with_n_logits(ids.len());
        let mut logits = Vec::new();
        self.forward_cached(&mut [chunk], slice::from_mut(&mut logits), OpTimer::off());
        Ok(logits)
    }

    /// Appends the logits that each chunk needs, `[n_logits, vocab_size]`, row by row, to those at
    /// its index. Uses as few passes as [`PREFILL_ROWS`] allows, because each pass reads the weights
    /// once.
    pub(crate) fn forward_cached(
        &self,
        chunks: &mut [SequenceChunk<'_>],
        logits: &mut [Vec<f32>],
        mut timer: OpTimer<'_>,
    ) {
        let mut work = self
            .workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let timer = &mut timer;
        for (chunk, logits) in chunks.iter_mut().zip(&mut *logits) {
            while chunk.ids.len() > PREFILL_ROWS {
                let mut front = [chunk.split_front(PREFILL_ROWS)];
                self.pass(&mut work, &mut front, slice::from_mut(logits), timer);
            }
        }
        let (mut rest, mut rest_of_logits) = (chunks, logits);
        while !rest.is_empty() {
            let mut rows = 0;
            let fits = |chunk: &&SequenceChunk<'_>| {
                rows += chunk.ids.len();
                rows <= PREFILL_ROWS
            };
            let together = rest.iter().take_while(fits).count();
            let (chunks, remaining) = rest.split_at_mut(together);
            let (logits, remaining_logits) = rest_of_logits.split_at_mut(together);
            self.pass(&mut work, chunks, logits, timer);
            (rest, rest_of_logits) = (remaining, remaining_logits);
        }
    }

    /// Runs one pass, and appends the logits that each chunk needs to those at its index.
    fn pass(
        &self,
        work: &mut Workspace,
        chunks: &mut [SequenceChunk<'_>],
        logits: &mut [Vec<f32>],
        timer: &mut OpTimer<'_>,
    ) {
        work.forward_layers(self, chunks, timer);
        let mut end = 0;
        let rows = chunks.iter().flat_map(|chunk| {
            end += chunk.ids.len();
            end - chunk.n_logits..end
        });
        let rows: Vec<usize> = rows.collect();
        if rows.is_empty() {
            return;
        }
        work.gather_rows(rows.into_iter());
        work.project_logits(self, timer);
        let mut row = 0;
        for (chunk, logits) in chunks.iter().zip(logits) {
            for _ in 0..chunk.n_logits {
                logits.extend_from_slice(work.logits.row(row));
                row += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::RowReader;
    use crate::{ModelConfig, ModelOptions, Precision};
    use std::num::NonZeroUsize;

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
        let transformer = CpuTransformer::new(&config, &options, Precision::F32, |_| {
            let read: RowReader<'_, ModelError> = Box::new(|_, _| Ok(()));
            Ok(read)
        });
        let transformer = transformer.unwrap();
        let workspace = transformer.workspace.lock().unwrap();
        assert_eq!(transformer.threads(), 2);
        drop(workspace);
    }
}
