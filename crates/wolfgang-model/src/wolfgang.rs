//! The model.

use crate::attention::{Attention, Step};
use crate::block::Block;
use crate::contained::contained;
use crate::embedding::Embedding;
use crate::feed_forward::FeedForward;
use crate::kv_cache::LayerCache;
use crate::mask::CausalMask;
use crate::norm::RmsNorm;
use crate::rope::RotaryEmbedding;
use crate::spread::Spread;
use crate::weights::Weights;
use crate::{KvCache, ModelConfig, ModelError, Parameter, Precision};
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Rows that prefill computes at once. Attention takes memory for each pair of a row and a position.
const PREFILL_ROWS: usize = 512;

/// A Wolfgang-LM with its weights.
#[derive(Module, Debug)]
pub struct Wolfgang {
    embeddings: Embedding,
    layers: Vec<Block>,
    norm: RmsNorm,
    rope: RotaryEmbedding,
    mask: CausalMask,
    #[module(skip)]
    config: ModelConfig,
    #[module(skip)]
    device: Device,
    #[module(skip)]
    precision: Precision,
    #[module(skip)]
    spread: Spread,
}

impl Wolfgang {
    /// Builds a model that computes on `device` in `precision`, having `fill` write the weights of each of
    /// [`ModelConfig::parameters`] once, row by row.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`], [`ModelError::UnsupportedPrecision`], [`ModelError::NoMemory`],
    /// [`ModelError::Backend`], and whatever `fill` returns.
    pub fn from_weights<E: From<ModelError>>(
        config: &ModelConfig,
        device: &Device,
        precision: Precision,
        fill: impl FnMut(&Parameter, &mut [f32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        config.validate()?;
        precision.check(device)?;
        let weights = Weights::read(&config.parameters(), device, precision, fill)?;
        Ok(contained(|| {
            let model = Self::build(config, device, precision, weights);
            // Only then has everything arrived, or not found room.
            device.sync().map(|()| model)
        })?
        .map_err(ModelError::backend)?)
    }

    fn build(
        config: &ModelConfig,
        device: &Device,
        precision: Precision,
        mut weights: Weights,
    ) -> Self {
        let (width, kv, hidden) = (config.n_embd, config.kv_dim(), config.hidden_dim());

        let embeddings = Embedding::new(weights.tensor([config.vocab_size, width]));
        let layers = (0..config.n_layer)
            .map(|_| Block {
                attention_norm: weights.norm(width),
                attention: Attention {
                    wqkv: weights.linear(width + 2 * kv, width),
                    wo: weights.linear(width, width),
                    n_head: config.n_head,
                    n_kv_head: config.n_kv_head,
                },
                ffn_norm: weights.norm(width),
                feed_forward: FeedForward {
                    w13: weights.linear(2 * hidden, width),
                    w2: weights.linear(width, hidden),
                },
            })
            .collect();
        let norm = weights.norm(width);
        let (block_size, dtype) = (config.block_size, precision.dtype());
        let config = config.clone();
        Self {
            embeddings,
            layers,
            norm,
            rope: RotaryEmbedding::new(config.head_dim(), block_size, device, dtype),
            mask: CausalMask::new(PREFILL_ROWS, block_size, device, dtype),
            config,
            device: device.clone(),
            precision,
            spread: Spread::on(device),
        }
    }

    /// The shape of this model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The device that it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type that it computes in, and in which weights and caches are kept.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// An empty cache for one sequence.
    ///
    /// # Errors
    /// [`ModelError::Backend`], if the device has no room for it.
    pub fn new_cache(&self) -> Result<KvCache, ModelError> {
        contained(|| KvCache::new(&self.config, &self.device, self.precision))
    }

    /// Logits of every position, `[n]` ids → `[n, vocab_size]`, computed afresh: the definition that
    /// [`forward_cached`](Self::forward_cached) must agree with.
    ///
    /// # Errors
    /// [`ModelError::NoIds`], [`ModelError::UnknownId`], [`ModelError::ContextFull`], [`ModelError::Backend`].
    pub fn forward(&self, ids: &[u32]) -> Result<Tensor<2>, ModelError> {
        self.check(ids, 0)?;
        contained(|| self.spread.run(|| self.logits(self.hidden(ids, 0, None))))
    }

    /// Logits of the last of `ids`, `[vocab_size]`, which follow upon what stands in `cache`; their keys and values
    /// are added to it.
    ///
    /// Prefill is one call with the whole prompt, decoding one call for each id; any other division gives the same.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`ModelError::ForeignCache`]. The cache is then as it was; only after
    /// [`ModelError::Backend`] it must not be used again.
    pub fn forward_cached(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
    ) -> Result<Tensor<1>, ModelError> {
        cache.check_fits(&self.config, &self.device, self.precision)?;
        self.check(ids, cache.len())?;
        contained(|| self.spread.run(|| self.advance(ids, cache)))?.ok_or(ModelError::NoIds)
    }

    fn advance(&self, ids: &[u32], cache: &mut KvCache) -> Option<Tensor<1>> {
        let mut last = None;
        for chunk in ids.chunks(PREFILL_ROWS) {
            let (layers, start) = cache.layers_mut();
            let hidden = self.hidden(chunk, start, Some(layers));
            last = Some(hidden.narrow(1, chunk.len() - 1, 1));
            cache.advance(chunk.len());
        }
        // Only the last position's logits are wanted, and the head is the largest product of all.
        last.map(|last| self.logits(last).squeeze_dim(0))
    }

    /// Everything between embedding and final norm, `[n]` → `[1, n, n_embd]`.
    fn hidden(&self, ids: &[u32], start: usize, cache: Option<&mut [LayerCache]>) -> Tensor<3> {
        let step = Step {
            start,
            rotation: self.rope.at(start, ids.len()),
            mask: self.mask.at(start, ids.len()),
            spread: self.spread,
        };
        let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let n = ids.len();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [n]), &self.device);
        let mut x = self.embeddings.forward(ids);
        let mut caches = cache.map(|layers| layers.iter_mut());
        for block in &self.layers {
            let cache = caches.as_mut().and_then(Iterator::next);
            x = block.forward(x, &step, cache);
        }
        x
    }

    /// Final norm and head, `[1, n, n_embd]` → `[n, vocab_size]`.
    fn logits(&self, x: Tensor<3>) -> Tensor<2> {
        self.embeddings
            .head(self.norm.forward(x).squeeze_dim(0), self.spread)
    }

    fn check(&self, ids: &[u32], past: usize) -> Result<(), ModelError> {
        let (vocab_size, block_size) = (self.config.vocab_size, self.config.block_size);
        if ids.is_empty() {
            return Err(ModelError::NoIds);
        }
        if let Some(position) = ids.iter().position(|&id| id as usize >= vocab_size) {
            return Err(ModelError::UnknownId {
                id: ids[position],
                position,
                vocab_size,
            });
        }
        if ids.len() > block_size - past {
            return Err(ModelError::ContextFull {
                past,
                new: ids.len(),
                block_size,
            });
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    fn zeros(config: &ModelConfig) -> Result<Wolfgang, ModelError> {
        Wolfgang::from_weights(config, &Device::flex(), Precision::F32, |_, _| Ok(()))
    }

    fn tiny() -> ModelConfig {
        ModelConfig {
            n_layer: 2,
            n_embd: 20,
            vocab_size: 30,
            block_size: 8,
            ..ModelConfig::default()
        }
    }

    #[test]
    fn every_parameter_is_in_the_model() {
        let model = zeros(&tiny()).unwrap();
        assert_eq!(model.num_params(), tiny().n_parameters());
    }

    /// More rows than prefill computes at once.
    #[test]
    fn prefill_in_steps_is_prefill() {
        let config = ModelConfig {
            block_size: 2 * PREFILL_ROWS + 9,
            n_head: 2,
            n_kv_head: 1,
            ..tiny()
        };
        let mut n = 0f32;
        let model =
            Wolfgang::from_weights(&config, &Device::flex(), Precision::F32, |_, weights| {
                weights.fill_with(|| {
                    n += 1.0;
                    (n * 1.7).sin()
                });
                Ok::<_, ModelError>(())
            });
        let model = model.unwrap();
        let ids: Vec<u32> = (0..config.block_size as u32).map(|i| i * 7 % 30).collect();
        let whole = model.forward(&ids).unwrap();
        let last = whole.narrow(0, ids.len() - 1, 1).squeeze_dim::<1>(0);
        let mut cache = model.new_cache().unwrap();
        let stepped = model.forward_cached(&ids, &mut cache).unwrap();
        assert_eq!(cache.len(), ids.len());
        let scale: f32 = last.clone().abs().max().into_scalar();
        let apart: f32 = (last - stepped).abs().max().into_scalar();
        assert!(
            scale > 0.0 && apart <= 1e-4 * scale,
            "{apart} apart at scale {scale}"
        );
    }

    #[test]
    fn what_keeps_weights_from_coming_is_passed_on() {
        let error = Wolfgang::from_weights(
            &tiny(),
            &Device::flex(),
            Precision::F32,
            |parameter, weights| {
                assert_eq!(weights.len(), parameter.shape.iter().product::<usize>());
                match parameter.name.as_str() {
                    "norm.weight" => Err(ModelError::NoIds),
                    _ => Ok(()),
                }
            },
        );
        assert_eq!(error.unwrap_err(), ModelError::NoIds);
    }
}
