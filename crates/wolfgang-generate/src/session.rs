//! Sessions: generations that share a KV cache.

use crate::sequence_cache::{CacheLease, CacheSlot};
use crate::{GenerateError, GenerateOptions, Generation, Prompt, Summary, WolfgangGenerator};
use std::sync::Arc;

/// Keeps the KV cache between generations: for a prompt that shares a prefix with the text before,
/// only the remaining tokens are computed.
///
/// The cache does not change the text: bit for bit with the kernels of the CPU; on other devices,
/// logits are equal up to rounding, because prefill is divided into other chunks.
///
/// A session borrows nothing and can be stored and moved to other threads. A generation takes the
/// cache when its iterator is first advanced, and returns it before
/// [`Event::Finished`](crate::Event::Finished), or when it fails or is dropped. Generations of one
/// session may overlap without affecting each other's text, but one that starts while another holds
/// the cache computes its whole prompt; the session keeps the cache of the last one to end.
///
/// `Clone` forks the session: the clone has the same cache. Memory is copied on write.
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

impl WolfgangGenerator {
    /// Creates a session, which keeps the KV cache between generations.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }
}

impl Session {
    pub(crate) fn new(generator: WolfgangGenerator) -> Self {
        Self {
            generator,
            slot: Arc::default(),
        }
    }

    /// Starts a generation, as [`WolfgangGenerator::generate`] does, without recomputing cached
    /// tokens.
    ///
    /// # Errors
    /// Those of [`WolfgangGenerator::generate`].
    pub fn generate<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation, GenerateError> {
        let cache = CacheLease::new(Arc::clone(&self.slot));
        self.generator.begin(prompt.into(), options, cache)
    }

    /// Generates a text, as [`WolfgangGenerator::generate_text`] does, without recomputing cached
    /// tokens.
    ///
    /// # Errors
    /// Those of [`WolfgangGenerator::generate_text`].
    pub fn generate_text<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {
        self.generate(prompt, options)?.into_summary()
    }

    /// Returns the cached ids: those that the model computed last, at most `block_size`. The last
    /// token of a generated text is not among them, because it was never an input of the model.
    /// Empty while a generation holds the cache.
    pub fn ids(&self) -> Vec<u32> {
        self.slot.lock().ids().to_vec()
    }

    /// Truncates the cache to its first `len` ids. No effect if it has fewer.
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
