//! Generations that reuse what others have computed.

use crate::sequence_cache::{CacheLease, CacheSlot};
use crate::{GenerateError, GenerateOptions, Generation, Prompt, Summary, WolfgangGenerator};
use std::sync::Arc;

/// Keeps the KV cache between generations, so that a prompt that begins like the one before, or
/// like its continuation, costs only what is new in it. The text is the same as without: on the
/// CPU's kernels always; elsewhere its logits are equal up to rounding, for what is reused was
/// computed in other chunks.
///
/// A session owns what it needs and can be stored and moved to other threads. A generation takes
/// the session's cache when its first event is asked for, and gives it back before
/// [`Event::Finished`](crate::Event::Finished), or when it fails or is dropped. So generations of
/// one session may overlap, and each gives its right text; but one that starts while another has
/// the cache computes its whole prompt, and the cache of the last to end is kept.
///
/// A clone is a fork: both go on from the cache as it is, and share memory until one of them
/// computes further.
///
/// ```
/// use wolfgang_generate::{Device, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
/// let session = generator.session();
/// let options = GenerateOptions::default().with_max_new_tokens(12);
/// let first = session.generate_text("Habe nun, ach!", &options)?;
/// let longer = format!("Habe nun, ach!{}\n\nMEPHISTOPHELES:", first.text);
/// let second = session.generate_text(&longer, &options)?;
/// assert!(second.cached_tokens > first.prompt_tokens);
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
#[derive(Debug)]
#[must_use = "a session does nothing until something is generated with it"]
pub struct Session {
    generator: WolfgangGenerator,
    slot: Arc<CacheSlot>,
}

impl Session {
    pub(crate) fn new(generator: WolfgangGenerator) -> Self {
        Self {
            generator,
            slot: Arc::default(),
        }
    }

    /// As [`WolfgangGenerator::generate`], but what is cached is not computed again.
    ///
    /// # Errors
    /// As [`WolfgangGenerator::generate`].
    pub fn generate<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation, GenerateError> {
        let cache = CacheLease::new(Arc::clone(&self.slot));
        self.generator.begin(prompt.into(), options, cache)
    }

    /// As [`WolfgangGenerator::generate_text`], but what is cached is not computed again.
    ///
    /// # Errors
    /// As [`WolfgangGenerator::generate_text`].
    pub fn generate_text<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {
        self.generate(prompt, options)?.into_summary()
    }

    /// The cached ids: those that the model saw last, in its window. The last token of a text is
    /// not among them, for the model has computed nothing after it. None while a generation has the
    /// cache.
    pub fn ids(&self) -> Vec<u32> {
        self.slot.lock().ids().to_vec()
    }

    /// Drops what follows the first `len` cached ids. Without effect if there are fewer.
    pub fn truncate(&mut self, len: usize) {
        self.slot.lock().truncate(len);
    }
}

impl Clone for Session {
    fn clone(&self) -> Self {
        let cache = self.slot.lock().clone();
        Self {
            generator: self.generator.clone(),
            slot: Arc::new(CacheSlot::new(cache)),
        }
    }
}
