//! Several files in one input.

/// The part behind its length in two bytes, little-endian, and what follows it. A part cut short is
/// shorter.
pub(crate) fn part(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = input.split_first_chunk() else {
        return (&[], &[]);
    };
    rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()))
}
