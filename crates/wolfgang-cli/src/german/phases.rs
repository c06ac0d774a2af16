//! Phases of a long operation, in German.

use wolfgang_generate::Phase;

/// What is being done; none for a phase that is not known here.
pub(crate) fn phase(phase: &Phase) -> Option<String> {
    Some(match phase {
        Phase::Download { file } => format!("lade {file}"),
        Phase::ReadWeights => "lese Gewichte".into(),
        Phase::Write => "schreibe".into(),
        Phase::Verify => "prüfe".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_named_in_german() {
        let file = "tokenizer.json".to_owned();
        for (known, expected) in [
            (Phase::Download { file }, "lade tokenizer.json"),
            (Phase::ReadWeights, "lese Gewichte"),
            (Phase::Write, "schreibe"),
            (Phase::Verify, "prüfe"),
        ] {
            assert_eq!(phase(&known).as_deref(), Some(expected));
        }
    }
}
