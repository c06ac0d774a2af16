use super::*;
use crate::{DryParams, DynamicTemperatureParams, MirostatParams, XtcParams};

/// A parameter, its value in the error, and a function that sets it.
type Case = (&'static str, &'static str, fn(&mut SamplingParams));

fn dynamic(range: f32, exponent: f32) -> Option<DynamicTemperatureParams> {
    Some(DynamicTemperatureParams { range, exponent })
}

fn dry(change: fn(&mut DryParams)) -> Option<DryParams> {
    let mut dry = DryParams::default();
    change(&mut dry);
    Some(dry)
}

fn xtc(probability: f32, threshold: f32) -> Option<XtcParams> {
    Some(XtcParams {
        probability,
        threshold,
    })
}

fn mirostat(tau: f32, eta: f32) -> Option<MirostatParams> {
    Some(MirostatParams { tau, eta })
}

const INVALID: &[Case] = &[
    ("temperature", "-1", |p| p.temperature = -1.0),
    ("temperature", "NaN", |p| p.temperature = f32::NAN),
    ("temperature", "inf", |p| p.temperature = f32::INFINITY),
    ("temperature", "0.0000001", |p| p.temperature = 1e-7),
    ("dynamic_temperature.range", "0", |p| {
        p.dynamic_temperature = dynamic(0.0, 1.0);
    }),
    ("dynamic_temperature.range", "0.7", |p| {
        p.dynamic_temperature = dynamic(0.7, 1.0);
    }),
    ("dynamic_temperature.range", "0.1", |p| {
        (p.temperature, p.dynamic_temperature) = (0.0, dynamic(0.1, 1.0));
    }),
    ("dynamic_temperature.range", "NaN", |p| {
        p.dynamic_temperature = dynamic(f32::NAN, 1.0);
    }),
    ("dynamic_temperature.exponent", "0", |p| {
        p.dynamic_temperature = dynamic(0.5, 0.0);
    }),
    ("dynamic_temperature.exponent", "inf", |p| {
        p.dynamic_temperature = dynamic(0.5, f32::INFINITY);
    }),
    ("repetition_penalty", "0", |p| p.repetition_penalty = 0.0),
    ("repetition_penalty", "NaN", |p| {
        p.repetition_penalty = f32::NAN;
    }),
    ("frequency_penalty", "NaN", |p| {
        p.frequency_penalty = f32::NAN;
    }),
    ("frequency_penalty", "-2000000", |p| {
        p.frequency_penalty = -2e6;
    }),
    ("presence_penalty", "inf", |p| {
        p.presence_penalty = f32::INFINITY;
    }),
    ("logit_bias", "-inf", |p| {
        p.logit_bias = vec![(1, 2.0), (2, f32::NEG_INFINITY)];
    }),
    ("logit_bias", "NaN", |p| p.logit_bias = vec![(1, f32::NAN)]),
    ("no_repeat_ngram_size", "0", |p| {
        p.no_repeat_ngram_size = Some(0);
    }),
    ("no_repeat_ngram_size", "1048577", |p| {
        p.no_repeat_ngram_size = Some((1 << 20) + 1);
    }),
    ("dry.multiplier", "-1", |p| {
        p.dry = dry(|d| d.multiplier = -1.0);
    }),
    ("dry.multiplier", "NaN", |p| {
        p.dry = dry(|d| d.multiplier = f32::NAN);
    }),
    ("dry.base", "0.5", |p| p.dry = dry(|d| d.base = 0.5)),
    ("dry.base", "inf", |p| {
        p.dry = dry(|d| d.base = f32::INFINITY);
    }),
    ("dry.allowed_length", "0", |p| {
        p.dry = dry(|d| d.allowed_length = 0);
    }),
    ("dry.window", "0", |p| p.dry = dry(|d| d.window = 0)),
    ("dry.window", "18446744073709551615", |p| {
        p.dry = dry(|d| d.window = usize::MAX);
    }),
    ("top_n_sigma", "-1", |p| p.top_n_sigma = Some(-1.0)),
    ("top_n_sigma", "NaN", |p| p.top_n_sigma = Some(f32::NAN)),
    ("top_k", "0", |p| p.top_k = Some(0)),
    ("typical_p", "1.5", |p| p.typical_p = Some(1.5)),
    ("typical_p", "NaN", |p| p.typical_p = Some(f32::NAN)),
    ("top_p", "2", |p| p.top_p = Some(2.0)),
    ("top_p", "-0.1", |p| p.top_p = Some(-0.1)),
    ("top_p", "NaN", |p| p.top_p = Some(f32::NAN)),
    ("min_p", "-0.1", |p| p.min_p = Some(-0.1)),
    ("min_p", "NaN", |p| p.min_p = Some(f32::NAN)),
    ("xtc.probability", "1.5", |p| p.xtc = xtc(1.5, 0.1)),
    ("xtc.probability", "NaN", |p| p.xtc = xtc(f32::NAN, 0.1)),
    ("xtc.threshold", "0.6", |p| p.xtc = xtc(0.5, 0.6)),
    ("xtc.threshold", "-0.1", |p| p.xtc = xtc(0.5, -0.1)),
    ("mirostat.tau", "0", |p| p.mirostat = mirostat(0.0, 0.1)),
    ("mirostat.tau", "101", |p| p.mirostat = mirostat(101.0, 0.1)),
    ("mirostat.tau", "NaN", |p| {
        p.mirostat = mirostat(f32::NAN, 0.1);
    }),
    ("mirostat.eta", "0", |p| p.mirostat = mirostat(5.0, 0.0)),
    ("mirostat.eta", "2", |p| p.mirostat = mirostat(5.0, 2.0)),
];

#[test]
fn invalid_values_are_reported_with_their_parameter() {
    for (name, shown, change) in INVALID {
        let mut params = SamplingParams::default();
        change(&mut params);
        match params.validate() {
            Err(SamplingError::InvalidParam {
                parameter, value, ..
            }) => {
                assert_eq!((parameter, value.as_str()), (*name, *shown));
            }
            other => panic!("{name} = {shown}: {other:?}"),
        }
    }
}

#[test]
fn the_ends_of_the_ranges_are_valid() {
    let ends = SamplingParams {
        no_repeat_ngram_size: Some(1),
        logit_bias: vec![(0, -1e6), (1, 1e6)],
        frequency_penalty: -1e6,
        presence_penalty: 1e6,
        dry: Some(DryParams {
            multiplier: 0.0,
            base: 1.0,
            allowed_length: usize::MAX,
            window: 1,
            sequence_breakers: Vec::new(),
        }),
        dynamic_temperature: dynamic(0.6, 1e-3),
        top_n_sigma: Some(0.0),
        typical_p: Some(0.0),
        min_p: Some(1.0),
        xtc: xtc(1.0, 0.5),
        mirostat: mirostat(100.0, 1.0),
        ..SamplingParams::default()
    };
    assert_eq!(ends.validate(), Ok(()));
    assert_eq!(SamplingParams::default().validate(), Ok(()));
}
