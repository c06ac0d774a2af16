//! Options of a model.

use crate::{ModelConfig, ModelError, Precision};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// Options for loading a model. A [`Precision`] converts into options with only that set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelOptions {
    /// Element type of the weights. Default: [`Precision::F32`].
    pub precision: Precision,
    /// Element type of the KV cache on the CPU: f32 or f16. With `None`, the default, it is f32 for
    /// weights in f32, else f16. On other devices the cache has the type `precision`, and any other
    /// value is an error.
    pub cache: Option<Precision>,
    /// Number of CPU threads. With `None`, the default, one per core.
    pub threads: Option<NonZeroUsize>,
    /// Limit of the context in tokens, which must not exceed that of the model. With `None`, the
    /// default, the context is that of the model.
    pub context: Option<NonZeroUsize>,
    /// Whether `flex` uses burn's operations, as all other devices do, instead of the kernels of
    /// `wolfgang-kernels`. The kernels are tested against this reference. Default: `false`.
    pub use_burn_ops: bool,
}

impl ModelOptions {
    /// Sets [`precision`](Self::precision).
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets [`cache`](Self::cache).
    pub fn with_cache(mut self, cache: impl Into<Option<Precision>>) -> Self {
        self.cache = cache.into();
        self
    }

    /// Sets [`threads`](Self::threads).
    pub fn with_threads(mut self, threads: impl Into<Option<NonZeroUsize>>) -> Self {
        self.threads = threads.into();
        self
    }

    /// Sets [`context`](Self::context).
    pub fn with_context(mut self, context: impl Into<Option<NonZeroUsize>>) -> Self {
        self.context = context.into();
        self
    }

    /// Sets [`use_burn_ops`](Self::use_burn_ops).
    pub fn with_use_burn_ops(mut self, use_burn_ops: bool) -> Self {
        self.use_burn_ops = use_burn_ops;
        self
    }

    /// Returns the configuration with the limit of the context.
    pub(crate) fn limit_context(&self, config: &ModelConfig) -> Result<ModelConfig, ModelError> {
        let block_size = config.block_size;
        match self.context.map(NonZeroUsize::get) {
            Some(context) if context > block_size => Err(ModelError::ContextTooLong {
                context,
                block_size,
            }),
            context => Ok(config
                .clone()
                .with_block_size(context.unwrap_or(block_size))),
        }
    }

    /// Returns the element type of the KV cache, with `kernels` or with the operations of burn.
    pub(crate) fn cache_precision(&self, kernels: bool) -> Result<Precision, ModelError> {
        let default = match self.precision {
            Precision::F32 => Precision::F32,
            _ if kernels => Precision::F16,
            other => other,
        };
        let supported = match kernels {
            true => vec![Precision::F32, Precision::F16],
            false => vec![default],
        };
        let precision = self.cache.unwrap_or(default);
        if supported.contains(&precision) {
            return Ok(precision);
        }
        let supported: Vec<_> = supported.iter().map(Precision::to_string).collect();
        Err(ModelError::UnsupportedCache {
            precision,
            supported: supported.join(" and "),
        })
    }
}

impl From<Precision> for ModelOptions {
    fn from(precision: Precision) -> Self {
        Self {
            precision,
            ..Self::default()
        }
    }
}
