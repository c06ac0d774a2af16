//! The ids that the model sees when a text exceeds the context.

use crate::ContextOverflow;

/// Where the window of a text begins, depending only on its length: the same in a batch, a session
/// and an engine, and after any number of cancelled passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextWindow {
    /// Maximum length.
    pub(crate) block_size: usize,
    /// Number of ids of the prompt, including those that are truncated.
    pub(crate) prompt: usize,
    pub(crate) overflow: ContextOverflow,
}

impl ContextWindow {
    /// Returns the number of ids at the beginning of the prompt that exceed the context.
    pub(crate) fn truncated(self) -> usize {
        self.prompt.saturating_sub(self.block_size)
    }

    /// Returns the index of the first id that the model sees of a text of `len` ids.
    pub(crate) fn start(self, len: usize) -> usize {
        match self.overflow {
            ContextOverflow::Shift => self.truncated() + self.shifts(len) * self.step(),
            ContextOverflow::SlidingWindow | ContextOverflow::Stop => {
                len.saturating_sub(self.block_size)
            }
        }
    }

    /// Returns the number of ids that can follow a text of `len` ids before its window moves.
    pub(crate) fn room(self, len: usize) -> usize {
        (self.start(len) + self.block_size).saturating_sub(len)
    }

    /// Returns how often the window of a text of `len` ids has been shifted; 0 without
    /// [`ContextOverflow::Shift`].
    pub(crate) fn shifts(self, len: usize) -> usize {
        let first_window_end = self.truncated() + self.block_size;
        match self.overflow {
            ContextOverflow::Shift => len.saturating_sub(first_window_end).div_ceil(self.step()),
            ContextOverflow::SlidingWindow | ContextOverflow::Stop => 0,
        }
    }

    /// Number of ids by which a shift moves the window. The new window has half of the context,
    /// including the id that no longer fitted into the old one.
    fn step(self) -> usize {
        self.block_size + 1 - (self.block_size / 2).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(block_size: usize, prompt: usize) -> ContextWindow {
        ContextWindow {
            block_size,
            prompt,
            overflow: ContextOverflow::Shift,
        }
    }

    #[test]
    fn a_shift_keeps_the_last_half() {
        let window = window(8, 3);
        let found: Vec<_> = (7..16)
            .map(|len| (window.start(len), window.shifts(len)))
            .collect();
        let before = [(0, 0); 2];
        let expected = [&before[..], &[(5, 1); 5], &[(10, 2); 2]].concat();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_window_never_exceeds_the_context_and_ends_with_the_text() {
        for block_size in 1..12 {
            for prompt in 1..40 {
                let window = window(block_size, prompt);
                assert_eq!(window.start(prompt), window.truncated());
                for len in prompt..100 {
                    let seen = len - window.start(len);
                    assert!((1..=block_size).contains(&seen), "{window:?} {len}: {seen}");
                    let is_shifted = window.shifts(len) > window.shifts(len - 1);
                    if is_shifted && len > prompt {
                        assert_eq!(seen, (block_size / 2).max(1));
                    }
                }
            }
        }
    }
}
