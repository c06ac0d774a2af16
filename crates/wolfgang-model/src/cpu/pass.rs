//! One pass through the layers, for any number of sequences.

use super::CpuTransformer;
use crate::profile::{Op, OpTimer};
use crate::rope::RopeTable;
use wolfgang_kernels::{Cache, Cpu, Epilogue, PackedActivations, Rotation, RowMatrix, Sequence};

/// The threads and the buffers of a forward pass, which are reused.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) cpu: Cpu,
    /// The angles of the positions that have been computed.
    rope: RopeTable,
    /// `[rows, n_embd]`: the residual stream.
    pub(super) x: RowMatrix,
    /// `[rows, n_embd]`, the result of a norm, or `[rows, attention_dim]`, that of attention.
    normed: RowMatrix,
    inputs: PackedActivations,
    /// `[rows, attention_dim + 2 kv_dim]`.
    qkv: RowMatrix,
    /// `[rows, hidden_dim]`.
    gated: RowMatrix,
    /// `[rows, vocab_size]`.
    pub(super) logits: RowMatrix,
}

/// Consecutive ids of one sequence in a forward pass.
#[derive(Debug)]
pub(crate) struct SequenceChunk<'a> {
    pub(crate) ids: &'a [u32],
    /// Position of the first id.
    pub(crate) start: usize,
    /// One cache per layer, in which the positions of the ids are reserved.
    pub(crate) caches: &'a mut [Cache],
    /// Number of ids at the end whose logits are computed.
    pub(crate) n_logits: usize,
}

impl<'a> SequenceChunk<'a> {
    pub(crate) fn new(ids: &'a [u32], start: usize, caches: &'a mut [Cache]) -> Self {
        Self {
            ids,
            start,
            caches,
            n_logits: 1,
        }
    }

    /// Sets the number of logits, at most the number of ids.
    pub(crate) fn with_n_logits(mut self, n_logits: usize) -> Self {
        self.n_logits = n_logits.min(self.ids.len());
        self
    }

    /// Splits off the first `n` ids, fewer than all, which must be computed before the others.
    pub(crate) fn split_front(&mut self, n: usize) -> SequenceChunk<'_> {
        let (ids, remaining) = self.ids.split_at(n);
        let (start, n_logits) = (self.start, self.n_logits);
        self.ids = remaining;
        self.start += n;
        self.n_logits = n_logits.min(remaining.len());
        SequenceChunk {
            ids,
            start,
            n_logits: n_logits - self.n_logits,
            caches: self.caches,
        }
    }

    /// The rows and the cache of the chunk in a layer. Its first row is `row`.
    fn in_layer(&mut self, layer: usize, row: usize) -> Sequence<&mut Cache> {
        Sequence {
            rows: row..row + self.ids.len(),
            start: self.start,
            cache: &mut self.caches[layer],
        }
    }
}

impl Workspace {
    pub(super) fn new(cpu: Cpu, rope: RopeTable) -> Self {
        Self {
            cpu,
            rope,
            x: RowMatrix::default(),
            normed: RowMatrix::default(),
            inputs: PackedActivations::default(),
            qkv: RowMatrix::default(),
            gated: RowMatrix::default(),
            logits: RowMatrix::default(),
        }
    }

    /// Computes embeddings and all layers, without the final norm. The result, `[n, n_embd]`, is in
    /// `x`.
    pub(super) fn forward_layers(
        &mut self,
        model: &CpuTransformer,
        chunks: &mut [SequenceChunk<'_>],
        timer: &mut OpTimer<'_>,
    ) {
        let Self {
            cpu,
            rope,
            x,
            normed,
            inputs,
            qkv,
            gated,
            ..
        } = self;
        let rows = chunks.iter().map(|chunk| chunk.ids.len()).sum();
        let epsilon = model.rms_norm_eps;
        x.reset(rows, model.embeddings.shape().inputs);
        for (row, id) in chunks.iter().flat_map(|chunk| chunk.ids).enumerate() {
            model.embeddings.read_row(*id as usize, x.row_mut(row));
        }
        timer.record(Op::Embedding);
        let ends = chunks.iter().map(|chunk| chunk.start + chunk.ids.len());
        rope.extend_to(ends.max().unwrap_or(0));
        let rotation = Rotation {
            cos: &rope.cos,
            sin: &rope.sin,
        };
        for (index, layer) in model.layers.iter().enumerate() {
            cpu.rms_norm(x, &layer.attention_norm, epsilon, normed);
            timer.record(Op::Norm);
            cpu.pack_activations(normed, layer.wqkv.format(), inputs);
            timer.record(Op::Pack);
            let qkv_width = layer.wqkv.shape().outputs;
            match &layer.qkv_bias {
                Some(bias) => {
                    qkv.reset(rows, qkv_width);
                    add_to_rows(bias, qkv);
                    cpu.multiply(&layer.wqkv, inputs, qkv, Epilogue::Add);
                }
                None => {
                    qkv.resize(rows, qkv_width);
                    cpu.multiply(&layer.wqkv, inputs, qkv, Epilogue::Store);
                }
            }
            timer.record(Op::Qkv);
            if let Some([q_norm, k_norm]) = &layer.qk_norm {
                cpu.rms_norm_heads(qkv, 0, model.n_head, q_norm, epsilon);
                cpu.rms_norm_heads(qkv, model.n_head, model.n_kv_head, k_norm, epsilon);
                timer.record(Op::Norm);
            }
            let mut attend = |sequences: &mut [Sequence<&mut Cache>]| {
                cpu.append(qkv, rotation, sequences);
                cpu.attend(qkv, sequences, normed);
            };
            if let [chunk] = chunks {
                attend(&mut [chunk.in_layer(index, 0)]);
            } else {
                let mut row = 0;
                let sequences = chunks.iter_mut().map(|chunk| {
                    let sequence = chunk.in_layer(index, row);
                    row = sequence.rows.end;
                    sequence
                });
                attend(&mut sequences.collect::<Vec<_>>());
            }
            timer.record(Op::Attention);
            cpu.pack_activations(normed, layer.wo.format(), inputs);
            timer.record(Op::Pack);
            if let Some(bias) = &layer.wo_bias {
                add_to_rows(bias, x);
            }
            cpu.multiply(&layer.wo, inputs, x, Epilogue::Add);
            timer.record(Op::AttentionOutput);

            cpu.rms_norm(x, &layer.ffn_norm, epsilon, normed);
            timer.record(Op::Norm);
            cpu.pack_activations(normed, layer.w13.format(), inputs);
            timer.record(Op::Pack);
            gated.resize(rows, model.hidden_dim);
            cpu.multiply(&layer.w13, inputs, gated, Epilogue::SwiGlu);
            timer.record(Op::GateUp);
            cpu.pack_activations(gated, layer.w2.format(), inputs);
            timer.record(Op::Pack);
            cpu.multiply(&layer.w2, inputs, x, Epilogue::Add);
            timer.record(Op::Down);
        }
    }

    /// Reduces `x` to these rows. Only their logits are needed, and the projection to logits is the
    /// largest product.
    pub(super) fn gather_rows(&mut self, rows: impl ExactSizeIterator<Item = usize>) {
        let Self { x, normed, .. } = self;
        normed.reset(rows.len(), x.width());
        for (to, from) in rows.enumerate() {
            normed.row_mut(to).copy_from_slice(x.row(from));
        }
        std::mem::swap(x, normed);
    }

    /// Computes the final norm and the logits of all rows of `x`, `[n, vocab_size]`, into `logits`.
    pub(super) fn project_logits(&mut self, model: &CpuTransformer, timer: &mut OpTimer<'_>) {
        let Self {
            cpu,
            x,
            normed,
            inputs,
            logits,
            ..
        } = self;
        cpu.rms_norm(x, &model.norm, model.rms_norm_eps, normed);
        timer.record(Op::Norm);
        let head = model.head.as_ref().unwrap_or(&model.embeddings);
        cpu.pack_activations(normed, head.format(), inputs);
        timer.record(Op::Pack);
        logits.resize(x.rows(), head.shape().outputs);
        cpu.multiply(head, inputs, logits, Epilogue::Store);
        timer.record(Op::Head);
    }
}

/// Adds a vector to each row.
fn add_to_rows(vector: &RowMatrix, rows: &mut RowMatrix) {
    for row in 0..rows.rows() {
        let sums = rows.row_mut(row).iter_mut().zip(vector.row(0));
        sums.for_each(|(sum, x)| *sum += x);
    }
}
