//! Token strings of a vocabulary in the form of SentencePiece, and the bytes that they represent.
//!
//! Such a vocabulary writes a space as `▁`, and has a token `<0xNN>` for each byte, for characters
//! without a token of their own (`byte_fallback`).

/// The character that represents a space.
pub(crate) const SPACE: char = '▁';

/// Returns the byte that `token` represents, if it is of the form `<0xNN>`. The condition is that
/// of the decoder of the `tokenizers` crate.
pub(crate) fn fallback_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let digits = Some(digits).filter(|digits| digits.len() == 2)?;
    u8::from_str_radix(digits, 16).ok()
}

/// Returns the token for `byte`, as the encoder of the `tokenizers` crate writes it.
pub(crate) fn fallback_token(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// Returns the bytes that `token` represents.
pub(crate) fn bytes_of(token: &str) -> Vec<u8> {
    match fallback_byte(token) {
        Some(byte) => vec![byte],
        None => token.replace(SPACE, " ").into_bytes(),
    }
}

/// Returns the offsets of the bytes of `text` that decoding does not return: those of `▁`, which
/// becomes a space, and if `loses_first` a first space, which is then not distinguished from the
/// one that encoding adds.
pub(crate) fn lost_offsets(text: &str, loses_first: bool) -> Vec<usize> {
    let first = (loses_first && text.starts_with(' ')).then_some(0);
    let spaces = text.match_indices(SPACE);
    let spaces = spaces.flat_map(|(at, space)| at..at + space.len());
    first.into_iter().chain(spaces).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_token_that_represents_it() {
        for byte in 0..=255 {
            assert_eq!(fallback_byte(&fallback_token(byte)), Some(byte));
        }
        for other in ["<0x4>", "<0x041>", "0x41", "<0xGG>", "<s>"] {
            assert_eq!(fallback_byte(other), None, "{other}");
        }
    }

    #[test]
    fn tokens_represent_the_bytes_of_their_text() {
        assert_eq!(bytes_of("▁Wald"), b" Wald");
        assert_eq!(bytes_of("<0x0A>"), b"\n");
    }

    #[test]
    fn a_written_space_symbol_and_a_first_space_are_lost() {
        assert_eq!(lost_offsets(" a▁", false), [2, 3, 4]);
        assert_eq!(lost_offsets(" a", true), [0]);
        assert_eq!(lost_offsets("a b", true), [0; 0]);
    }
}
