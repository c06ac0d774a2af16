//! The prompt of `generate` and `explain`.

use crate::console::Console;
use crate::lost_characters;
use crate::text_source;
use std::io::IsTerminal;
use wolfgang_generate::{GenerateError, Generation, WolfgangGenerator};

/// The text to continue; empty for a new document.
pub(crate) fn read(given: Option<&str>, console: Console) -> anyhow::Result<String> {
    let text = text_source::given_or_piped(given)?;
    if text.is_none() && std::io::stdin().is_terminal() {
        console.info("[no text: a new document begins]");
    }
    Ok(text.unwrap_or_default())
}

/// Warns about the parts of the prompt that the model does not get.
pub(crate) fn warn(
    generation: &Generation,
    text: &str,
    generator: &WolfgangGenerator,
    console: Console,
) -> Result<(), GenerateError> {
    let truncated = generation.truncated_tokens();
    if truncated > 0 {
        let kept = generator.model().config().block_size;
        console.warn(&format!(
            "the prompt is {truncated} tokens too long and was truncated to its last {kept} tokens"
        ));
    }
    if let Some(lost) = lost_characters::of(text, generator.tokenizer())? {
        console.warn(&format!(
            "the model's vocabulary lacks characters of the prompt, which were dropped: {lost}"
        ));
    }
    Ok(())
}
