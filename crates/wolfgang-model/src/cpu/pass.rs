//! One pass through the layers, over as many sequences at once as there are.

use super::CpuTransformer;
use crate::norm::EPSILON;
use crate::profile::{Laps, Step};
use wolfgang_kernels::{Activations, Cache, Cpu, Rotation, Rows, Sequence, Then};

/// The threads, and what a forward pass writes. Kept, so that decoding allocates nothing but logits.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) cpu: Cpu,
    /// `[rows, n_embd]`: the sum of all layers so far.
    pub(super) x: Rows,
    /// `[rows, n_embd]`: after a norm, and what attention has mixed.
    normed: Rows,
    inputs: Activations,
    /// `[rows, n_embd + 2 kv_dim]`.
    qkv: Rows,
    /// `[rows, hidden_dim]`.
    gated: Rows,
    /// `[rows, vocab_size]`.
    pub(super) logits: Rows,
}

/// What a forward pass computes of one sequence.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    pub(crate) ids: &'a [u32],
    /// The position of the first.
    pub(crate) start: usize,
    /// One for each layer.
    pub(crate) caches: &'a mut [Cache],
}

impl Span<'_> {
    /// What a layer appends to and attends to, if the span's rows begin with `row`.
    fn in_layer(&mut self, layer: usize, row: usize) -> Sequence<&mut Cache> {
        Sequence {
            rows: row..row + self.ids.len(),
            start: self.start,
            cache: &mut self.caches[layer],
        }
    }
}

impl Work {
    pub(super) fn new(cpu: Cpu) -> Self {
        Self {
            cpu,
            x: Rows::default(),
            normed: Rows::default(),
            inputs: Activations::default(),
            qkv: Rows::default(),
            gated: Rows::default(),
            logits: Rows::default(),
        }
    }

    /// Everything between embedding and final norm: leaves `[n, n_embd]` in `x`.
    pub(super) fn hidden(
        &mut self,
        model: &CpuTransformer,
        spans: &mut [Span<'_>],
        laps: &mut Laps<'_>,
    ) {
        let Self {
            cpu,
            x,
            normed,
            inputs,
            qkv,
            gated,
            ..
        } = self;
        let rows = spans.iter().map(|span| span.ids.len()).sum();
        let format = model.embeddings.format();
        x.reset(rows, model.embeddings.shape().inputs);
        for (row, id) in spans.iter().flat_map(|span| span.ids).enumerate() {
            model.embeddings.read_row(*id as usize, x.row_mut(row));
        }
        laps.lap(Step::Embedding);
        let rotation = Rotation {
            cos: &model.angles.cos,
            sin: &model.angles.sin,
        };
        for (index, layer) in model.layers.iter().enumerate() {
            cpu.rms_norm(x, &layer.attention_norm, EPSILON as f32, normed);
            laps.lap(Step::Norm);
            cpu.prepare(normed, format, inputs);
            laps.lap(Step::Prepare);
            qkv.reset(rows, layer.wqkv.shape().outputs);
            cpu.multiply(&layer.wqkv, inputs, qkv, Then::Store);
            laps.lap(Step::Wqkv);
            let mut mix = |sequences: &mut [Sequence<&mut Cache>]| {
                cpu.append(qkv, rotation, sequences);
                cpu.attend(qkv, sequences, normed);
            };
            if let [span] = spans {
                mix(&mut [span.in_layer(index, 0)]);
            } else {
                let mut row = 0;
                let sequences = spans.iter_mut().map(|span| {
                    let sequence = span.in_layer(index, row);
                    row = sequence.rows.end;
                    sequence
                });
                mix(&mut sequences.collect::<Vec<_>>());
            }
            laps.lap(Step::Attention);
            cpu.prepare(normed, format, inputs);
            laps.lap(Step::Prepare);
            cpu.multiply(&layer.wo, inputs, x, Then::Add);
            laps.lap(Step::Wo);

            cpu.rms_norm(x, &layer.ffn_norm, EPSILON as f32, normed);
            laps.lap(Step::Norm);
            cpu.prepare(normed, format, inputs);
            laps.lap(Step::Prepare);
            gated.reset(rows, model.hidden_dim);
            cpu.multiply(&layer.w13, inputs, gated, Then::SwiGlu);
            laps.lap(Step::W13);
            cpu.prepare(gated, format, inputs);
            laps.lap(Step::Prepare);
            cpu.multiply(&layer.w2, inputs, x, Then::Add);
            laps.lap(Step::W2);
        }
    }

    /// Drops all rows of `x` but these: only their logits are wanted, and the head is the largest product of all.
    pub(super) fn keep(&mut self, rows: impl ExactSizeIterator<Item = usize>) {
        let Self { x, normed, .. } = self;
        normed.reset(rows.len(), x.width());
        for (to, from) in rows.enumerate() {
            normed.row_mut(to).copy_from_slice(x.row(from));
        }
        std::mem::swap(x, normed);
    }

    /// Final norm and head: `x` to `[n, vocab_size]`.
    pub(super) fn logits(&mut self, model: &CpuTransformer, laps: &mut Laps<'_>) {
        let Self {
            cpu,
            x,
            normed,
            inputs,
            logits,
            ..
        } = self;
        cpu.rms_norm(x, &model.norm, EPSILON as f32, normed);
        laps.lap(Step::Norm);
        cpu.prepare(normed, model.embeddings.format(), inputs);
        laps.lap(Step::Prepare);
        logits.reset(x.rows(), model.embeddings.shape().outputs);
        cpu.multiply(&model.embeddings, inputs, logits, Then::Store);
        laps.lap(Step::Head);
    }
}
