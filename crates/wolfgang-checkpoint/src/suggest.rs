//! Suggestions for misspelled names.

/// Maximum number of pairs of characters to compare. Larger lists get no suggestions.
const MAX_WORK: usize = 1 << 25;

/// Minimum similarity of a suggestion: one minus the edit distance divided by the longer length.
const MIN_SIMILARITY: f64 = 0.6;

/// Whether the lists are small enough to compare each of `names` with each of `candidates`.
pub(crate) fn is_affordable(names: &[&str], candidates: &[&str]) -> bool {
    let characters = |names: &[&str]| names.iter().map(|name| name.len()).sum::<usize>();
    characters(names).saturating_mul(characters(candidates)) <= MAX_WORK
}

/// Returns the candidate that is most similar to `name`, if any is similar enough.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let similarity = |candidate: &&'a str| {
        let similarity = strsim::normalized_levenshtein(name, candidate);
        (similarity >= MIN_SIMILARITY).then_some((similarity, *candidate))
    };
    candidates
        .iter()
        .filter_map(similarity)
        // The first of equally similar candidates, independent of the others.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_suggested_if_it_is_similar_enough() {
        let names = [
            "layers.0.attention.wk.weight",
            "layers.1.attention.wq.weight",
            "norm.weight",
        ];
        assert_eq!(nearest("layers.1.attn.wq.weight", &names), Some(names[1]));
        assert_eq!(nearest("final_norm.weight", &names), Some(names[2]));
        assert_eq!(nearest("encoder.conv.bias", &names), None);
        assert!(is_affordable(&["a"; 100], &names));
        assert!(!is_affordable(&["x".repeat(1 << 20).as_str()], &names));
    }
}
