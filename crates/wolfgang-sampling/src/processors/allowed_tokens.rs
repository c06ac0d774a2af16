//! Allowed tokens: masks all ids that are not in a list.

use super::LogitsProcessor;
use crate::History;

/// Masks every id that is not in the list.
#[derive(Clone, Debug)]
pub(crate) struct AllowedTokens {
    /// In ascending order.
    allowed: Vec<u32>,
}

impl AllowedTokens {
    pub(crate) fn new(allowed: &[u32]) -> Self {
        let mut allowed = allowed.to_vec();
        allowed.sort_unstable();
        Self { allowed }
    }
}

impl LogitsProcessor for AllowedTokens {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let mut next = 0;
        for &id in &self.allowed {
            // `None` for an id that is in the list twice.
            if let Some(before) = logits.get_mut(next..id as usize) {
                before.fill(f32::NEG_INFINITY);
            }
            next = id as usize + 1;
        }
        if let Some(rest) = logits.get_mut(next..) {
            rest.fill(f32::NEG_INFINITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn only_the_listed_ids_are_kept() {
        let out = f32::NEG_INFINITY;
        let cases: [(&[u32], [f32; 5]); 4] = [
            (&[0], [1.0, out, out, out, out]),
            (&[4, 2, 2, 1], [out, 2.0, 3.0, out, 5.0]),
            (&[4], [out, out, out, out, 5.0]),
            (&[0, 1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0, 5.0]),
        ];
        for (allowed, expected) in cases {
            let mut logits = [1.0, 2.0, 3.0, 4.0, 5.0];
            AllowedTokens::new(allowed).process(&mut logits, EMPTY);
            assert_eq!(logits, expected, "{allowed:?}");
        }
    }
}
