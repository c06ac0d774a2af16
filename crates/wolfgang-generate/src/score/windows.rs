//! Windows over texts that exceed the model's context.

use std::ops::Range;

/// A range of tokens to score, and its context. Its inputs, all tokens except the last, fit into
/// the model's context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Start of the context, at least one token before `scored`.
    pub(super) start: usize,
    /// The tokens to score.
    pub(super) scored: Range<usize>,
}

/// Returns windows that score each of `len` tokens except the first. Every window but the first
/// starts half a context before the tokens that it scores.
pub(super) fn overlapping(len: usize, block_size: usize) -> impl Iterator<Item = Window> {
    cover(len, move |first| {
        let start = (first - 1).saturating_sub(block_size / 2);
        let scored = first..len.min(start + block_size + 1);
        Window { start, scored }
    })
}

/// Returns windows that score each of `len` tokens except the first, each as many as fit into the
/// context. Every window but the last starts one token before those that it scores; the last starts
/// as early as the context allows.
///
/// These are the windows of lm-evaluation-harness, `get_rolling_token_windows` with `context_len` 1
/// and `make_disjoint_window`, if the first token is the prefix token.
pub(super) fn rolling(len: usize, block_size: usize) -> impl Iterator<Item = Window> {
    cover(len, move |first| {
        let scored = first..len.min(first + block_size);
        let start = (scored.end - 1).saturating_sub(block_size);
        Window { start, scored }
    })
}

/// Returns consecutive windows from the second token to the end: `window` returns the window that
/// starts to score at a token.
fn cover(len: usize, window: impl Fn(usize) -> Window + Copy) -> impl Iterator<Item = Window> {
    let from = move |first| (first < len).then(|| window(first));
    std::iter::successors(from(1), move |last| from(last.scored.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Context and scored tokens of each window of `0..n` after the prefix token −100.
    fn disjoint(n: i32, block_size: usize) -> Vec<(Vec<i32>, Vec<i32>)> {
        let tokens: Vec<i32> = std::iter::once(-100).chain(0..n).collect();
        let windows = rolling(tokens.len(), block_size);
        let pair = |Window { start, scored }: Window| {
            let context = tokens[start..scored.start].to_vec();
            (context, tokens[scored].to_vec())
        };
        windows.map(pair).collect()
    }

    fn range(tokens: Range<i32>) -> Vec<i32> {
        tokens.collect()
    }

    /// Inputs of lm-evaluation-harness's own tests of `get_rolling_token_windows` with a
    /// `context_len` of 1, and the results of `make_disjoint_window` for their outputs.
    #[test]
    fn rolling_windows_are_the_harnesses() {
        let prefix = vec![-100];
        assert_eq!(
            disjoint(34, 10),
            [
                (prefix.clone(), range(0..10)),
                (vec![9], range(10..20)),
                (vec![19], range(20..30)),
                (range(23..30), range(30..34)),
            ]
        );
        assert_eq!(
            disjoint(30, 10),
            [
                (prefix.clone(), range(0..10)),
                (vec![9], range(10..20)),
                (vec![19], range(20..30)),
            ]
        );
        assert_eq!(
            disjoint(9, 2),
            [
                (prefix.clone(), vec![0, 1]),
                (vec![1], vec![2, 3]),
                (vec![3], vec![4, 5]),
                (vec![5], vec![6, 7]),
                (vec![6, 7], vec![8]),
            ]
        );
        assert_eq!(
            disjoint(10, 4),
            [
                (prefix.clone(), range(0..4)),
                (vec![3], range(4..8)),
                (vec![5, 6, 7], vec![8, 9]),
            ]
        );
        assert_eq!(disjoint(3, 4), [(prefix.clone(), range(0..3))]);
        assert_eq!(
            disjoint(2, 1),
            [(prefix, vec![0]), (vec![0], vec![1])],
            "a context of one token"
        );
        assert_eq!(disjoint(0, 4), []);
    }

    #[test]
    fn overlapping_windows_begin_half_a_context_earlier() {
        let of = |len, block_size| overlapping(len, block_size).collect::<Vec<_>>();
        let window = |start, scored| Window { start, scored };
        assert_eq!(
            of(12, 4),
            [
                window(0, 1..5),
                window(2, 5..7),
                window(4, 7..9),
                window(6, 9..11),
                window(8, 11..12),
            ]
        );
        assert_eq!(of(3, 1), [window(0, 1..2), window(1, 2..3)]);
        assert_eq!((of(0, 4), of(1, 4)), (vec![], vec![]));
    }

    #[test]
    fn windows_score_each_token_once_in_inputs_that_fit() {
        for len in 0..40 {
            for block_size in 1..12 {
                let check = |windows: Vec<Window>| {
                    let mut next = 1;
                    for Window { start, scored } in windows {
                        assert!(start < scored.start && scored.start == next);
                        assert!(next < scored.end && scored.end - 1 - start <= block_size);
                        next = scored.end;
                    }
                    assert_eq!(next, len.max(1), "{len} tokens in {block_size}");
                };
                check(overlapping(len, block_size).collect());
                check(rolling(len, block_size).collect());
            }
        }
    }
}
