//! Token strings of a byte-level vocabulary, and the bytes that they represent.
//!
//! A byte-level vocabulary writes each byte as one printable character, so that tokens can be
//! stored in text files, with the alphabet of GPT-2 (Radford et al. 2019, `bytes_to_unicode`):
//! printable Latin-1 characters represent themselves, the characters from U+0100 on the 68 other
//! bytes, in order.

/// Returns the byte that `c` represents.
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

/// Returns the 256 characters of the alphabet, in the order of their code points.
pub(crate) fn alphabet() -> impl Iterator<Item = char> {
    ('\u{21}'..='\u{143}').filter(|&c| byte_of(c).is_some())
}

/// Returns the bytes that `token` represents; `None` if a character is not in the alphabet.
pub(crate) fn bytes_of(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_each_byte_once() {
        let mut bytes: Vec<u8> = alphabet().filter_map(byte_of).collect();
        assert_eq!(bytes.len(), 256);
        bytes.sort_unstable();
        bytes.dedup();
        assert_eq!(bytes.len(), 256);
    }

    #[test]
    fn tokens_represent_the_bytes_of_their_text() {
        assert_eq!(bytes_of("ĠWald").unwrap(), b" Wald");
        assert_eq!(bytes_of("ĊÃ¼").unwrap(), "\nü".as_bytes());
        assert_eq!(bytes_of("日"), None);
    }
}
