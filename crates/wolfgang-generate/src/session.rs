//! Generations that go on from each other.

use crate::computed::{Computed, Computing};
use crate::{GenerateError, GenerateOptions, Generation, Prompt, Summary, WolfgangGenerator};

/// Remembers what the model has computed, so that a prompt that begins like the one before, or like its continuation, costs
/// only what is new in it. The text is the same as without: on the CPU's kernels always; elsewhere its logits are equal up
/// to rounding, for what is reused was computed in other chunks.
///
/// A clone is a fork: both go on from here, and share memory until one of them computes further.
///
/// ```
/// use wolfgang_generate::{Device, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
/// let mut session = generator.session();
/// let options = GenerateOptions { max_new_tokens: 12, ..Default::default() };
/// let first = session.generate_text("Habe nun, ach!", &options)?;
/// let longer = format!("Habe nun, ach!{}\n\nMEPHISTOPHELES:", first.text);
/// let second = session.generate_text(&longer, &options)?;
/// assert!(second.reused_tokens > first.prompt_tokens);
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session<'a> {
    generator: &'a WolfgangGenerator,
    computed: Computed,
}

impl<'a> Session<'a> {
    pub(crate) fn new(generator: &'a WolfgangGenerator) -> Self {
        Self {
            generator,
            computed: Computed::default(),
        }
    }

    /// As [`WolfgangGenerator::generate`], but that what is remembered is not computed again.
    ///
    /// # Errors
    /// As [`WolfgangGenerator::generate`].
    pub fn generate<'s, 'p>(
        &'s mut self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation<'s>, GenerateError> {
        let computing = Computing::Session(&mut self.computed);
        self.generator.begin(prompt.into(), options, computing)
    }

    /// As [`WolfgangGenerator::generate_text`], but that what is remembered is not computed again.
    ///
    /// # Errors
    /// As [`WolfgangGenerator::generate_text`].
    pub fn generate_text<'p>(
        &mut self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {
        self.generate(prompt, options)?.into_summary()
    }

    /// What is remembered: the ids that the model saw last, in its window. The last token of a text is not among them, for
    /// nothing was computed behind it.
    pub fn ids(&self) -> &[u32] {
        self.computed.ids()
    }

    /// Forgets what follows the first `len` ids. Without effect if there are fewer.
    pub fn truncate(&mut self, len: usize) {
        self.computed.truncate(len);
    }
}
