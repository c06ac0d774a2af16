//! "Did you mean …?"

/// Above this many pairs of characters to compare, nobody is helped by guesses.
const MAX_WORK: usize = 1 << 25;

/// Names less alike than this are others. Measured as one minus the edits it takes over the longer length.
const MIN_LIKENESS: f64 = 0.6;

/// Whether there are few enough `names` to look for each among `candidates`.
pub(crate) fn is_worth_guessing(names: &[&str], candidates: &[&str]) -> bool {
    let characters = |names: &[&str]| names.iter().map(|name| name.len()).sum::<usize>();
    characters(names).saturating_mul(characters(candidates)) <= MAX_WORK
}

/// Of `candidates`, the one most like `name`, if any is like it.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &&'a str| {
        let likeness = strsim::normalized_levenshtein(name, candidate);
        (likeness >= MIN_LIKENESS).then_some((likeness, *candidate))
    };
    candidates
        .iter()
        .filter_map(likeness)
        // The first of equals, so that the guess does not depend on what else is there.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_is_meant_and_strangers_are_not() {
        let names = [
            "layers.0.attention.wk.weight",
            "layers.1.attention.wq.weight",
            "norm.weight",
        ];
        assert_eq!(nearest("layers.1.attn.wq.weight", &names), Some(names[1]));
        assert_eq!(nearest("final_norm.weight", &names), Some(names[2]));
        assert_eq!(nearest("encoder.conv.bias", &names), None);
        assert!(is_worth_guessing(&["a"; 100], &names));
        assert!(!is_worth_guessing(&["x".repeat(1 << 20).as_str()], &names));
    }
}
