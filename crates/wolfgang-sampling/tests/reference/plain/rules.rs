//! The steps before the filters.

use super::Softmax;
use std::collections::BTreeMap;
use wolfgang_sampling::{DryParams, History, SamplingParams};

/// Steps 1 to 4.
pub(super) fn mask(params: &SamplingParams, logits: &mut [f32], history: History<'_>) {
    let sequence = [history.prompt, history.generated].concat();
    for (token, logit) in (0..).zip(logits) {
        let allowed = params.allowed_tokens.as_ref();
        let too_early = history.generated.len() < params.min_new_tokens;
        let repeats = params.no_repeat_ngram_size.is_some_and(|n| {
            let Some(begin) = (sequence.len() + 1).checked_sub(n) else {
                return false;
            };
            let ngram = [&sequence[begin..], &[token]].concat();
            sequence.windows(n).any(|window| window == ngram)
        });
        if allowed.is_some_and(|allowed| !allowed.contains(&token))
            || params.banned_tokens.contains(&token)
            || too_early && params.end_tokens.contains(&token)
            || repeats
        {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// Steps 5 to 7.
pub(super) fn add_and_subtract(params: &SamplingParams, logits: &mut [f32], history: History<'_>) {
    for &(id, bias) in &params.logit_bias {
        logits[id as usize] += bias;
    }
    for (id, logit) in (0..).zip(&mut *logits) {
        let count = history.generated.iter().filter(|&&other| other == id);
        let count = count.count() as f32;
        if count > 0.0 {
            *logit -= count * params.frequency_penalty + params.presence_penalty;
        }
    }
    if let Some(dry) = &params.dry {
        for (id, length) in repetitions(dry, history) {
            let exponent = (length - dry.allowed_length) as f64;
            let penalty = f64::from(dry.multiplier) * f64::from(dry.base).powf(exponent);
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit -= penalty.min(1e9) as f32;
            }
        }
    }
}

/// For each id that would continue a repetition of sufficient length, the longest such length.
fn repetitions(dry: &DryParams, history: History<'_>) -> BTreeMap<u32, usize> {
    let all = [history.prompt, history.generated].concat();
    let ids = &all[all.len().saturating_sub(dry.window)..];
    let breaks = |id: &u32| dry.sequence_breakers.contains(id);
    let mut longest = BTreeMap::new();
    for at in 0..ids.len() {
        let length = ids[..at]
            .iter()
            .rev()
            .zip(ids.iter().rev())
            .take_while(|(a, b)| a == b && !breaks(a))
            .count();
        if length >= dry.allowed_length && !breaks(&ids[at]) {
            let longest = longest.entry(ids[at]).or_insert(0);
            *longest = length.max(*longest);
        }
    }
    longest
}

/// Step 9.
pub(super) fn scale(params: &SamplingParams, logits: &mut [f32]) {
    let mut temperature = params.temperature;
    if let Some(dynamic) = &params.dynamic_temperature {
        let possible = logits.iter().filter(|l| **l > f32::NEG_INFINITY).count();
        if possible < 2 {
            return;
        }
        let share = Softmax::of(logits).entropy / (possible as f64).ln();
        let low = f64::from(temperature - dynamic.range);
        let high = f64::from(temperature + dynamic.range);
        let share = share.clamp(0.0, 1.0).powf(f64::from(dynamic.exponent));
        temperature = ((low + (high - low) * share) as f32).max(1e-6);
    }
    if temperature != 0.0 {
        logits.iter_mut().for_each(|l| *l /= temperature);
    }
}

/// Step 10.
pub(super) fn penalize(params: &SamplingParams, logits: &mut [f32], history: History<'_>) {
    let (older, newer) = history.last(params.repetition_window, params.penalty_scope);
    let mut recent = [older, newer].concat();
    recent.sort_unstable();
    recent.dedup();
    for id in recent {
        if let Some(logit) = logits.get_mut(id as usize) {
            if *logit < 0.0 {
                *logit *= params.repetition_penalty;
            } else {
                *logit /= params.repetition_penalty;
            }
        }
    }
}
