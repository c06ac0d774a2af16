//! How a model computes.

use crate::{ModelError, Precision};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// How a model computes. A [`Precision`] alone is one, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelOptions {
    /// The type that weights are kept in.
    pub precision: Precision,
    /// The type that the cache keeps keys and values in, on the CPU: f32 or f16. `None` is f32 for weights in f32, and
    /// f16 for all others. Other devices keep them in `precision`, and refuse anything else.
    pub cache: Option<Precision>,
    /// Threads that compute, on the CPU. `None` is one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Whether `flex` computes by burn's operations, as every other device does, instead of by our kernels: the
    /// reference that these are tested against.
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

    /// Sets [`use_burn_ops`](Self::use_burn_ops).
    pub fn with_use_burn_ops(mut self, use_burn_ops: bool) -> Self {
        self.use_burn_ops = use_burn_ops;
        self
    }

    /// The precision of the cache: with our `kernels`, or as burn's operations have it.
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
