//! The streaming decoder.

use crate::Verdict;
use std::sync::LazyLock;
use wolfgang_tokenize::{SpecialTokens, Tokenizer};

/// Ids, two bytes each, little-endian: a token for each byte (0 to 255), then some of several bytes
/// and of parts of characters, a control token, and ids that nothing has.
pub(crate) fn stream(input: &[u8]) -> Verdict {
    let ids = input.as_chunks::<2>().0;
    let ids: Vec<u32> = ids
        .iter()
        .map(|&bytes| u16::from_le_bytes(bytes).into())
        .collect();
    check_stream(&TOKENIZER, &ids);
    match ids.iter().all(|&id| TOKENIZER.token_bytes(id).is_some()) {
        true => Verdict::Accepted,
        false => Verdict::Refused,
    }
}

/// After each id, what was shown is the whole decoded up to here, but for at most one unfinished
/// character, or the byte tokens of SentencePiece at the end; joined with what
/// [`finish`](wolfgang_tokenize::DecodeStream::finish) then gives, it is all of it.
pub(crate) fn check_stream(tokenizer: &Tokenizer, ids: &[u32]) {
    for special in [SpecialTokens::Skip, SpecialTokens::Keep] {
        let mut stream = tokenizer.decode_stream(special);
        let mut shown = String::new();
        let mut ends_in_byte = false;
        for (n, &id) in ids.iter().enumerate() {
            shown.push_str(stream.push(id));
            if special == SpecialTokens::Keep || !tokenizer.is_special(id) {
                ends_in_byte = match tokenizer.token_bytes(id).unwrap_or_default() {
                    [] => ends_in_byte,
                    bytes => bytes.len() == 1,
                };
            }
            let whole = tokenizer.decode(&ids[..=n], special);
            let held_back = whole.strip_prefix(&shown);
            assert!(
                matches!(held_back, Some("" | "\u{fffd}")) || held_back.is_some() && ends_in_byte,
                "of {whole:?} only {shown:?} was shown"
            );
        }
        shown.push_str(&stream.finish());
        assert_eq!(shown, tokenizer.decode(ids, special));
    }
}

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = include_str!("../../../fuzz/stream_tokenizer.json");
    Tokenizer::from_bytes(json.as_bytes()).unwrap()
});
