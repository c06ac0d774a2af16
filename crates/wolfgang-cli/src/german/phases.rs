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
