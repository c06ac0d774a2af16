//! The KV cache.

use crate::cpu::new_caches;
use crate::{ModelConfig, ModelError, Precision};
use burn::tensor::{Device, Tensor};
use std::sync::Arc;
use wolfgang_kernels::{Cache, KernelError};

/// KV cache: the keys and values of one sequence in all layers.
///
/// Created by [`WolfgangModel::new_cache`](crate::WolfgangModel::new_cache) and owned by the
/// caller. Memory for all `block_size` positions is allocated once. Clones are copy-on-write.
#[derive(Clone, Debug)]
pub struct KvCache {
    store: Store,
    len: usize,
    shape: CacheShape,
    device: Device,
}

/// The keys and values, layer by layer.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    /// Tensors of burn.
    Burn(Vec<LayerCache>),
    /// In the layout of the CPU kernels.
    Kernels(Arc<Vec<Cache>>),
}

impl Store {
    pub(crate) fn burn(&mut self) -> Result<&mut [LayerCache], ModelError> {
        match self {
            Self::Burn(layers) => Ok(layers),
            Self::Kernels(_) => Err(wrong_store()),
        }
    }

    /// Copies the memory if it is shared with a clone (copy-on-write).
    pub(crate) fn kernels(&mut self) -> Result<&mut [Cache], ModelError> {
        let Self::Kernels(layers) = self else {
            return Err(wrong_store());
        };
        if Arc::get_mut(layers).is_none() {
            let copies = layers.iter().map(Cache::try_clone);
            *layers = Arc::new(copies.collect::<Result<_, KernelError>>()?);
        }
        Arc::get_mut(layers)
            .map(Vec::as_mut_slice)
            .ok_or_else(wrong_store)
    }
}

fn wrong_store() -> ModelError {
    ModelError::backend("the KV cache is on another device than the model")
}

/// The properties in which a cache must match its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CacheShape {
    n_layer: usize,
    n_kv_head: usize,
    block_size: usize,
    head_dim: usize,
    precision: Precision,
    kernels: bool,
}

impl CacheShape {
    fn of(config: &ModelConfig, precision: Precision, kernels: bool) -> Self {
        Self {
            n_layer: config.n_layer,
            n_kv_head: config.n_kv_head,
            block_size: config.block_size,
            head_dim: config.head_dim(),
            precision,
            kernels,
        }
    }
}

impl std::fmt::Display for CacheShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            n_layer,
            n_kv_head,
            block_size,
            head_dim,
            precision,
            kernels,
        } = self;
        let layout = if *kernels { ", for kernels" } else { "" };
        write!(
            f,
            "{n_layer} layers of {n_kv_head} heads × {block_size} positions × {head_dim} in {precision}{layout}"
        )
    }
}

impl KvCache {
    pub(crate) fn new(
        config: &ModelConfig,
        device: &Device,
        precision: Precision,
        kernels: bool,
    ) -> Result<Self, ModelError> {
        let shape = CacheShape::of(config, precision, kernels);
        let size = [1, shape.n_kv_head, shape.block_size, shape.head_dim];
        let layer = || LayerCache {
            keys: Tensor::zeros(size, (device, precision.dtype())),
            values: Tensor::zeros(size, (device, precision.dtype())),
        };
        let store = if kernels {
            Store::Kernels(Arc::new(new_caches(config, precision, shape.block_size)?))
        } else {
            Store::Burn((0..shape.n_layer).map(|_| layer()).collect())
        };
        Ok(Self {
            store,
            len: 0,
            shape,
            device: device.clone(),
        })
    }

    /// Returns the number of cached positions, which is the position of the next token.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the maximum number of positions, the `block_size` of the model.
    pub fn capacity(&self) -> usize {
        self.shape.block_size
    }

    /// Removes all positions from `len` on. No effect if there are fewer.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Removes all positions.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Copies the memory that is shared with clones, which the next forward pass would do
    /// otherwise.
    ///
    /// # Errors
    /// [`ModelError::NoMemory`]. The cache is unchanged.
    pub fn make_unique(&mut self) -> Result<(), ModelError> {
        match &self.store {
            Store::Kernels(_) => self.store.kernels().map(|_| ()),
            // burn copies tensors when they are written.
            Store::Burn(_) => Ok(()),
        }
    }

    /// Returns the size of keys and values in memory, in bytes, for all positions of the context,
    /// whether in use or not. Clones share the memory until one of them is extended.
    pub fn memory_bytes(&self) -> usize {
        match &self.store {
            Store::Kernels(layers) => layers.iter().map(Cache::memory_bytes).sum(),
            Store::Burn(layers) => {
                let shape = &self.shape;
                let row = shape.n_kv_head * shape.head_dim * shape.precision.dtype().size();
                2 * layers.len() * shape.block_size * row
            }
        }
    }

    pub(crate) fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Adds `n` positions to the length, after all layers have written them.
    pub(crate) fn advance(&mut self, n: usize) {
        self.len += n;
    }

    pub(crate) fn check_fits(
        &self,
        config: &ModelConfig,
        device: &Device,
        precision: Precision,
        kernels: bool,
    ) -> Result<(), ModelError> {
        let needed = CacheShape::of(config, precision, kernels);
        if self.shape == needed && self.device == *device {
            return Ok(());
        }
        Err(ModelError::CacheMismatch {
            found: format!("{} on {:?}", self.shape, self.device),
            expected: format!("{needed} on {device:?}"),
        })
    }
}

/// The cache of one layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerCache {
    /// `[1, n_kv_head, block_size, head_dim]`, of which the first positions are in use.
    keys: Tensor<4>,
    /// `[1, n_kv_head, block_size, head_dim]`.
    values: Tensor<4>,
}

impl LayerCache {
    /// Writes keys and values, each `[1, n_kv_head, seq, head_dim]`, after the first `start`
    /// positions and returns all of them up to there, each `[1, n_kv_head, start + seq, head_dim]`.
    pub(crate) fn append(
        &mut self,
        start: usize,
        keys: Tensor<4>,
        values: Tensor<4>,
    ) -> (Tensor<4>, Tensor<4>) {
        (
            write(&mut self.keys, start, keys),
            write(&mut self.values, start, values),
        )
    }
}

/// Writes `new` at `start` and returns all positions up to its end. No other reference to `store`
/// exists during the write, so backends that support it write in place.
fn write(store: &mut Tensor<4>, start: usize, new: Tensor<4>) -> Tensor<4> {
    let [batch, heads, seq, width] = new.dims();
    let end = start + seq;
    store.inplace(|store| store.slice_assign([0..batch, 0..heads, start..end, 0..width], new));
    store.clone().narrow(2, 0, end)
}
