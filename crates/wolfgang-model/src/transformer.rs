//! The transformer on the operations of burn, for every device.

use crate::attention::{Attention, ForwardContext};
use crate::block::Block;
use crate::embedding::Embedding;
use crate::feed_forward::FeedForward;
use crate::kv_cache::LayerCache;
use crate::mask::CausalMask;
use crate::norm::RmsNorm;
use crate::rope::RotaryEmbedding;
use crate::weights::Weights;
use crate::{ModelConfig, Precision};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Maximum number of rows of a forward pass: attention needs memory for each pair of a row and a
/// position.
pub(crate) const PREFILL_ROWS: usize = 512;

/// All layers.
#[derive(Module, Debug)]
pub(crate) struct Transformer {
    embeddings: Embedding,
    layers: Vec<Block>,
    norm: RmsNorm,
    /// `None` if the embeddings are the output head.
    head: Option<Embedding>,
    rope: RotaryEmbedding,
    mask: CausalMask,
}

impl Transformer {
    pub(crate) fn new(
        config: &ModelConfig,
        device: &Device,
        precision: Precision,
        mut weights: Weights,
    ) -> Self {
        let (width, kv, hidden) = (config.n_embd, config.kv_dim(), config.hidden_dim());
        let (attention, head_dim) = (config.attention_dim(), config.head_dim());
        let epsilon = config.rms_norm_eps;

        let embeddings = Embedding::new(weights.tensor([config.vocab_size, width]));
        let layers = (0..config.n_layer)
            .map(|_| Block {
                attention_norm: weights.norm(width, epsilon),
                attention: Attention {
                    wqkv: weights.linear(attention + 2 * kv, width).with_bias(
                        config
                            .qkv_bias
                            .then(|| weights.tensor([attention + 2 * kv])),
                    ),
                    qk_norm: config
                        .qk_norm
                        .then(|| [(); 2].map(|()| weights.norm(head_dim, epsilon))),
                    wo: weights.linear(width, attention).with_bias(
                        config
                            .attention_output_bias
                            .then(|| weights.tensor([width])),
                    ),
                    n_head: config.n_head,
                    n_kv_head: config.n_kv_head,
                    head_dim,
                },
                ffn_norm: weights.norm(width, epsilon),
                feed_forward: FeedForward {
                    w13: weights.linear(2 * hidden, width),
                    w2: weights.linear(width, hidden),
                },
            })
            .collect();
        let norm = weights.norm(width, epsilon);
        let head = (!config.tie_word_embeddings)
            .then(|| Embedding::new(weights.tensor([config.vocab_size, width])));
        let dtype = precision.dtype();
        Self {
            embeddings,
            layers,
            norm,
            head,
            rope: RotaryEmbedding::new(config, device, dtype),
            mask: CausalMask::new(PREFILL_ROWS.min(config.block_size), device, dtype),
        }
    }

    /// Returns the logits of every position, `[n]` ids → `[n, vocab_size]`.
    pub(crate) fn forward(&self, ids: &[u32], device: &Device) -> Tensor<2> {
        self.project_logits(self.forward_layers(ids, 0, None, device))
    }

    /// Returns the logits of the last `n_logits` of `ids`, `[n_logits, vocab_size]`, or `None` if
    /// none are needed. `start` is the position of the first id.
    pub(crate) fn forward_cached(
        &self,
        ids: &[u32],
        cache: &mut [LayerCache],
        start: usize,
        n_logits: usize,
        device: &Device,
    ) -> Option<Tensor<2>> {
        let mut without_logits = ids.len().saturating_sub(n_logits);
        let (mut logits, mut start) = (Vec::new(), start);
        for chunk in ids.chunks(PREFILL_ROWS) {
            let hidden = self.forward_layers(chunk, start, Some(cache), device);
            // Only the needed positions are projected to logits, which is the largest product.
            let skipped = without_logits.min(chunk.len());
            if skipped < chunk.len() {
                let hidden = hidden.narrow(1, skipped, chunk.len() - skipped);
                logits.push(self.project_logits(hidden));
            }
            without_logits -= skipped;
            start += chunk.len();
        }
        match logits.len() {
            0 | 1 => logits.pop(),
            _ => Some(Tensor::cat(logits, 0)),
        }
    }

    /// Embeddings and all layers, without the final norm, `[n]` → `[1, n, n_embd]`.
    fn forward_layers(
        &self,
        ids: &[u32],
        start: usize,
        cache: Option<&mut [LayerCache]>,
        device: &Device,
    ) -> Tensor<3> {
        let context = ForwardContext {
            start,
            rotation: self.rope.at(start, ids.len()),
            mask: self.mask.at(start, ids.len()),
        };
        let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let n = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [n]), device);
        let mut x = self.embeddings.forward(ids);
        let mut caches = cache.map(|layers| layers.iter_mut());
        for block in &self.layers {
            let cache = caches.as_mut().and_then(Iterator::next);
            x = block.forward(x, &context, cache);
        }
        x
    }

    /// Final norm and output head, `[1, n, n_embd]` → `[n, vocab_size]`.
    fn project_logits(&self, x: Tensor<3>) -> Tensor<2> {
        let head = self.head.as_ref().unwrap_or(&self.embeddings);
        head.head(self.norm.forward(x).squeeze_dim(0))
    }
}
