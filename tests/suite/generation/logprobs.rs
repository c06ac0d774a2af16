//! How likely tokens were: while they are generated, and of a given text.

use crate::fixtures::{Golden, assert_close, faust, repository};
use crate::generation::generator::{events, options};
use crate::parity::logits::log_softmax;
use serde::Deserialize;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Device, Event, GenerateError, GenerateOptions, ModelConfig, ModelError, ModelOptions,
    SamplingError, SamplingParams, TokenLogprobs, Tokenizer, WolfgangGenerator, WolfgangModel,
};
use wolfgang_model::{Parameter, RowReader};

#[derive(Deserialize)]
struct Case {
    text: String,
    /// None for a text of one token.
    perplexity: Option<f64>,
}

#[test]
fn scores_equal_the_originals() {
    let golden = Golden::read("faust/logits.safetensors");
    for (i, case) in golden.cases::<Case>().iter().enumerate() {
        let score = faust().score(&case.text).unwrap();
        assert_eq!(score.ids, golden.ids(&format!("{i}.ids")));
        assert_eq!(score.logprobs[0], None);
        let found: Vec<f32> = score.logprobs[1..].iter().map(|p| p.unwrap()).collect();
        let expected = golden.f32(&format!("{i}.logprobs"));
        assert_close(&found, &expected, 1e-4, &case.text);
        let found = score.perplexity();
        assert_eq!(found.is_some(), case.perplexity.is_some());
        if let (Some(found), Some(expected)) = (found, case.perplexity) {
            assert!(
                (found / expected - 1.0).abs() < 1e-4,
                "{found} is not {expected}"
            );
        }
    }
}

/// ln p of each id behind the ids before it, from `from` on.
fn slowly(ids: &[u32], from: usize) -> f32 {
    let (last, before) = ids.split_last().unwrap();
    let mut cache = faust().model().new_cache().unwrap();
    let logits = faust().model().forward_cached(&before[from..], &mut cache);
    log_softmax(&logits.unwrap(), *last)
}

#[test]
fn a_long_text_is_scored_in_windows_that_overlap_by_half() {
    let block_size = faust().model().config().block_size;
    let ids: Vec<u32> = (0..2 * block_size as u32 + 44)
        .map(|i| 200 + i * 37 % 3000)
        .collect();
    let score = faust().score(&ids).unwrap();
    assert_eq!(score.logprobs.len(), ids.len());
    assert!(score.logprobs[1..].iter().all(Option::is_some));
    // The first window's tokens see all before them, a later window's at least half a block.
    for (at, from) in [(1, 0), (200, 0), (block_size - 1, 0)] {
        let expected = slowly(&ids[..=at], from);
        assert!((score.logprobs[at].unwrap() - expected).abs() < 1e-4);
    }
    let half = block_size / 2;
    for at in [block_size, block_size + 100, 2 * block_size] {
        let begins: Vec<usize> = (0..5).map(|window| window * half).collect();
        let told = score.logprobs[at].unwrap();
        let fits = |begin: &usize| {
            *begin + half <= at
                && at - begin <= block_size
                && (slowly(&ids[..=at], *begin) - told).abs() < 1e-4
        };
        assert!(begins.iter().any(fits), "position {at}: {told}");
    }
}

#[test]
fn texts_that_are_too_short_have_no_perplexity() {
    let one = faust().score(&[300]).unwrap();
    assert_eq!((one.logprobs.len(), one.perplexity()), (1, None));
    // An empty text is the beginning of a document.
    assert_eq!(faust().score("").unwrap().ids, [0]);
    assert!(matches!(
        faust().score(&[1, 9999]),
        Err(GenerateError::Model(ModelError::UnknownId {
            id: 9999,
            position: 1,
            ..
        }))
    ));
}

/// As small as a model for the Faust model's tokenizer can be.
pub(crate) fn tiny(block_size: usize) -> ModelConfig {
    ModelConfig::default()
        .with_n_layer(1)
        .with_n_embd(20)
        .with_block_size(block_size)
        .with_vocab_size(faust().model().config().vocab_size)
}

pub(crate) fn with_the_tokenizer(model: WolfgangModel) -> WolfgangGenerator {
    let tokenizer = Tokenizer::from_file(repository("models/faust/tokenizer.json"));
    WolfgangGenerator::new(model, tokenizer.unwrap()).unwrap()
}

#[test]
fn a_context_of_one_token_is_enough_to_score() {
    let ids = [300, 301, 302, 303];
    for block_size in [1, 2, 3] {
        let checkpoint = Checkpoint::random(&tiny(block_size), 7).unwrap();
        let generator = with_the_tokenizer(checkpoint.into_model(&Device::flex()).unwrap());
        let score = generator.score(&ids).unwrap();
        assert_eq!(score.logprobs[0], None);
        for (told, id) in score.logprobs.iter().zip(ids).skip(1) {
            let told = told.unwrap();
            assert!(told.is_finite(), "{id} has {told} with {block_size}");
        }
    }
}

#[test]
fn logits_that_are_not_numbers_have_no_score() {
    let open = |_: &Parameter| -> Result<RowReader<'_, ModelError>, ModelError> {
        Ok(Box::new(|_, weights| {
            weights.fill(f32::NAN);
            Ok(())
        }))
    };
    let options = ModelOptions::default();
    let model = WolfgangModel::from_weights(&tiny(8), &Device::flex(), options, open).unwrap();
    assert!(matches!(
        with_the_tokenizer(model).score(&[300, 301]),
        Err(GenerateError::Sampling(SamplingError::InvalidLogit {
            id: 0,
            ..
        }))
    ));
}

fn with_logprobs(n: usize, sampling: SamplingParams) -> GenerateOptions {
    options(24).with_logprobs(n).with_sampling(sampling)
}

/// The model's probabilities are those of a score of the same text; the chain's are drawn from.
#[test]
fn generated_tokens_are_as_likely_as_their_score_says() {
    let (events, summary) = events(
        "Habe nun, ach!",
        &with_logprobs(5, SamplingParams::default()),
    );
    let prompt = faust().tokenizer().encode("Habe nun, ach!").unwrap();
    let all = [&prompt[..], &summary.ids].concat();
    let score = faust().score(&all).unwrap();
    assert_eq!(summary.logprobs.len(), summary.generated_tokens);
    for (told, at) in summary.logprobs.iter().zip(prompt.len()..) {
        assert_eq!(told.chosen.id, all[at]);
        assert!((told.chosen.model - score.logprobs[at].unwrap()).abs() < 1e-4);
        assert!(told.chosen.sampled <= 0.0 && told.chosen.sampled.is_finite());
        assert_eq!(told.alternatives.len(), 5);
        let falling = told.alternatives.windows(2);
        assert!(falling.into_iter().all(|two| two[0].model >= two[1].model));
        let sum: f32 = told.alternatives.iter().map(|a| a.sampled.exp()).sum();
        assert!(sum <= 1.0 + 1e-4, "{sum}");
    }
    let pieces: Vec<TokenLogprobs> = events
        .into_iter()
        .flat_map(|event| match event {
            Event::Text { logprobs, ids, .. } => {
                assert_eq!(logprobs.len(), ids.len());
                logprobs
            }
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(pieces, summary.logprobs);
}

#[test]
fn there_are_as_many_alternatives_as_tokens() {
    let vocab_size = faust().model().config().vocab_size;
    let ask = |n| {
        let options = options(1).with_logprobs(n);
        faust().generate_text("Ach", &options)
    };
    let all = ask(vocab_size).unwrap();
    assert_eq!(all.logprobs[0].alternatives.len(), vocab_size);
    for n in [vocab_size + 1, usize::MAX] {
        assert!(matches!(
            ask(n),
            Err(GenerateError::TooManyAlternatives { n: found, .. }) if found == n
        ));
    }
}

#[test]
fn logprobs_change_no_text() {
    let free = faust().generate_text("Ach", &options(24)).unwrap();
    assert!(free.logprobs.is_empty());
    for n in [0, 3] {
        let told = with_logprobs(n, SamplingParams::default());
        let told = faust().generate_text("Ach", &told).unwrap();
        assert_eq!((told.ids, told.logprobs.len()), (free.ids.clone(), 24));
        assert!(told.logprobs.iter().all(|one| one.alternatives.len() == n));
    }
    // A greedy choice has probability 1 in the sampled distribution.
    let greedy = SamplingParams::default()
        .with_temperature(0.0)
        .with_repetition_penalty(1.0);
    let told = faust().generate_text("Ach", &with_logprobs(1, greedy));
    for one in told.unwrap().logprobs {
        assert_eq!((one.chosen.sampled, one.chosen), (0.0, one.alternatives[0]));
        assert!(one.chosen.model < 0.0);
    }
}
