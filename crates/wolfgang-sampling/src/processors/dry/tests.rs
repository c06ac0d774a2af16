use super::*;

/// The penalties on ids 0 to 5 after `ids`.
fn penalties(params: &DryParams, ids: &[u32]) -> [f32; 6] {
    let mut dry = Dry::new(params, 6);
    let (prompt, generated) = ids.split_at(ids.len() / 2);
    let step = |dry: &mut Dry| {
        let mut logits = [0.0; 6];
        dry.process(&mut logits, History { prompt, generated });
        logits.map(|l| 0.0 - l)
    };
    let first = step(&mut dry);
    assert_eq!(
        step(&mut dry),
        first,
        "a step does not depend on earlier steps"
    );
    first
}

fn params() -> DryParams {
    DryParams {
        multiplier: 0.5,
        base: 2.0,
        ..DryParams::default()
    }
}

#[test]
fn the_penalty_grows_with_the_length_of_the_repetition() {
    // 2 3 was followed by 4, and 1 2 3 by 5.
    let ids = [2, 3, 4, 1, 2, 3, 5, 1, 2, 3];
    assert_eq!(penalties(&params(), &ids), [0.0, 0.0, 0.0, 0.0, 0.5, 1.0]);
    let longer = DryParams {
        allowed_length: 3,
        ..params()
    };
    assert_eq!(penalties(&longer, &ids), [0.0, 0.0, 0.0, 0.0, 0.0, 0.5]);
    let shorter = DryParams {
        allowed_length: 1,
        ..params()
    };
    assert_eq!(penalties(&shorter, &ids), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
}

#[test]
fn the_longest_of_several_repetitions_counts() {
    // 2 3 and 1 2 3 were both followed by 4.
    let ids = [2, 3, 4, 0, 1, 2, 3, 4, 5, 1, 2, 3];
    assert_eq!(penalties(&params(), &ids), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    // The repetition may overlap with its earlier occurrence, here by 6 ids.
    let ids = [2, 3, 4, 1, 2, 3, 4, 1, 2, 3];
    assert_eq!(penalties(&params(), &ids), [0.0, 0.0, 0.0, 0.0, 8.0, 0.0]);
}

#[test]
fn breakers_end_repetitions_and_are_never_penalised() {
    let ids = [1, 0, 2, 3, 4, 1, 0, 2, 3];
    assert_eq!(penalties(&params(), &ids)[4], 2.0);
    let breaking = |id| DryParams {
        sequence_breakers: vec![id],
        ..params()
    };
    assert_eq!(penalties(&breaking(0), &ids)[4], 0.5);
    assert_eq!(penalties(&breaking(4), &ids), [0.0; 6]);
    assert_eq!(penalties(&breaking(3), &ids), [0.0; 6]);
}

#[test]
fn ids_outside_the_window_are_ignored() {
    let ids = [1, 2, 3, 4, 0, 0, 5, 1, 2, 3];
    let within = |window| DryParams { window, ..params() };
    assert_eq!(penalties(&within(10), &ids)[4], 1.0);
    assert_eq!(penalties(&within(9), &ids)[4], 0.5);
    assert_eq!(penalties(&within(7), &ids)[4], 0.0);
}

#[test]
fn the_penalty_is_bounded() {
    let params = DryParams {
        multiplier: 1e6,
        base: 1e6,
        ..params()
    };
    assert_eq!(penalties(&params, &[1; 5000])[1], 1e9);
    assert_eq!(
        penalties(&params, &[9; 50]),
        [0.0; 6],
        "ids outside the vocabulary"
    );
}
