use super::*;
use crate::history::EMPTY;

fn plain(temperature: f32) -> SamplingParams {
    SamplingParams {
        temperature,
        top_k: None,
        top_p: None,
        repetition_penalty: 1.0,
        ..SamplingParams::default()
    }
}

#[test]
fn greedy_samples_the_lowest_of_the_most_likely_ids_after_penalties() {
    let params = SamplingParams {
        temperature: 0.0,
        ..SamplingParams::default()
    };
    let mut sampler = Sampler::new(&params, 4, 7).unwrap();
    assert_eq!(sampler.sample(&mut [1.0, 3.0, 3.0, 2.0], EMPTY), Ok(1));
    let history = History {
        prompt: &[1],
        generated: &[2],
    };
    assert_eq!(sampler.sample(&mut [1.0, 2.2, 2.2, 2.0], history), Ok(3));
}

#[test]
fn probabilities_follow_the_closed_form_of_softmax() {
    let mut sampler = Sampler::new(&plain(0.5), 3, 0).unwrap();
    let mut logits = [0.0, 0.5, f32::NEG_INFINITY];
    sampler.probabilities(&mut logits, EMPTY).unwrap();
    let e = std::f32::consts::E;
    let expected = [1.0 / (1.0 + e), e / (1.0 + e), 0.0];
    for (p, q) in logits.iter().zip(expected) {
        assert!((p - q).abs() < 1e-7, "{logits:?} is not {expected:?}");
    }
}

#[test]
fn logits_without_a_distribution_are_errors() {
    let mut sampler = Sampler::new(&plain(1.0), 2, 0).unwrap();
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    assert_eq!(
        sampler.sample(&mut [-inf, -inf], EMPTY),
        Err(SamplingError::AllTokensMasked)
    );
    assert_eq!(
        sampler.sample(&mut [0.0, inf], EMPTY),
        Err(SamplingError::InvalidLogit { id: 1, value: inf })
    );
    assert!(matches!(
        sampler.sample(&mut [nan, 0.0], EMPTY),
        Err(SamplingError::InvalidLogit { id: 0, .. })
    ));
    assert_eq!(
        sampler.sample(&mut [0.0], EMPTY),
        Err(SamplingError::WrongLength {
            found: 1,
            expected: 2
        })
    );
}

#[test]
fn the_seed_determines_the_ids() {
    let run = |seed| {
        let mut sampler = Sampler::new(&plain(1.0), 64, seed).unwrap();
        (0..32)
            .map(|_| sampler.sample(&mut [0.0; 64], EMPTY).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
