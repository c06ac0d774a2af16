//! How far the end of a sequence repeats what stood earlier in it.

/// The ids of a sequence, counted from its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReverseView<'a> {
    older: &'a [u32],
    newer: &'a [u32],
}

impl<'a> ReverseView<'a> {
    /// `older`, then `newer`, from the last id back to the first.
    pub(crate) fn new((older, newer): (&'a [u32], &'a [u32])) -> Self {
        Self { older, newer }
    }

    pub(crate) fn len(self) -> usize {
        self.older.len() + self.newer.len()
    }

    pub(crate) fn ids(self) -> impl Iterator<Item = u32> {
        self.newer
            .iter()
            .rev()
            .chain(self.older.iter().rev())
            .copied()
    }

    /// The id with `i` others behind it.
    fn get(self, i: usize) -> Option<u32> {
        let from_end = |ids: &[u32], i: usize| ids.len().checked_sub(i + 1).map(|at| ids[at]);
        match i.checked_sub(self.newer.len()) {
            None => from_end(self.newer, i),
            Some(i) => from_end(self.older, i),
        }
    }
}

/// Finds repetitions in time that is linear in the length of the sequence: the Z-algorithm (Gusfield 1997, section
/// 1.4), read backwards and cut off at a longest length of interest.
#[derive(Clone, Debug)]
pub(crate) struct SuffixMatches {
    /// By distance: how many ids that end so far before the end equal those at the end.
    lengths: Vec<usize>,
}

impl SuffixMatches {
    /// Room for repetitions of up to `longest` ids.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            lengths: Vec::with_capacity(longest),
        }
    }

    /// Calls `found` for each id of the sequence with the number of ids before it that equal those at the end of the
    /// sequence, at most `longest`.
    pub(crate) fn each(
        &mut self,
        sequence: ReverseView<'_>,
        longest: usize,
        mut found: impl FnMut(u32, usize),
    ) {
        let ends_alike = |distance: usize, length: usize| {
            #[cfg(test)]
            tests::COMPARISONS.set(tests::COMPARISONS.get() + 1);
            let earlier = sequence.get(distance + length);
            earlier.is_some() && earlier == sequence.get(length)
        };
        self.lengths.clear();
        if longest > 0 {
            // Its own end repeats nothing, but distances count from 0.
            self.lengths.push(0);
        }
        // The repetition that reaches furthest back so far: where it ends, and where what precedes it begins.
        let (mut near, mut far) = (0usize, 0usize);
        for (distance, next) in (1..).zip(sequence.ids()) {
            // Within that repetition everything has been compared once already.
            let mut length = match far.checked_sub(distance) {
                Some(known) if known > 0 => known.min(self.lengths[distance - near]),
                _ => 0,
            };
            while length < longest && ends_alike(distance, length) {
                length += 1;
            }
            if distance + length > far {
                (near, far) = (distance, distance + length);
            }
            if distance < longest {
                self.lengths.push(length);
            }
            found(next, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// How often two ids were compared on this thread.
        pub(super) static COMPARISONS: Cell<usize> = const { Cell::new(0) };
    }

    fn repeats(older: &[u32], newer: &[u32], longest: usize) -> Vec<(u32, usize)> {
        let mut found = Vec::new();
        let sequence = ReverseView::new((older, newer));
        SuffixMatches::new(longest).each(sequence, longest, |id, length| found.push((id, length)));
        found.reverse();
        found
    }

    #[test]
    fn each_id_comes_with_what_it_follows() {
        assert_eq!(
            repeats(&[1, 2, 3, 1, 2], &[4, 1, 2], 9),
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
            repeats(&[], &[7, 7, 7, 7], 2),
            [(7, 0), (7, 1), (7, 2), (7, 2)]
        );
        assert_eq!(repeats(&[5], &[6], 0), [(5, 0), (6, 0)]);
        assert_eq!(repeats(&[], &[], 3), []);
    }

    proptest::proptest! {
        #[test]
        fn lengths_are_those_of_plain_comparison(
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
            assert_eq!(repeats(older, newer, longest), plain);
        }
    }

    /// Comparing each id with each would be half a billion comparisons.
    #[test]
    fn equal_ids_are_compared_a_linear_number_of_times() {
        let ids = vec![1; 1 << 15];
        COMPARISONS.set(0);
        assert_eq!(repeats(&ids, &[], ids.len()).len(), ids.len());
        let comparisons = COMPARISONS.get();
        assert!(
            (ids.len()..3 * ids.len()).contains(&comparisons),
            "{comparisons}"
        );
    }
}
