//! The model.

use crate::backends::is_flex;
use crate::contained::contained;
use crate::cpu::{CpuTransformer, Span};
use crate::profile::{OpTimer, Profile};
use crate::transformer::Transformer;
use crate::weights::{RowReader, Weights};
use crate::{KvCache, ModelConfig, ModelError, ModelOptions, Parameter, Precision};
use burn::tensor::{Device, Tensor, TensorData};

/// A Wolfgang-LM with its weights.
#[derive(Debug)]
pub struct WolfgangModel {
    arithmetic: Arithmetic,
    config: ModelConfig,
    device: Device,
    precision: Precision,
    cache_precision: Precision,
}

/// One sequence's share of [`WolfgangModel::forward_batch`].
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchEntry<'a> {
    /// What comes next in the sequence.
    pub ids: &'a [u32],
    /// What stands before it.
    pub cache: &'a mut KvCache,
}

impl<'a> BatchEntry<'a> {
    /// The next ids of the sequence whose keys and values `cache` holds.
    pub fn new(ids: &'a [u32], cache: &'a mut KvCache) -> Self {
        Self { ids, cache }
    }
}

/// Who computes.
#[derive(Debug)]
enum Arithmetic {
    /// burn's operations.
    Burn(Box<Transformer>),
    /// Our kernels, for tensors that `flex` has in host memory.
    Kernels(Box<CpuTransformer>),
}

impl WolfgangModel {
    /// Builds a model that computes on `device`. `open` opens each of [`ModelConfig::parameters`] once, and whatever
    /// it returns reads each row once, several threads at a time.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`], [`ModelError::UnsupportedPrecision`], [`ModelError::UnsupportedCache`],
    /// [`ModelError::NoMemory`], [`ModelError::NoThreads`], [`ModelError::Backend`], and whatever `open` and its readers return.
    pub fn from_weights<'a, E: From<ModelError> + Send>(
        config: &ModelConfig,
        device: &Device,
        options: impl Into<ModelOptions>,
        open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {
        let options = options.into();
        let precision = options.precision;
        config.validate()?;
        precision.check(device, options.use_burn_ops)?;
        let kernels = is_flex(device) && !options.use_burn_ops;
        let cache_precision = options.cache_precision(kernels)?;
        let arithmetic = if kernels {
            Arithmetic::Kernels(Box::new(CpuTransformer::new(config, &options, open)?))
        } else {
            let weights = Weights::read(&config.parameters(), device, precision, open)?;
            let transformer = contained(|| {
                let transformer = Transformer::new(config, device, precision, weights);
                // Only then has everything arrived, or not found room.
                device.sync().map(|()| transformer)
            })?;
            Arithmetic::Burn(Box::new(transformer.map_err(ModelError::backend)?))
        };
        Ok(Self {
            arithmetic,
            config: config.clone(),
            device: device.clone(),
            precision,
            cache_precision,
        })
    }

    /// The shape of this model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The device that it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type in which its weights are kept.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The type in which its caches keep keys and values.
    pub fn cache_precision(&self) -> Precision {
        self.cache_precision
    }

    /// Bytes that its weights take in memory. Decoding a token reads all of them.
    pub fn weight_bytes(&self) -> usize {
        match &self.arithmetic {
            Arithmetic::Burn(_) => self.config.n_parameters() * self.precision.dtype().size(),
            Arithmetic::Kernels(transformer) => transformer.weight_bytes(),
        }
    }

    /// How many threads compute, if it is our kernels that do.
    pub fn threads(&self) -> Option<usize> {
        match &self.arithmetic {
            Arithmetic::Burn(_) => None,
            Arithmetic::Kernels(transformer) => Some(transformer.threads()),
        }
    }

    /// An empty cache for one sequence.
    ///
    /// # Errors
    /// [`ModelError::NoMemory`] or, from other devices, [`ModelError::Backend`], if there is no room for it.
    pub fn new_cache(&self) -> Result<KvCache, ModelError> {
        let kernels = matches!(self.arithmetic, Arithmetic::Kernels(_));
        contained(|| KvCache::new(&self.config, &self.device, self.cache_precision, kernels))?
    }

    /// Logits of every position, `[n]` ids → `[n, vocab_size]`, computed afresh: the definition that
    /// [`forward_cached`](Self::forward_cached) must agree with.
    ///
    /// # Errors
    /// [`ModelError::NoIds`], [`ModelError::UnknownId`], [`ModelError::ContextFull`], [`ModelError::NoMemory`],
    /// [`ModelError::Backend`].
    pub fn forward(&self, ids: &[u32]) -> Result<Tensor<2>, ModelError> {
        self.check(ids, 0)?;
        contained(|| match &self.arithmetic {
            Arithmetic::Burn(transformer) => Ok(transformer.forward(ids, &self.device)),
            Arithmetic::Kernels(transformer) => {
                let logits = transformer.forward(ids, &self.config, self.cache_precision)?;
                let shape = [ids.len(), self.config.vocab_size];
                let logits = TensorData::new(logits, shape);
                Ok(Tensor::from_data(logits, &self.device))
            }
        })?
    }

    /// Logits of the last of `ids`, `[vocab_size]`, which follow upon what stands in `cache`; their keys and values
    /// are added to it.
    ///
    /// Prefill is one call with the whole prompt, decoding one call for each id; any other division gives the same: on
    /// the CPU bit for bit, elsewhere up to rounding.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`ModelError::CacheMismatch`]. The cache is then as it was; only after
    /// [`ModelError::Backend`] it must not be used again.
    pub fn forward_cached(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
    ) -> Result<Tensor<1>, ModelError> {
        self.forward_one(ids, cache, OpTimer::off())
    }

    /// As [`forward_cached`](Self::forward_cached), and adds to `profile` what each step took; nothing, if it is not our
    /// kernels that compute.
    ///
    /// # Errors
    /// As [`forward_cached`](Self::forward_cached).
    pub fn forward_profiled(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        profile: &mut Profile,
    ) -> Result<Tensor<1>, ModelError> {
        self.forward_one(ids, cache, OpTimer::start(profile))
    }

    /// Logits behind each of several sequences, in their order; each cache takes what is new of its own. Weights are read
    /// once for all of them, so that a few sequences take hardly longer than one.
    ///
    /// Each gets the same as by [`forward_cached`](Self::forward_cached) alone: on the CPU bit for bit. Devices other than
    /// the CPU compute one after the other.
    ///
    /// # Errors
    /// As [`forward_cached`](Self::forward_cached); that of one ends all, with the caches as they were.
    pub fn forward_batch(
        &self,
        batch: &mut [BatchEntry<'_>],
    ) -> Result<Vec<Tensor<1>>, ModelError> {
        self.forward_timed(batch, OpTimer::off())
    }

    fn forward_timed(
        &self,
        batch: &mut [BatchEntry<'_>],
        laps: OpTimer<'_>,
    ) -> Result<Vec<Tensor<1>>, ModelError> {
        let device = &self.device;
        let kernels = matches!(self.arithmetic, Arithmetic::Kernels(_));
        for one in &*batch {
            let BatchEntry { ids, cache } = one;
            cache.check_fits(&self.config, device, self.cache_precision, kernels)?;
            self.check(ids, cache.len())?;
        }
        let logits = contained(|| match &self.arithmetic {
            Arithmetic::Burn(transformer) => {
                let logits = batch.iter_mut().map(|BatchEntry { ids, cache }| {
                    let start = cache.len();
                    let layers = cache.store_mut().burn()?;
                    let logits = transformer.forward_cached(ids, layers, start, device);
                    logits.ok_or(ModelError::NoIds)
                });
                logits.collect()
            }
            Arithmetic::Kernels(transformer) => {
                let spans = batch.iter_mut().map(|BatchEntry { ids, cache }| {
                    let start = cache.len();
                    let caches = cache.store_mut().kernels()?;
                    Ok(Span { ids, start, caches })
                });
                let mut spans = spans.collect::<Result<Vec<_>, ModelError>>()?;
                let logits = transformer.forward_cached(&mut spans, laps).into_iter();
                let shape = [self.config.vocab_size];
                let tensor = |logits| Tensor::from_data(TensorData::new(logits, shape), device);
                Ok(logits.map(tensor).collect())
            }
        })??;
        for BatchEntry { ids, cache } in batch {
            cache.advance(ids.len());
        }
        Ok(logits)
    }

    /// A batch of one.
    fn forward_one(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        laps: OpTimer<'_>,
    ) -> Result<Tensor<1>, ModelError> {
        let logits = self.forward_timed(&mut [BatchEntry { ids, cache }], laps)?;
        logits.into_iter().next().ok_or(ModelError::NoIds)
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

    fn tiny() -> ModelConfig {
        ModelConfig {
            n_layer: 2,
            n_embd: 20,
            vocab_size: 30,
            block_size: 8,
            ..ModelConfig::default()
        }
    }

    /// Numbers between -1 and 1 in no order, another for every place in every parameter.
    #[expect(clippy::unnecessary_wraps, reason = "what `from_weights` asks for")]
    fn mixed(parameter: &Parameter) -> Result<RowReader<'static, ModelError>, ModelError> {
        let (name, width) = (parameter.name.clone(), parameter.width());
        Ok(Box::new(move |rows, weights| {
            let first = name.bytes().map(usize::from).sum::<usize>() + rows.start * width;
            for (i, weight) in weights.iter_mut().enumerate() {
                *weight = ((first + i) as f32 * 1.7).sin();
            }
            Ok(())
        }))
    }

    /// More rows than either way computes at once, in a shape that fills no panel and no vector.
    #[test]
    fn kernels_and_burn_agree_and_prefill_in_steps_is_prefill() {
        let config = ModelConfig {
            block_size: 2 * crate::transformer::PREFILL_ROWS + 9,
            n_head: 2,
            n_kv_head: 1,
            ..tiny()
        };
        let ids: Vec<u32> = (0..config.block_size as u32).map(|i| i * 7 % 30).collect();
        let mut all = Vec::new();
        for use_burn_ops in [true, false] {
            let options = ModelOptions {
                use_burn_ops,
                ..ModelOptions::default()
            };
            let model =
                WolfgangModel::from_weights(&config, &Device::flex(), options, mixed).unwrap();
            let whole = model.forward(&ids).unwrap();
            let last = whole.narrow(0, ids.len() - 1, 1).squeeze_dim::<1>(0);
            let mut cache = model.new_cache().unwrap();
            all.push(last);
            all.push(model.forward_cached(&ids, &mut cache).unwrap());
            assert_eq!(cache.len(), ids.len());
        }
        let first = all[0].clone();
        let scale: f32 = first.clone().abs().max().into_scalar();
        for logits in &all[1..] {
            let apart: f32 = (first.clone() - logits.clone()).abs().max().into_scalar();
            assert!(
                scale > 0.0 && apart <= 1e-4 * scale,
                "{apart} apart at scale {scale}"
            );
        }
        let bits = |tensor: &Tensor<1>| tensor.clone().into_data();
        assert_eq!(bits(&all[2]), bits(&all[3]), "kernels agree bit for bit");
    }

    #[test]
    fn the_cache_may_be_kept_in_16_bits() {
        let logits = |cache| {
            let options = ModelOptions {
                cache,
                ..ModelOptions::default()
            };
            let model =
                WolfgangModel::from_weights(&tiny(), &Device::flex(), options, mixed).unwrap();
            let mut cache = model.new_cache().unwrap();
            model.forward_cached(&[3, 1, 4, 1, 5], &mut cache).unwrap()
        };
        let [default, f32, f16] = [None, Some(Precision::F32), Some(Precision::F16)].map(logits);
        assert_eq!(default.clone().into_data(), f32.clone().into_data());
        let scale: f32 = f32.clone().abs().max().into_scalar();
        let apart: f32 = (f32 - f16).abs().max().into_scalar();
        assert!(
            apart > 0.0 && apart <= 2e-3 * scale,
            "{apart} apart at scale {scale}"
        );
    }

    #[test]
    fn what_keeps_weights_from_coming_is_passed_on() {
        for (bad, use_burn_ops) in [
            ("norm.weight", false),
            ("norm.weight", true),
            ("layers.1.attention.wv.weight", false),
            ("layers.1.attention.wv.weight", true),
        ] {
            let options = ModelOptions {
                use_burn_ops,
                ..ModelOptions::default()
            };
            let open = |parameter: &Parameter| -> Result<RowReader<'_, ModelError>, ModelError> {
                let fails = parameter.name == bad;
                Ok(Box::new(move |_, _| {
                    if fails {
                        Err(ModelError::NoIds)
                    } else {
                        Ok(())
                    }
                }))
            };
            let error = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, open);
            assert_eq!(error.unwrap_err(), ModelError::NoIds);
        }
    }
}
