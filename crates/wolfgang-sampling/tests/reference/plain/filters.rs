//! The filters.

use super::Softmax;
use wolfgang_sampling::SamplingParams;

const OUT: f32 = f32::NEG_INFINITY;

/// Steps 11 to 17.
pub(super) fn filter(params: &SamplingParams, logits: &mut [f32], u: f64) {
    if let Some(n) = params.top_n_sigma {
        top_n_sigma(n, logits);
    }
    if let Some(k) = params.top_k {
        top_k(k, logits);
    }
    if let Some(p) = params.typical_p.filter(|&p| p < 1.0) {
        typical_p(p, logits);
    }
    if let Some(p) = params.top_p.filter(|&p| p < 1.0) {
        top_p(p, logits);
    }
    if let Some(p) = params.min_p {
        let floor = max(logits) + p.ln();
        mask(logits, |_, l| l < floor);
    }
    if let Some(xtc) = &params.xtc
        && u < f64::from(xtc.probability)
    {
        exclude_top_choices(xtc.threshold, logits);
    }
    if let Some(mirostat) = &params.mirostat {
        let mu = 2.0 * f64::from(mirostat.tau);
        let surprisals = Softmax::of(logits).surprisals;
        let most_likely = most_likely(logits);
        let exceeds = |id: usize| surprisals[id] > mu * std::f64::consts::LN_2;
        // If the most likely id exceeds `mu`, only that id is kept, and not others as likely.
        mask(logits, |id, _| {
            id != most_likely && (exceeds(id) || exceeds(most_likely))
        });
    }
}

fn mask(logits: &mut [f32], is_masked: impl Fn(usize, f32) -> bool) {
    for (id, logit) in logits.iter_mut().enumerate() {
        if is_masked(id, *logit) {
            *logit = OUT;
        }
    }
}

fn max(logits: &[f32]) -> f32 {
    logits.iter().copied().fold(OUT, f32::max)
}

fn most_likely(logits: &[f32]) -> usize {
    let max = max(logits);
    logits.iter().position(|&l| l == max).unwrap_or(0)
}

fn top_n_sigma(n: f32, logits: &mut [f32]) {
    let max = max(logits);
    if max == OUT {
        return;
    }
    // Eight partial sums: they define the order of rounding.
    let (mut sums, mut squares) = ([0f64; 8], [0f64; 8]);
    let mut possible = 0.0;
    for (id, &logit) in logits.iter().enumerate() {
        if logit > OUT {
            let distance = f64::from(max - logit);
            sums[id % 8] += distance;
            squares[id % 8] += distance * distance;
            possible += 1.0;
        }
    }
    let mean = sums.iter().sum::<f64>() / possible;
    let variance = squares.iter().sum::<f64>() / possible - mean * mean;
    let sigma = if variance < 0.0 { 0.0 } else { variance.sqrt() };
    let floor = (f64::from(max) - f64::from(n) * sigma) as f32;
    mask(logits, |_, l| l < floor);
}

fn top_k(k: usize, logits: &mut [f32]) {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    if let Some(&kth) = sorted.get(k - 1) {
        mask(logits, |_, l| l < kth);
    }
}

fn typical_p(p: f32, logits: &mut [f32]) {
    let softmax = Softmax::of(logits);
    let distance = |id: usize| (softmax.surprisals[id] - softmax.entropy).abs() as f32;
    let mut ranked: Vec<usize> = (0..logits.len()).filter(|&id| logits[id] > OUT).collect();
    ranked.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    let mut before = 0.0;
    for (rank, id) in ranked.into_iter().enumerate() {
        if rank > 0 && before as f32 >= p {
            logits[id] = OUT;
        }
        before += softmax.probabilities[id];
    }
}

fn top_p(p: f32, logits: &mut [f32]) {
    let mut ranked: Vec<usize> = (0..logits.len()).collect();
    ranked.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let max = logits[ranked[0]];
    let weights: Vec<f64> = ranked
        .iter()
        .map(|&id| f64::from((logits[id] - max).exp()))
        .collect();
    let total: f64 = weights.iter().sum();
    let mut before = 0.0;
    for (id, weight) in ranked.into_iter().zip(weights) {
        if before as f32 > p {
            logits[id] = OUT;
        }
        before += weight / total;
    }
}

fn exclude_top_choices(threshold: f32, logits: &mut [f32]) {
    let probabilities = Softmax::of(logits).probabilities;
    let mut top: Vec<usize> = (0..logits.len())
        .filter(|&id| logits[id] > OUT && probabilities[id] as f32 >= threshold)
        .collect();
    // The sort is stable: of equally likely ids the lowest comes first.
    top.sort_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    for &id in top.iter().skip(1) {
        logits[id] = OUT;
    }
}
