//! The model: token ids to logits.

#[cfg(all(test, feature = "flex"))]
mod tests;

use crate::catch_panic::catch_panic;
use crate::cpu::{CpuTransformer, SequenceChunk};
use crate::flex::is_flex;
use crate::host::to_host;
use crate::profile::{OpTimer, Profile};
use crate::transformer::Transformer;
use crate::weights::{RowReader, Weights};
use crate::{KvCache, ModelConfig, ModelError, ModelOptions, Parameter, Precision};
use burn::tensor::{Device, Tensor};

/// A Wolfgang-LM with its weights on a device.
///
/// It is immutable; each sequence has its own [`KvCache`].
#[derive(Debug)]
pub struct WolfgangModel {
    implementation: Implementation,
    config: ModelConfig,
    device: Device,
    precision: Precision,
    cache_precision: Precision,
}

/// One sequence in a [`WolfgangModel::forward_batch`].
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchEntry<'a> {
    /// The next ids of the sequence.
    pub ids: &'a [u32],
    /// Keys and values of the ids before `ids`.
    pub cache: &'a mut KvCache,
    /// Number of ids at the end of `ids` whose logits are computed, at most all. Default: 1.
    pub n_logits: usize,
    /// A vector whose memory the CPU kernels use for the logits; burn does not use it. Its elements
    /// are discarded. Default: empty.
    pub logits_buffer: Vec<f32>,
}

impl<'a> BatchEntry<'a> {
    /// Creates an entry from the next ids of a sequence and the cache of the ids before them.
    pub fn new(ids: &'a [u32], cache: &'a mut KvCache) -> Self {
        Self {
            ids,
            cache,
            n_logits: 1,
            logits_buffer: Vec::new(),
        }
    }

    /// Sets [`n_logits`](Self::n_logits). For chunks of a prompt except the last, 0 saves the
    /// projection to logits, a large part of a pass with few rows.
    #[must_use]
    pub fn with_n_logits(mut self, n_logits: usize) -> Self {
        self.n_logits = n_logits;
        self
    }

    /// Sets [`logits_buffer`](Self::logits_buffer). With the logits of the last pass, decoding
    /// allocates no memory for those of the next one, which the system would have to zero first.
    #[must_use]
    pub fn with_logits_buffer(mut self, logits_buffer: Vec<f32>) -> Self {
        self.logits_buffer = logits_buffer;
        self
    }
}

/// The implementation of the layers.
#[derive(Debug)]
enum Implementation {
    /// The operations of burn.
    Burn(Box<Transformer>),
    /// The kernels of `wolfgang-kernels`, on the CPU.
    Kernels(Box<CpuTransformer>),
}

impl WolfgangModel {
    /// Creates a model on `device`. `open` is called once for each of [`ModelConfig::parameters`];
    /// the reader that it returns reads each row once, from several threads.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`], [`ModelError::ContextTooLong`],
    /// [`ModelError::UnsupportedPrecision`], [`ModelError::UnsupportedCache`],
    /// [`ModelError::NoMemory`], [`ModelError::NoThreads`], [`ModelError::Backend`], and the errors
    /// of `open` and of the readers.
    pub fn from_weights<'a, E: From<ModelError> + Send>(
        config: &ModelConfig,
        device: &Device,
        options: impl Into<ModelOptions>,
        open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {
        let options = options.into();
        let precision = options.precision;
        config.validate()?;
        let config = &options.limit_context(config)?;
        precision.check(device, options.use_burn_ops)?;
        let kernels = is_flex(device) && !options.use_burn_ops;
        let cache_precision = options.cache_precision(kernels)?;
        let implementation = if kernels {
            let transformer = CpuTransformer::new(config, &options, cache_precision, open)?;
            Implementation::Kernels(Box::new(transformer))
        } else {
            let weights = Weights::read(&config.parameters(), device, precision, open)?;
            let transformer = catch_panic(|| {
                let transformer = Transformer::new(config, device, precision, weights);
                // The upload of the weights, and its errors, are complete only after a
                // synchronisation.
                device.sync().map(|()| transformer)
            })?;
            Implementation::Burn(Box::new(transformer.map_err(ModelError::backend)?))
        };
        Ok(Self {
            implementation,
            config: config.clone(),
            device: device.clone(),
            precision,
            cache_precision,
        })
    }

    /// Returns the configuration of the model. Its `block_size` is at most
    /// [`ModelOptions::context`].
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the device of the model.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Returns the element type of the weights.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Returns the element type of the KV caches.
    pub fn cache_precision(&self) -> Precision {
        self.cache_precision
    }

    /// Returns the size of the weights in memory, in bytes. Decoding a token reads all of them.
    pub fn weight_bytes(&self) -> usize {
        match &self.implementation {
            Implementation::Burn(_) => self.config.n_parameters() * self.precision.dtype().size(),
            Implementation::Kernels(transformer) => transformer.weight_bytes(),
        }
    }

    /// Returns the number of threads of the CPU kernels, or `None` if burn computes.
    pub fn threads(&self) -> Option<usize> {
        match &self.implementation {
            Implementation::Burn(_) => None,
            Implementation::Kernels(transformer) => Some(transformer.threads()),
        }
    }

    /// Creates an empty KV cache for one sequence. Its memory is allocated by the forward passes, or
    /// by [`KvCache::reserve`].
    ///
    /// # Errors
    /// None at present.
    pub fn new_cache(&self) -> Result<KvCache, ModelError> {
        let kernels = match &self.implementation {
            Implementation::Burn(_) => None,
            Implementation::Kernels(transformer) => Some(transformer.new_caches()),
        };
        let (config, precision) = (&self.config, self.cache_precision);
        Ok(KvCache::new(config, &self.device, precision, kernels))
    }

    /// Returns the logits of every position of `ids`, `[n, vocab_size]` row by row, computed
    /// without a cache. It is the reference for [`forward_cached`](Self::forward_cached).
    ///
    /// # Errors
    /// [`ModelError::NoIds`], [`ModelError::UnknownId`], [`ModelError::ContextFull`],
    /// [`ModelError::NoMemory`], [`ModelError::Backend`].
    pub fn forward(&self, ids: &[u32]) -> Result<Vec<f32>, ModelError> {
        self.check(ids, 0)?;
        catch_panic(|| match &self.implementation {
            Implementation::Burn(transformer) => to_host(transformer.forward(ids, &self.device)),
            Implementation::Kernels(transformer) => transformer.forward(ids),
        })?
    }

    /// Returns the logits of the last of `ids`, `[vocab_size]`, given the ids in `cache`. Keys and
    /// values of `ids` are appended to it.
    ///
    /// Prefill is one call with the whole prompt, decoding one call for each id. The division into
    /// calls does not change the logits: on the CPU bit for bit, on other devices up to rounding.
    ///
    /// # Errors
    /// Those of [`forward`](Self::forward), and [`ModelError::CacheMismatch`]. The cache is then
    /// unchanged, except after [`ModelError::Backend`], when it must not be used again.
    pub fn forward_cached(&self, ids: &[u32], cache: &mut KvCache) -> Result<Vec<f32>, ModelError> {
        self.forward_one(ids, cache, OpTimer::off())
    }

    /// As [`forward_cached`](Self::forward_cached), and adds the time of each operation to
    /// `profile`. Nothing is added if burn computes instead of the CPU kernels.
    ///
    /// # Errors
    /// Those of [`forward_cached`](Self::forward_cached).
    pub fn forward_profiled(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        profile: &mut Profile,
    ) -> Result<Vec<f32>, ModelError> {
        self.forward_one(ids, cache, OpTimer::start(profile))
    }

    /// Returns the logits of the last [`n_logits`](BatchEntry::n_logits) ids of each of several
    /// sequences, `[n_logits, vocab_size]` each, row by row, in the order of the sequences. Keys
    /// and values of all ids are appended to each cache. To limit the memory for logits, divide the
    /// ids among several calls.
    ///
    /// The CPU kernels read the weights once for all sequences, so a few take hardly longer than
    /// one. burn's operations run for one sequence after the other. The logits equal those of
    /// [`forward_cached`](Self::forward_cached), on the CPU bit for bit.
    ///
    /// # Errors
    /// Those of [`forward_cached`](Self::forward_cached). An error of one entry fails the whole
    /// batch.
    pub fn forward_batch(&self, batch: &mut [BatchEntry<'_>]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.forward_timed(batch, OpTimer::off())
    }

    fn forward_timed(
        &self,
        batch: &mut [BatchEntry<'_>],
        timer: OpTimer<'_>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let device = &self.device;
        for entry in &*batch {
            self.check_cached(entry.ids, entry.cache)?;
        }
        for entry in &mut *batch {
            entry.cache.reserve(entry.ids.len())?;
        }
        let logits = catch_panic(|| match &self.implementation {
            Implementation::Burn(transformer) => {
                let logits = batch.iter_mut().map(|entry| {
                    let BatchEntry { ids, n_logits, .. } = *entry;
                    let start = entry.cache.len();
                    let layers = entry.cache.store_mut().burn()?;
                    Ok(transformer.forward_cached(ids, layers, start, n_logits, device))
                });
                // Devices compute asynchronously: results are read back only after all work is
                // queued.
                let logits = logits.collect::<Result<Vec<Option<Tensor<2>>>, ModelError>>()?;
                let read = |logits: Option<_>| logits.map_or(Ok(Vec::new()), to_host);
                logits.into_iter().map(read).collect()
            }
            Implementation::Kernels(transformer) => {
                let mut logits = Vec::with_capacity(batch.len());
                let chunks = batch.iter_mut().map(|entry| {
                    let start = entry.cache.len();
                    let caches = entry.cache.store_mut().kernels()?;
                    let mut buffer = std::mem::take(&mut entry.logits_buffer);
                    buffer.clear();
                    logits.push(buffer);
                    let chunk = SequenceChunk::new(entry.ids, start, caches);
                    Ok(chunk.with_n_logits(entry.n_logits))
                });
                let mut chunks = chunks.collect::<Result<Vec<_>, ModelError>>()?;
                transformer.forward_cached(&mut chunks, &mut logits, timer);
                Ok(logits)
            }
        })??;
        for entry in batch {
            entry.cache.advance(entry.ids.len());
        }
        Ok(logits)
    }

    /// Runs a batch of one entry.
    fn forward_one(
        &self,
        ids: &[u32],
        cache: &mut KvCache,
        timer: OpTimer<'_>,
    ) -> Result<Vec<f32>, ModelError> {
        let logits = self.forward_timed(&mut [BatchEntry::new(ids, cache)], timer)?;
        logits.into_iter().next().ok_or(ModelError::NoIds)
    }

    fn check_cached(&self, ids: &[u32], cache: &KvCache) -> Result<(), ModelError> {
        let kernels = matches!(self.implementation, Implementation::Kernels(_));
        cache.check_fits(&self.config, &self.device, self.cache_precision, kernels)?;
        self.check(ids, cache.len())
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
