//! Banned tokens: masks the ids in a list.

use super::LogitsProcessor;
use crate::History;

/// Masks every id in the list.
#[derive(Clone, Debug)]
pub(crate) struct BannedTokens {
    banned: Vec<u32>,
}

impl BannedTokens {
    pub(crate) fn new(banned: &[u32]) -> Self {
        Self {
            banned: banned.to_vec(),
        }
    }
}

impl LogitsProcessor for BannedTokens {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        super::mask(logits, &self.banned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn the_listed_ids_are_masked() {
        let out = f32::NEG_INFINITY;
        let mut logits = [1.0, 2.0, 3.0, 4.0];
        BannedTokens::new(&[3, 1, 3]).process(&mut logits, EMPTY);
        assert_eq!(logits, [1.0, out, 3.0, out]);
    }
}
