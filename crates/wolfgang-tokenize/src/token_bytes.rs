//! The bytes that each id represents.

/// The bytes of every id, in one allocation.
pub(crate) struct TokenBytes {
    bytes: Vec<u8>,
    /// Index in `bytes` at which each id begins, and the end of the last one.
    starts: Vec<usize>,
}

impl TokenBytes {
    /// `tokens` yields the bytes of each id, from 0 on; an id without a token has none.
    pub(crate) fn new(tokens: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut bytes = Vec::new();
        let mut starts = vec![0];
        for token in tokens {
            bytes.extend(token);
            starts.push(bytes.len());
        }
        Self { bytes, starts }
    }

    /// Returns the bytes of `id`; `None` if it is outside the vocabulary.
    pub(crate) fn get(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let end = *self.starts.get(id.checked_add(1)?)?;
        self.bytes.get(*self.starts.get(id)?..end)
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }
}
