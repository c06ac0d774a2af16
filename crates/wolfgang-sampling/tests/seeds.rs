//! The ids that a seed gives never change between releases.

use wolfgang_sampling::{
    ChaChaRng, History, MirostatParams, RngKind, Sampler, SamplingError, SamplingParams, TorchRng,
    XtcParams, draw,
};

const VOCAB: u32 = 512;

/// Pseudorandom logits, different in every step.
fn logits(step: u32) -> Vec<f32> {
    (0..VOCAB)
        .map(|id| ((id * 7919 + step * 104_729) % 1009) as f32 / 64.0)
        .collect()
}

fn ids<const STEPS: usize>(
    params: &SamplingParams,
    seed: u64,
) -> Result<[u32; STEPS], SamplingError> {
    let mut sampler = Sampler::new(params, VOCAB as usize, seed)?;
    let mut ids = [0; STEPS];
    for step in 0..STEPS {
        let history = History::new(&[1, 2, 3], &ids[..step]);
        ids[step] = sampler.sample(&mut logits(step as u32), history)?;
    }
    Ok(ids)
}

fn unfiltered() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(1.0)
        .with_top_k(None)
        .with_top_p(None)
        .with_repetition_penalty(1.0)
}

/// Recorded in the first release, which had only the four steps of the original.
#[test]
fn seeds_give_the_ids_of_the_first_release() {
    let default = SamplingParams::default();
    assert_eq!(
        ids(&default, 0).unwrap(),
        [
            277, 91, 57, 405, 285, 79, 78, 261, 240, 34, 211, 460, 149, 431, 146, 237, 473, 254,
            378, 212, 26, 64, 366, 490
        ]
    );
    assert_eq!(
        ids(&default, 42).unwrap(),
        [
            218, 368, 380, 82, 430, 165, 104, 393, 497, 166, 290, 269, 307, 187, 489, 448, 249,
            320, 68, 80, 481, 229, 432, 2
        ]
    );
    assert_eq!(
        ids(&unfiltered(), 0).unwrap(),
        [
            284, 91, 57, 405, 285, 99, 65, 261, 240, 34, 211, 467, 136, 431, 134, 224, 460, 241,
            398, 192, 26, 64, 367, 484
        ]
    );
    assert_eq!(
        ids(&unfiltered(), 42).unwrap(),
        [
            205, 368, 367, 82, 430, 178, 92, 393, 497, 173, 290, 269, 307, 188, 489, 448, 236, 327,
            68, 61, 481, 216, 452, 2
        ]
    );
}

/// Ground truth: the chain of the original in torch 2.9.0 on the CPU (temperature, repetition
/// penalty, top-k, top-p, softmax, `torch.multinomial`), with the same logits.
#[test]
fn seeds_with_the_generator_of_torch_give_the_ids_of_torch() {
    let torch = |params: SamplingParams| params.with_rng(RngKind::Torch);
    let default = torch(SamplingParams::default());
    let unfiltered = torch(unfiltered());
    assert_eq!(
        ids(&default, 0).unwrap(),
        [
            376, 368, 459, 128, 318, 211, 104, 360, 253, 298, 92, 394, 96, 352, 423, 125, 460, 142,
            286, 456, 250, 506, 23, 378
        ]
    );
    assert_eq!(
        ids(&default, 42).unwrap(),
        [
            297, 177, 492, 484, 331, 145, 381, 426, 42, 344, 125, 5, 340, 319, 199, 270, 71, 142,
            345, 192, 382, 361, 23, 213
        ]
    );
    assert_eq!(
        ids(&unfiltered, 0).unwrap(),
        [
            436, 395, 459, 327, 318, 211, 73, 222, 253, 298, 92, 381, 479, 352, 423, 20, 460, 142,
            286, 239, 165, 506, 23, 378
        ]
    );
    assert_eq!(
        ids(&unfiltered, 42).unwrap(),
        [
            297, 52, 492, 484, 193, 27, 296, 426, 42, 127, 343, 157, 340, 319, 285, 185, 203, 142,
            36, 192, 270, 190, 23, 213
        ]
    );
}

/// Steps without effect do not change the ids. XTC consumes one number per step, even if it masks
/// nothing.
#[test]
fn only_xtc_and_the_draw_consume_random_numbers() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        let plain = unfiltered().with_rng(rng);
        let idle = plain
            .clone()
            .with_min_p(1e-30)
            .with_top_n_sigma(100.0)
            .with_logit_bias([(5, 0.0)])
            .with_mirostat(MirostatParams::default().with_tau(100.0))
            .with_xtc(XtcParams::default().with_probability(0.0));
        assert_eq!(ids::<16>(&idle, 5).unwrap(), ids(&plain, 5).unwrap());
        let xtc = plain
            .clone()
            .with_xtc(XtcParams::default().with_probability(1e-30));
        let with: [u32; 16] = ids(&xtc, 5).unwrap();
        assert_ne!(with, ids(&plain, 5).unwrap());
        assert_eq!(with, ids_after_one_number(&plain, 5).unwrap());
    }
}

/// The ids if each draw is preceded by one random number that is not used.
fn ids_after_one_number(params: &SamplingParams, seed: u64) -> Result<[u32; 16], SamplingError> {
    let mut chacha = ChaChaRng::new(seed);
    let mut torch = TorchRng::new(seed);
    let mut sampler = Sampler::new(params, VOCAB as usize, seed)?;
    let mut ids = [0; 16];
    for step in 0..ids.len() {
        let mut probabilities = logits(step as u32);
        let history = History::new(&[1, 2, 3], &ids[..step]);
        sampler.probabilities(&mut probabilities, history)?;
        ids[step] = match params.rng {
            RngKind::ChaCha => {
                chacha.uniform();
                draw(&probabilities, chacha.uniform())
            }
            RngKind::Torch => {
                torch.uniform();
                torch.multinomial(&probabilities)
            }
            other => unreachable!("no reference for {other:?}"),
        };
    }
    Ok(ids)
}

#[test]
fn greedy_sampling_consumes_no_random_numbers() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        let params = SamplingParams::default()
            .with_temperature(0.0)
            .with_rng(rng);
        assert_eq!(ids::<8>(&params, 0).unwrap(), ids(&params, 1).unwrap());
    }
}
