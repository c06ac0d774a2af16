//! A seed is a text: what seeds draw never changes from release to release.

use wolfgang_sampling::{History, RngKind, Sampler, SamplingError, SamplingParams};

const VOCAB: u32 = 512;

/// Logits of no particular shape, other ones in every step.
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
        let history = History {
            prompt: &[1, 2, 3],
            generated: &ids[..step],
        };
        ids[step] = sampler.sample(&mut logits(step as u32), history)?;
    }
    Ok(ids)
}

fn unfiltered() -> SamplingParams {
    SamplingParams {
        temperature: 1.0,
        top_k: None,
        top_p: None,
        repetition_penalty: 1.0,
        ..SamplingParams::default()
    }
}

/// Taken before there was any processor but the original's four.
#[test]
fn seeds_draw_what_they_drew_in_the_first_release() {
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

#[test]
fn greedy_takes_no_number_of_either_stream() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        let params = SamplingParams {
            temperature: 0.0,
            rng,
            ..SamplingParams::default()
        };
        assert_eq!(ids::<8>(&params, 0).unwrap(), ids(&params, 1).unwrap());
    }
}
