//! The merges of a SentencePiece vocabulary, which a GGUF file stores as scores of its tokens.

use super::tokenizer::GgufTokenizer;
use super::tokenizer_files::{NORMAL, UNUSED};
use std::collections::HashSet;

/// Limit of the bytes of a token. The work for a token grows with the square of its length;
/// SentencePiece writes no longer tokens unless it is told to.
const MAX_PIECE: usize = 128;

/// A way to split a token into two.
struct Split<'a> {
    left: &'a str,
    right: &'a str,
    score: f32,
}

/// Returns the pairs of tokens to merge, the highest priority first.
///
/// SentencePiece merges the neighbours whose joined text has the highest score. Written as pairs,
/// these are all splits of a token into two, ordered by the score of the token; splits of the same
/// token by the length of their left side, the longest first, as in `generate_merges` of the
/// transformers library.
///
/// The error is the reason why the pairs would not reproduce SentencePiece, as the rest of a
/// sentence.
pub(super) fn from_scores(tokenizer: &GgufTokenizer) -> Result<Vec<(&str, &str)>, String> {
    for (name, is_missing) in [
        ("scores", tokenizer.scores.is_empty()),
        ("token_type", tokenizer.token_types.is_empty()),
    ] {
        if is_missing {
            return Err(format!(
                "it has neither tokenizer.ggml.merges nor tokenizer.ggml.{name}"
            ));
        }
    }
    let tokens = (0..).zip(&tokenizer.tokens).zip(&tokenizer.scores);
    let of_type = |wanted: i32| {
        tokens
            .clone()
            .filter(move |((id, _), _)| tokenizer.token_type(*id) == Some(wanted))
            .map(|((_, token), &score)| (token.as_str(), score))
    };
    let normal: HashSet<&str> = of_type(NORMAL).map(|(token, _)| token).collect();
    let mut splits = Vec::new();
    for (token, score) in of_type(NORMAL) {
        check_piece(token, score, &normal)?;
        splits.extend(splits_of(token, score, &normal));
    }
    // SentencePiece merges into an unused token, too, and splits it again at the end.
    let merged = |(token, score)| splits_of(token, score, &normal).next();
    if let Some(split) = of_type(UNUSED).find_map(merged) {
        return Err(format!(
            "its unused token {:.80?} is one that a text can be merged into",
            format!("{}{}", split.left, split.right)
        ));
    }
    splits.sort_by(|a, b| {
        let longest_first = b.left.chars().count().cmp(&a.left.chars().count());
        b.score.total_cmp(&a.score).then(longest_first)
    });
    for pair in splits.windows(2) {
        let [a, b] = [&pair[0], &pair[1]].map(|split| format!("{}{}", split.left, split.right));
        if pair[0].score == pair[1].score && a != b {
            return Err(format!(
                "its tokens {a:.80?} and {b:.80?} have the same score, so that the order of merges is not determined"
            ));
        }
    }
    let pairs = splits.into_iter().map(|split| (split.left, split.right));
    Ok(pairs.collect())
}

fn check_piece(token: &str, score: f32, normal: &HashSet<&str>) -> Result<(), String> {
    if token.len() > MAX_PIECE {
        let len = token.len();
        return Err(format!(
            "its token {token:.80?} has {len} bytes, more than {MAX_PIECE}"
        ));
    }
    if !score.is_finite() {
        return Err(format!("its token {token:.80?} has the score {score}"));
    }
    // SentencePiece can merge a character that is not a token into one, but merges of tokens
    // cannot.
    let mut buffer = [0; 4];
    let missing = |c: &char| !normal.contains(&*c.encode_utf8(&mut buffer));
    match token.chars().find(missing) {
        Some(c) => Err(format!(
            "its token {token:.80?} contains {c:?}, which is not a token"
        )),
        None => Ok(()),
    }
}

/// Returns the ways to split `token` into two normal tokens.
fn splits_of<'a>(
    token: &'a str,
    score: f32,
    normal: &HashSet<&str>,
) -> impl Iterator<Item = Split<'a>> {
    let places = token.char_indices().skip(1);
    places.filter_map(move |(at, _)| {
        let (left, right) = token.split_at(at);
        let known = normal.contains(left) && normal.contains(right);
        known.then_some(Split { left, right, score })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokenizer of these normal tokens, and an unused one.
    fn tokenizer(tokens: &[(&str, f32)], unused: &str) -> GgufTokenizer {
        let (mut names, mut scores): (Vec<_>, Vec<_>) = tokens.iter().copied().unzip();
        names.push(unused);
        scores.push(0.0);
        let mut types = vec![NORMAL; tokens.len()];
        types.push(UNUSED);
        GgufTokenizer {
            model: "llama".to_owned(),
            tokens: names.into_iter().map(str::to_owned).collect(),
            token_types: types,
            scores,
            ..GgufTokenizer::default()
        }
    }

    const SINGLE: [(&str, f32); 2] = [("a", -9.0), ("b", -9.0)];

    #[test]
    fn pairs_are_ordered_by_score_and_then_by_the_left_side() {
        let tokens = [
            SINGLE.as_slice(),
            &[("ab", -2.0), ("aa", -1.0), ("aab", -3.0)],
        ]
        .concat();
        let tokenizer = tokenizer(&tokens, "x");
        let merges = from_scores(&tokenizer).unwrap();
        assert_eq!(merges, [("a", "a"), ("a", "b"), ("aa", "b"), ("a", "ab")]);
    }

    #[test]
    fn scores_that_do_not_determine_the_order_are_refused() {
        let refusal = |more: &[(&str, f32)], unused: &str| {
            let tokens = [SINGLE.as_slice(), more].concat();
            from_scores(&tokenizer(&tokens, unused)).unwrap_err()
        };
        let tie = refusal(&[("ab", -1.0), ("aa", -1.0)], "x");
        assert!(tie.contains("\"aa\" have the same score"), "{tie}");
        assert!(refusal(&[("ab", f32::NAN)], "x").contains("the score NaN"));
        assert!(refusal(&[("ac", -1.0)], "x").contains("contains 'c'"));
        assert!(refusal(&[], "ab").contains("its unused token \"ab\""));
        assert!(refusal(&[(&"a".repeat(129), -1.0)], "x").contains("129 bytes"));
    }
}
