//! Draws follow the exact distribution: Pearson's chi-square test over 100,000 draws with fixed
//! seeds.

use crate::plain;
use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, RngKind, Sampler, SamplingError, SamplingParams,
    XtcParams,
};

const VOCAB: usize = 24;
const DRAWS: u32 = 100_000;

const HISTORY: History<'_> = History::new(&[3, 4, 5, 9, 3, 4], &[5, 7, 7, 3, 4]);

/// Logits of moderate spread, with ties.
fn logits() -> Vec<f32> {
    (0..VOCAB).map(|id| (id * 7 % 17) as f32 / 4.0).collect()
}

fn plain_chain() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(1.0)
        .with_top_k(None)
        .with_top_p(None)
        .with_repetition_penalty(1.0)
}

fn chains() -> Vec<SamplingParams> {
    let plain = plain_chain;
    vec![
        plain(),
        SamplingParams::default()
            .with_top_k(12)
            .with_temperature(2.0),
        plain()
            .with_banned_tokens([2, 9])
            .with_logit_bias([(0, 2.0), (12, -1.0)])
            .with_frequency_penalty(0.5)
            .with_presence_penalty(0.25)
            .with_dry(DryParams::default()),
        plain()
            .with_dynamic_temperature(DynamicTemperatureParams::new(0.8).with_exponent(2.0))
            .with_top_n_sigma(2.0),
        plain().with_typical_p(0.9).with_min_p(0.05),
        plain().with_xtc(
            XtcParams::default()
                .with_probability(0.3)
                .with_threshold(0.06),
        ),
    ]
}

/// The exact probabilities of a step: a mixture of those with and without masking by XTC.
fn exact(params: &SamplingParams) -> Result<Vec<f64>, SamplingError> {
    let share = f64::from(params.xtc.as_ref().map_or(0.0, |xtc| xtc.probability));
    let with = plain::probabilities(params, &logits(), HISTORY, 0.0, false)?;
    let without = plain::probabilities(params, &logits(), HISTORY, 1.0, false)?;
    let mix = |(p, q): (f32, f32)| share * f64::from(p) + (1.0 - share) * f64::from(q);
    Ok(with.into_iter().zip(without).map(mix).collect())
}

fn counts(params: &SamplingParams, seed: u64) -> Result<[u32; VOCAB], SamplingError> {
    let mut sampler = Sampler::new(params, VOCAB, seed)?;
    let mut counts = [0; VOCAB];
    for _ in 0..DRAWS {
        counts[sampler.sample(&mut logits(), HISTORY)? as usize] += 1;
    }
    Ok(counts)
}

/// Chi-square of the counts, divided by its quantile of 1 − 1/10,000: a correct sampler exceeds 1
/// in one of 10,000 cases. Infinite if an id of probability 0 was drawn.
fn distance(counts: &[u32], probabilities: &[f64]) -> f64 {
    let mut chi_square = 0.0;
    let mut possible = 0.0;
    for (&count, &p) in counts.iter().zip(probabilities) {
        let expected = p * f64::from(DRAWS);
        if expected > 0.0 {
            assert!(expected > 5.0, "too rare for the test: {expected}");
            possible += 1.0;
            chi_square += (f64::from(count) - expected).powi(2) / expected;
        } else if count > 0 {
            return f64::INFINITY;
        }
    }
    // Quantile by the approximation of Wilson and Hilferty; 3.719 is that of the normal
    // distribution.
    let freedom: f64 = possible - 1.0;
    let spread = 2.0 / (9.0 * freedom);
    chi_square / (freedom * (1.0 - spread + 3.719 * spread.sqrt()).powi(3))
}

#[test]
fn draws_follow_the_exact_distribution() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        for (seed, params) in (7..).zip(chains()) {
            let params = params.with_rng(rng);
            let distance = distance(&counts(&params, seed).unwrap(), &exact(&params).unwrap());
            assert!(distance < 1.0, "{distance} for {params:?}");
        }
    }
}

/// The test above detects a temperature that is 5 % too high, and an XTC that is active 5 % too
/// often.
#[test]
fn draws_of_a_slightly_different_distribution_are_detected() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        let xtc = |probability| {
            plain_chain().with_rng(rng).with_xtc(
                XtcParams::default()
                    .with_probability(probability)
                    .with_threshold(0.06),
            )
        };
        let heated = |temperature| plain_chain().with_rng(rng).with_temperature(temperature);
        for (params, other) in [(heated(1.0), heated(1.05)), (xtc(0.3), xtc(0.315))] {
            let counts = counts(&params, 7).unwrap();
            assert!(distance(&counts, &exact(&params).unwrap()) < 1.0);
            assert!(distance(&counts, &exact(&other).unwrap()) > 1.0);
        }
    }
}
