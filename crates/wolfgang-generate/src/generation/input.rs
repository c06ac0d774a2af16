//! What the model computes next for a generation.

use super::constrained::Constrained;
use super::prompt_scorer::PromptScorer;
use super::{Generation, Phase};
use crate::GenerateError;
use crate::sequence_cache::{CacheSlot, Input, SequenceCache};
use std::sync::Arc;
use wolfgang_model::WolfgangModel;

impl Generation {
    pub(crate) fn model(&self) -> &WolfgangModel {
        self.generator.model()
    }

    /// Whether nothing has been generated yet.
    pub(crate) fn is_first_step(&self) -> bool {
        self.output.generated().is_empty()
    }

    /// Whether a cache of another generation can be used: no part of the prompt has been computed
    /// for this one yet, and it does not need the logits of the cached ids.
    pub(crate) fn can_adopt_cache(&self) -> bool {
        self.cached_tokens.is_none() && !self.scores_prompt()
    }

    /// Whether the logits of all prompt ids are needed, and have not all been computed yet.
    pub(crate) fn scores_prompt(&self) -> bool {
        self.prompt_scorer.is_some()
    }

    /// The ids that the model sees, at most `block_size`.
    pub(crate) fn window(&self) -> &[u32] {
        let ids = self.output.ids();
        &ids[self.window.start(ids.len())..]
    }

    pub(crate) fn cache(&self) -> &SequenceCache {
        self.cache.get()
    }

    /// Replaces the cache by a copy of that of another generation.
    pub(crate) fn adopt_cache(&mut self, cache: SequenceCache) {
        *self.cache.get_mut() = cache;
    }

    /// Number of rows to compute for the next logits: the ids of the window that are not cached, and
    /// forced ids.
    pub(crate) fn pending_rows(&self) -> usize {
        let window = self.window();
        window.len() + self.constrained.forced.len() - self.reusable_len(window)
    }

    /// Number of ids at the beginning of the window that need not be recomputed.
    fn reusable_len(&self, window: &[u32]) -> usize {
        let reusable = self.cache().reusable_len(window);
        let computed = self.prompt_scorer.as_ref().map(PromptScorer::computed);
        computed.map_or(reusable, |computed| computed.min(reusable))
    }

    /// Returns the model and its next input: the first `rows` pending ids.
    ///
    /// # Errors
    /// [`ModelError::NoMemory`](wolfgang_model::ModelError) if a cache cannot be allocated, and
    /// the error of a forced id of the last pass.
    pub(crate) fn pending_input(
        &mut self,
        rows: usize,
    ) -> Result<(&WolfgangModel, Input<'_>), GenerateError> {
        if let Some(error) = self.later_error.take() {
            return Err(error);
        }
        let cached = self.reusable_len(self.window());
        self.cached_tokens.get_or_insert(cached);
        let ids = self.output.ids();
        self.context_shifts = self.window.shifts(ids.len());
        let window = &ids[self.window.start(ids.len())..];
        let Constrained { forced, input, .. } = &mut self.constrained;
        let ids = match &forced[..] {
            [] => window,
            forced => {
                input.clear();
                input.extend_from_slice(window);
                input.extend_from_slice(forced);
                input
            }
        };
        let end = ids.len().min(cached.saturating_add(rows));
        let n_logits = match self.prompt_scorer.is_some() {
            true => end - cached,
            // Those of the last id of the window and of each forced id.
            false => (end + 1).saturating_sub(window.len()),
        };
        let model = self.generator.model();
        let cache = self.cache.get_mut();
        cache.truncate(cached);
        let input = cache.input(model, &ids[..end], n_logits)?;
        let buffer = std::mem::take(&mut self.logits_buffer);
        Ok((model, input.with_logits_buffer(buffer)))
    }

    /// Returns whether the generation has not begun and has no cache of a session.
    pub(crate) fn needs_cache(&self) -> bool {
        self.phase == Phase::Prompt && self.cache.is_own()
    }

    /// Sets the slot from which the cache is taken at the start, and to which it is returned at the
    /// end. The generation [needs a cache](Self::needs_cache).
    pub(crate) fn set_cache_slot(&mut self, slot: Arc<CacheSlot>) {
        self.cache.set_slot(slot);
    }
}
