use super::*;
use crate::DryParams;

fn defaults() -> SamplingParams {
    SamplingParams::default()
}

#[test]
fn an_id_outside_the_vocabulary_is_reported_with_its_parameter() {
    let dry = DryParams {
        sequence_breakers: vec![3, 4],
        ..DryParams::default()
    };
    #[rustfmt::skip]
    let cases = [
        ("allowed_tokens", SamplingParams { allowed_tokens: Some(vec![3, 4]), ..defaults() }),
        ("banned_tokens", SamplingParams { banned_tokens: vec![3, 4], ..defaults() }),
        ("end_tokens", SamplingParams { end_tokens: vec![3, 4], ..defaults() }),
        ("logit_bias", SamplingParams { logit_bias: vec![(3, 1.0), (4, 1.0)], ..defaults() }),
        ("dry.sequence_breakers", SamplingParams { dry: Some(dry), ..defaults() }),
    ];
    for (parameter, params) in cases {
        assert_eq!(params.validate_ids(5), Ok(()), "{parameter}");
        assert_eq!(
            params.validate_ids(4),
            Err(SamplingError::UnknownId {
                parameter,
                id: 4,
                vocab_size: 4
            })
        );
    }
}

#[test]
fn lists_that_mask_all_ids_are_refused() {
    let conflict = |parameters, why| Err(SamplingError::ConflictingParams { parameters, why });
    let params = SamplingParams {
        allowed_tokens: Some(vec![1, 2]),
        banned_tokens: vec![2, 1, 0],
        ..defaults()
    };
    assert_eq!(
        params.validate_ids(4),
        conflict(
            ["allowed_tokens", "banned_tokens"],
            "every allowed token is banned"
        )
    );
    let params = SamplingParams {
        allowed_tokens: Some(vec![1, 2]),
        banned_tokens: vec![2],
        min_new_tokens: 1,
        end_tokens: vec![1],
        ..defaults()
    };
    assert_eq!(
        params.validate_ids(4),
        conflict(
            ["min_new_tokens", "end_tokens"],
            "every token that can be sampled ends the generation"
        )
    );
    // Without a minimum, ending the generation is possible.
    let params = SamplingParams {
        min_new_tokens: 0,
        ..params
    };
    assert_eq!(params.validate_ids(4), Ok(()));
}

#[test]
fn lists_without_effect_are_refused() {
    #[rustfmt::skip]
    let cases = [
        ("allowed_tokens", SamplingParams { allowed_tokens: Some(vec![]), ..defaults() }),
        ("banned_tokens", SamplingParams { banned_tokens: vec![0, 1, 2, 3], ..defaults() }),
        ("logit_bias", SamplingParams { logit_bias: vec![(1, 1.0), (0, 1.0), (1, 1.0)], ..defaults() }),
        ("min_new_tokens", SamplingParams { min_new_tokens: 3, ..defaults() }),
    ];
    for (name, params) in cases {
        match params.validate_ids(4) {
            Err(SamplingError::InvalidParam { parameter, .. }) => assert_eq!(parameter, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}
