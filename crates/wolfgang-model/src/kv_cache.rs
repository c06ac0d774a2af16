//! The KV cache.

use crate::catch_panic::catch_panic;
use crate::{ModelConfig, ModelError, Precision};
use burn::tensor::{Device, Tensor};
use wolfgang_kernels::Cache;

/// KV cache: the keys and values of one sequence in all layers.
///
/// Created by [`WolfgangModel::new_cache`](crate::WolfgangModel::new_cache) and owned by the
/// caller. Memory grows with the positions in use: on the CPU kernels in pages of 64 positions, on
/// other devices it doubles. The caches of a model take their pages from common slabs of 8 MB, which
/// are returned to the system when none of their pages is in use. Clones are copy-on-write: on the CPU kernels they share all pages but
/// those that one of them writes.
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
    /// Tensors of burn. Empty until positions are reserved.
    Burn(Vec<LayerCache>),
    /// In the layout of the CPU kernels.
    Kernels(Vec<Cache>),
}

impl Store {
    pub(crate) fn burn(&mut self) -> Result<&mut [LayerCache], ModelError> {
        match self {
            Self::Burn(layers) => Ok(layers),
            Self::Kernels(_) => Err(wrong_store()),
        }
    }

    pub(crate) fn kernels(&mut self) -> Result<&mut [Cache], ModelError> {
        match self {
            Self::Kernels(layers) => Ok(layers),
            Self::Burn(_) => Err(wrong_store()),
        }
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
    /// Creates an empty cache, with the empty caches of the layers if the CPU kernels compute.
    pub(crate) fn new(
        config: &ModelConfig,
        device: &Device,
        precision: Precision,
        kernels: Option<Vec<Cache>>,
    ) -> Self {
        let shape = CacheShape::of(config, precision, kernels.is_some());
        let store = kernels.map_or(Store::Burn(Vec::new()), Store::Kernels);
        Self {
            store,
            len: 0,
            shape,
            device: device.clone(),
        }
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

    /// Removes all positions from `len` on, if there are any.
    ///
    /// On the CPU kernels, pages without positions become free for other caches of the model. On other devices, memory is freed
    /// only if no position is left.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.free_unused();
    }

    /// Removes all positions, and frees all memory, see [`truncate`](Self::truncate).
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    fn free_unused(&mut self) {
        match &mut self.store {
            Store::Kernels(layers) => layers.iter_mut().for_each(|layer| layer.truncate(self.len)),
            Store::Burn(layers) if self.len == 0 => layers.clear(),
            Store::Burn(_) => (),
        }
    }

    /// Allocates memory for `n` more positions, and copies what they share with a clone, which the
    /// next forward pass would do otherwise.
    ///
    /// # Errors
    /// [`ModelError::ContextFull`] if the context has no room for them, and
    /// [`ModelError::NoMemory`]: the cached positions are unchanged. [`ModelError::Backend`] on
    /// other devices than the CPU: the cache must not be used again.
    pub fn reserve(&mut self, n: usize) -> Result<(), ModelError> {
        let (start, shape) = (self.len, self.shape);
        let block_size = shape.block_size;
        if n > block_size - start {
            return Err(ModelError::ContextFull {
                past: start,
                new: n,
                block_size,
            });
        }
        let end = start + n;
        let reserved = match &mut self.store {
            Store::Kernels(layers) => layers
                .iter_mut()
                .try_for_each(|layer| layer.reserve(start..end).map_err(ModelError::from)),
            Store::Burn(layers) => catch_panic(|| grow(layers, start, end, shape, &self.device)),
        };
        if reserved.is_err() {
            self.free_unused();
        }
        reserved
    }

    /// Returns the size of keys and values in memory, in bytes, including memory that is shared
    /// with clones.
    pub fn memory_bytes(&self) -> usize {
        Self::total_memory_bytes([self])
    }

    /// Returns the size of several caches in memory, in bytes. Memory that they share is counted
    /// once.
    pub fn total_memory_bytes<'a>(caches: impl IntoIterator<Item = &'a Self>) -> usize {
        let (mut pages, mut bytes) = (Vec::new(), 0);
        for cache in caches {
            match &cache.store {
                Store::Kernels(layers) => pages.extend(layers.iter().flat_map(Cache::pages)),
                Store::Burn(layers) => {
                    let shape = &cache.shape;
                    let row = shape.n_kv_head * shape.head_dim * shape.precision.dtype().size();
                    let positions = layers.iter().map(LayerCache::capacity).sum::<usize>();
                    bytes += 2 * positions * row;
                }
            }
        }
        pages.sort_unstable();
        pages.dedup();
        bytes + pages.into_iter().map(|(_, bytes)| bytes).sum::<usize>()
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
    /// `[1, n_kv_head, capacity, head_dim]`, of which the first positions are in use.
    keys: Tensor<4>,
    /// `[1, n_kv_head, capacity, head_dim]`.
    values: Tensor<4>,
}

/// Number of positions of the first allocation of a [`LayerCache`].
const FIRST_CAPACITY: usize = 64;

/// Extends the capacity of all layers to at least `needed` positions, and keeps the first `used`.
/// Doubling makes copies rare.
fn grow(
    layers: &mut Vec<LayerCache>,
    used: usize,
    needed: usize,
    shape: CacheShape,
    device: &Device,
) {
    let capacity = layers.first().map_or(0, LayerCache::capacity);
    if needed <= capacity {
        return;
    }
    let larger = needed.max(2 * capacity).max(FIRST_CAPACITY);
    let size = [
        1,
        shape.n_kv_head,
        larger.min(shape.block_size),
        shape.head_dim,
    ];
    let zeros = || Tensor::zeros(size, (device, shape.precision.dtype()));
    if layers.is_empty() {
        let layer = || LayerCache {
            keys: zeros(),
            values: zeros(),
        };
        layers.extend((0..shape.n_layer).map(|_| layer()));
        return;
    }
    for layer in layers {
        for tensor in [&mut layer.keys, &mut layer.values] {
            tensor.inplace(|old| match used {
                0 => zeros(),
                used => {
                    let [batch, heads, _, width] = size;
                    let used = [0..batch, 0..heads, 0..used, 0..width];
                    zeros().slice_assign(used.clone(), old.slice(used))
                }
            });
        }
    }
}

impl LayerCache {
    fn capacity(&self) -> usize {
        self.keys.dims()[2]
    }

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
