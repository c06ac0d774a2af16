//! Token strings of a byte-level vocabulary, and the bytes they stand for.
//!
//! Such a vocabulary writes each byte as one printable character, so that tokens can be kept in text files: GPT-2's
//! alphabet (Radford et al. 2019, `bytes_to_unicode`). Printable Latin-1 stands for itself, the 68 other bytes for
//! the characters from U+0100 on, in order.

/// The byte that `c` stands for.
fn byte_of(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => Some(code as u8),
        code @ 0x100..=0x143 => Some(match (code - 0x100) as u8 {
            n @ 0..=0x20 => n,
            n @ 0x21..=0x42 => n - 0x21 + 0x7f,
            _ => 0xad,
        }),
        _ => None,
    }
}

/// The 256 characters, in the order of their code points.
pub(crate) fn alphabet() -> impl Iterator<Item = char> {
    ('\u{21}'..='\u{143}').filter(|&c| byte_of(c).is_some())
}

/// The bytes that `token` stands for; `None` if a character lies outside the alphabet.
pub(crate) fn bytes_of(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

/// The bytes of every id, in one run of memory.
pub(crate) struct TokenBytes {
    bytes: Vec<u8>,
    /// Where in `bytes` each id begins; one more at the end.
    starts: Vec<usize>,
}

impl TokenBytes {
    /// `tokens` yields the string of each id in order, from 0; an id without a token has no bytes.
    ///
    /// A string outside the alphabet stands for its own UTF-8 bytes, as added tokens do.
    pub(crate) fn new(tokens: impl Iterator<Item = Option<String>>) -> Self {
        let mut bytes = Vec::new();
        let mut starts = vec![0];
        for token in tokens {
            if let Some(token) = token {
                bytes.extend(bytes_of(&token).unwrap_or_else(|| token.into_bytes()));
            }
            starts.push(bytes.len());
        }
        Self { bytes, starts }
    }

    /// The bytes of `id`; `None` beyond the last.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_names_each_byte_exactly_once() {
        let mut bytes: Vec<u8> = alphabet().filter_map(byte_of).collect();
        assert_eq!(bytes.len(), 256);
        bytes.sort_unstable();
        bytes.dedup();
        assert_eq!(bytes.len(), 256);
    }

    #[test]
    fn familiar_tokens_have_familiar_bytes() {
        assert_eq!(bytes_of("ĠWald").unwrap(), b" Wald");
        assert_eq!(bytes_of("ĊÃ¼").unwrap(), "\nü".as_bytes());
        assert_eq!(bytes_of("日"), None);
    }
}
