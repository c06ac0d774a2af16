//! What the model has computed of a sequence.

use wolfgang_model::{Continuation, KvCache, ModelError, Wolfgang, to_host};

/// Ids whose keys and values are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Computed {
    ids: Vec<u32>,
    /// Made when the model first runs.
    cache: Option<KvCache>,
}

/// Where a generation leaves what is computed: with itself, or with the session that it belongs to.
#[derive(Debug)]
pub(crate) enum Computing<'a> {
    Own(Box<Computed>),
    Session(&'a mut Computed),
}

impl Computing<'_> {
    pub(crate) fn get(&self) -> &Computed {
        match self {
            Self::Own(computed) => computed,
            Self::Session(computed) => computed,
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut Computed {
        match self {
            Self::Own(computed) => computed,
            Self::Session(computed) => computed,
        }
    }
}

/// How many ids two sequences begin with in common.
pub(crate) fn common(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

impl Computed {
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Forgets what follows the first `len` ids.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.ids.truncate(len);
        if let Some(cache) = &mut self.cache {
            cache.truncate(len);
        }
    }

    /// How many ids of the beginning of `ids` are known.
    pub(crate) fn common(&self, ids: &[u32]) -> usize {
        common(&self.ids, ids)
    }

    /// Keeps what `ids` begin with, so that at least the last of them is left to compute, for its logits; returns how many
    /// are kept.
    pub(crate) fn keep(&mut self, ids: &[u32]) -> usize {
        let kept = self.common(ids).min(ids.len().saturating_sub(1));
        self.truncate(kept);
        kept
    }

    /// Logits behind each of several sequences, `[vocab_size]`, in one pass of the model over what is not computed yet.
    pub(crate) fn logits(
        model: &Wolfgang,
        mut sequences: Vec<(&[u32], &mut Self)>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        for (_, computed) in &mut sequences {
            if computed.cache.is_none() {
                computed.cache = Some(model.new_cache()?);
            }
        }
        let batch = sequences.iter_mut().filter_map(|(ids, computed)| {
            let Computed { ids: known, cache } = &mut **computed;
            let ids = &ids[known.len()..];
            let cache = cache.as_mut()?;
            Some(Continuation { ids, cache })
        });
        let logits = model.forward_batch(&mut batch.collect::<Vec<_>>());
        for (ids, computed) in sequences {
            if logits.is_ok() {
                computed.ids.extend_from_slice(&ids[computed.ids.len()..]);
            } else {
                // What a broken pass has left of the cache is not known.
                *computed = Self::default();
            }
        }
        logits?.into_iter().map(to_host).collect()
    }
}
