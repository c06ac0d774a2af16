//! Earlier occurrences of the suffix of a sequence.

#[cfg(test)]
mod tests;

/// A view of a sequence in reverse order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReverseView<'a> {
    older: &'a [u32],
    newer: &'a [u32],
}

impl<'a> ReverseView<'a> {
    /// The sequence is `older` followed by `newer`.
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

    /// The id at index `i` from the end.
    fn get(self, i: usize) -> Option<u32> {
        let from_end = |ids: &[u32], i: usize| ids.len().checked_sub(i + 1).map(|at| ids[at]);
        match i.checked_sub(self.newer.len()) {
            None => from_end(self.newer, i),
            Some(i) => from_end(self.older, i),
        }
    }
}

/// Finds earlier occurrences of the suffixes of a sequence in linear time, with the Z-algorithm
/// (Gusfield 1997, section 1.4) on the reversed sequence, up to a maximum length.
#[derive(Clone, Debug)]
pub(crate) struct SuffixMatches {
    /// Index d: number of ids before the last d that equal those at the end of the sequence.
    lengths: Vec<usize>,
}

impl SuffixMatches {
    /// Allocates memory for matches of up to `max_length` ids.
    pub(crate) fn new(max_length: usize) -> Self {
        Self {
            lengths: Vec::with_capacity(max_length),
        }
    }

    /// Calls `found(id, length)` for each id of the sequence, last one first. `length` is the
    /// number of ids before it that equal those at the end of the sequence, at most `max_length`.
    pub(crate) fn for_each(
        &mut self,
        sequence: ReverseView<'_>,
        max_length: usize,
        mut found: impl FnMut(u32, usize),
    ) {
        let matches = |distance: usize, length: usize| {
            #[cfg(test)]
            tests::COMPARISONS.set(tests::COMPARISONS.get() + 1);
            let earlier = sequence.get(distance + length);
            earlier.is_some() && earlier == sequence.get(length)
        };
        self.lengths.clear();
        if max_length > 0 {
            // Distance 0 is the suffix itself, which is not a match.
            self.lengths.push(0);
        }
        // The Z-box: the match that extends furthest back so far, as distances of its two ends.
        let (mut near, mut far) = (0usize, 0usize);
        for (distance, next) in (1..).zip(sequence.ids()) {
            // Within the Z-box the ids are known to equal those at the end of the sequence.
            let mut length = match far.checked_sub(distance) {
                Some(known) if known > 0 => known.min(self.lengths[distance - near]),
                _ => 0,
            };
            while length < max_length && matches(distance, length) {
                length += 1;
            }
            if distance + length > far {
                (near, far) = (distance, distance + length);
            }
            if distance < max_length {
                self.lengths.push(length);
            }
            found(next, length);
        }
    }
}
