use super::*;
use std::cell::Cell;

thread_local! {
    /// Number of comparisons of two ids on this thread.
    pub(super) static COMPARISONS: Cell<usize> = const { Cell::new(0) };
}

fn matches(older: &[u32], newer: &[u32], max_length: usize) -> Vec<(u32, usize)> {
    let mut found = Vec::new();
    let sequence = ReverseView::new((older, newer));
    SuffixMatches::new(max_length)
        .for_each(sequence, max_length, |id, length| found.push((id, length)));
    found.reverse();
    found
}

#[test]
fn each_id_has_the_length_of_the_match_before_it() {
    assert_eq!(
        matches(&[1, 2, 3, 1, 2], &[4, 1, 2], 9),
        [
            (1, 0),
            (2, 0),
            (3, 2),
            (1, 0),
            (2, 0),
            (4, 2),
            (1, 0),
            (2, 0)
        ]
    );
    assert_eq!(
        matches(&[], &[7, 7, 7, 7], 2),
        [(7, 0), (7, 1), (7, 2), (7, 2)]
    );
    assert_eq!(matches(&[5], &[6], 0), [(5, 0), (6, 0)]);
    assert_eq!(matches(&[], &[], 3), []);
}

proptest::proptest! {
    #[test]
    fn lengths_equal_those_of_a_direct_comparison(
        ids in proptest::collection::vec(0u32..3, 0..60),
        cut in 0usize..60,
        longest in 0usize..70,
    ) {
        let (older, newer) = ids.split_at(cut.min(ids.len()));
        let plain: Vec<_> = (0..ids.len())
            .map(|at| {
                let alike = ids[..at].iter().rev().zip(ids.iter().rev());
                (ids[at], alike.take(longest).take_while(|(a, b)| a == b).count())
            })
            .collect();
        assert_eq!(matches(older, newer, longest), plain);
    }
}

/// Comparing each id with each would be half a billion comparisons.
#[test]
fn equal_ids_are_compared_a_linear_number_of_times() {
    let ids = vec![1; 1 << 15];
    COMPARISONS.set(0);
    assert_eq!(matches(&ids, &[], ids.len()).len(), ids.len());
    let comparisons = COMPARISONS.get();
    assert!(
        (ids.len()..3 * ids.len()).contains(&comparisons),
        "{comparisons}"
    );
}
