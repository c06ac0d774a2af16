//! Scores for evaluation: continuations of a context, alternatives, rolling windows. Their numbers
//! are those that generation reports for the same ids, bit for bit.

use crate::fixtures::{faust, repository};
use crate::generation::generator::options;
use crate::generation::logprobs::{tiny, with_the_tokenizer};
use proptest::prelude::*;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    ContinuationScore, Device, GenerateError, ModelError, ModelOptions, Prompt, SamplingParams,
    Score, ScoreOptions, ScoreWindows, WolfgangGenerator, WolfgangModel,
};
use wolfgang_model::{Parameter, RowReader};

const END_OF_TEXT: u32 = 0;

fn bits(logprobs: &[f32]) -> Vec<u32> {
    logprobs.iter().map(|logprob| logprob.to_bits()).collect()
}

/// The logarithms of a text's tokens from `from` on.
fn known(score: &Score, from: usize) -> Vec<f32> {
    score.logprobs[from..].iter().map(|p| p.unwrap()).collect()
}

fn rolling(alternatives: usize) -> ScoreOptions {
    ScoreOptions::default()
        .with_windows(ScoreWindows::Rolling)
        .with_alternatives(alternatives)
}

#[test]
fn a_score_is_what_generation_reports_bit_for_bit() {
    for threads in [1, 2] {
        let model_options = ModelOptions::default().with_threads(NonZeroUsize::new(threads));
        let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
        let model = checkpoint.into_model_with(&Device::flex(), model_options, &mut ());
        let generator = with_the_tokenizer(model.unwrap());
        let mut prompt = generator.tokenizer().encode("Habe nun, ach!").unwrap();
        prompt.insert(0, END_OF_TEXT);
        let generate_options = options(24).with_logprobs(3);
        let generated = generator.generate_text(&prompt, &generate_options).unwrap();
        let chosen = generated.logprobs.iter().map(|token| token.chosen.model);
        let expected = bits(&chosen.collect::<Vec<_>>());
        assert_eq!(expected.len(), 24);

        let continuation = generator
            .score_continuation(&prompt, &generated.ids)
            .unwrap();
        assert_eq!(bits(&continuation.logprobs), expected, "{threads} threads");
        assert_eq!(continuation.ids, generated.ids);

        let all = [&prompt[..], &generated.ids].concat();
        let score = generator.score(&all).unwrap();
        assert_eq!(bits(&known(&score, prompt.len())), expected);

        // Without the <|endoftext|> that rolling windows begin with.
        let score = generator.score_with(&all[1..], &rolling(3)).unwrap();
        assert_eq!(bits(&known(&score, prompt.len() - 1)), expected);
        let found = &score.alternatives[prompt.len() - 1..];
        for (found, token) in found.iter().zip(&generated.logprobs) {
            let found = found.iter().map(|one| (one.id, one.logprob.to_bits()));
            let expected = token.alternatives.iter();
            let expected = expected.map(|one| (one.id, one.model.to_bits()));
            assert!(found.eq(expected));
        }
    }
}

#[test]
fn the_greedy_continuation_is_reported_as_greedy() {
    let generate_options = options(12).with_sampling(
        SamplingParams::default()
            .with_temperature(0.0)
            .with_repetition_penalty(1.0),
    );
    let context = "Wer reitet so spät";
    let greedy = faust().generate_text(context, &generate_options).unwrap();
    let mut ids = greedy.ids;
    let score = |ids: &[u32]| faust().score_continuation(context, ids).unwrap();
    assert!(score(&ids).is_greedy);
    assert!(score(&ids[..1]).is_greedy);
    ids[5] += 1;
    assert!(!score(&ids).is_greedy);
}

#[test]
fn of_equally_likely_tokens_the_lowest_is_greedy() {
    let open = |_: &Parameter| -> Result<RowReader<'_, ModelError>, ModelError> {
        Ok(Box::new(|_, weights| {
            weights.fill(0.0);
            Ok(())
        }))
    };
    let model = WolfgangModel::from_weights(
        &tiny(BLOCK_SIZE),
        &Device::flex(),
        ModelOptions::default(),
        open,
    );
    let generator = with_the_tokenizer(model.unwrap());
    let [lowest, other] = [0, 1].map(|id| generator.score_continuation(&[7], &[id]).unwrap());
    assert_eq!(lowest.logprobs, other.logprobs);
    assert!(lowest.is_greedy && !other.is_greedy);
}

/// Positions that the tiny model has.
const BLOCK_SIZE: usize = 16;

/// The score by its definition: of the last `block_size + 1` ids as a text of their own.
fn by_definition(
    generator: &WolfgangGenerator,
    context: &[u32],
    continuation: &[u32],
) -> (Vec<u32>, bool) {
    let config = generator.model().config();
    let all = [context, continuation].concat();
    let window = &all[all.len().saturating_sub(config.block_size + 1)..];
    let from = window.len() - continuation.len();
    let score = generator.score(window).unwrap();
    let logits = generator.model().forward(&window[..window.len() - 1]);
    let logits = logits.unwrap();
    let rows = logits.chunks_exact(config.vocab_size).skip(from - 1);
    let is_greedy = rows.zip(continuation).all(|(row, id)| {
        let largest = row.iter().copied().fold(f32::MIN, f32::max);
        row.iter().position(|logit| *logit == largest) == Some(*id as usize)
    });
    (bits(&known(&score, from)), is_greedy)
}

fn assert_is(found: &ContinuationScore, expected: &(Vec<u32>, bool), context: usize) {
    assert_eq!(
        (&bits(&found.logprobs), found.is_greedy),
        (&expected.0, expected.1)
    );
    let sum: f64 = found.logprobs.iter().map(|x| f64::from(*x)).sum();
    assert_eq!(found.sum_logprob(), sum);
    let dropped = (context + found.ids.len()).saturating_sub(BLOCK_SIZE + 1);
    assert_eq!(found.truncated_tokens, dropped);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Also with a truncated context, and after other scores.
    #[test]
    fn continuations_of_a_shared_context_score_as_alone(
        context in proptest::collection::vec(0u32..4096, 1..=24),
        others in proptest::collection::vec(
            proptest::collection::vec(0u32..4096, 1..=BLOCK_SIZE),
            0..4,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        static TINY: LazyLock<WolfgangGenerator> = LazyLock::new(|| {
            let checkpoint = Checkpoint::random(&tiny(BLOCK_SIZE), 7).unwrap();
            with_the_tokenizer(checkpoint.into_model(&Device::flex()).unwrap())
        });
        // Parts of the context itself, and what has nothing to do with it.
        let cut = 1 + cut.index(context.len());
        let (context, rest) = context.split_at(cut);
        let mut continuations = others;
        for end in 1..=rest.len().min(BLOCK_SIZE) {
            continuations.push(rest[..end].to_vec());
        }
        let found = TINY.score_continuations(context, &continuations).unwrap();
        prop_assert_eq!(found.len(), continuations.len());
        for (found, continuation) in found.iter().zip(&continuations) {
            prop_assert_eq!(&found.ids, continuation);
            let expected = by_definition(&TINY, context, continuation);
            assert_is(found, &expected, context.len());
            let alone = TINY.score_continuation(context, continuation).unwrap();
            assert_is(&alone, &expected, context.len());
        }
    }
}

#[test]
fn context_and_continuation_are_encoded_as_one_text() {
    let tokenizer = faust().tokenizer();
    let score = |context: &str, continuation: &str| {
        faust().score_continuation(context, continuation).unwrap()
    };
    let ids = |text: &str| tokenizer.encode(text).unwrap();
    // The space belongs to the word after it; the second word is cut in the middle of a token.
    for (context, continuation, kept) in [
        (
            "Es irrt der Mensch",
            ", solang er strebt.",
            "Es irrt der Mensch",
        ),
        (
            "Es irrt der Mensch,",
            " solang er strebt.",
            "Es irrt der Mensch,",
        ),
        (
            "Es irrt der Mensch, ",
            "solang er strebt.",
            "Es irrt der Mensch,",
        ),
        (
            "Es irrt der Mensch,\n \u{1f}\t",
            "solang",
            "Es irrt der Mensch,",
        ),
        (
            "Es irrt der Mens",
            "ch, solang er strebt.",
            "Es irrt der Mens",
        ),
    ] {
        let whole = ids(&format!("{context}{continuation}"));
        let expected = &whole[ids(kept).len()..];
        let found = score(context, continuation);
        assert_eq!(found.ids, expected, "{context:?}");
        let of_ids = faust().score_continuation(&ids(kept), expected).unwrap();
        assert_eq!(found, of_ids, "{context:?}");
    }
    // An empty context is the beginning of a document.
    let of_ids = faust()
        .score_continuation(&[END_OF_TEXT], &ids("Habe nun"))
        .unwrap();
    assert_eq!(score("", "Habe nun"), of_ids);
    let of_ids = faust()
        .score_continuation(&[END_OF_TEXT], &ids(" Habe"))
        .unwrap();
    assert_eq!(score(" ", "Habe"), of_ids);
    assert_eq!(
        faust()
            .score_continuation(Prompt::Ids(&[]), " Habe")
            .unwrap(),
        of_ids
    );
}

#[test]
fn invalid_continuations_are_errors() {
    let block_size = faust().model().config().block_size;
    let long = vec![300; block_size + 1];
    let score = faust().score_continuation("Ach", &long[1..]).unwrap();
    assert_eq!(score.logprobs.len(), block_size);
    assert!(matches!(
        faust().score_continuation("Ach", &long),
        Err(GenerateError::ContinuationTooLong { tokens, block_size: limit })
            if tokens == block_size + 1 && limit == block_size
    ));
    for empty in [Prompt::Text(""), Prompt::Ids(&[])] {
        assert!(matches!(
            faust().score_continuation("Ach", empty),
            Err(GenerateError::EmptyContinuation)
        ));
    }
    for (context, continuation) in [([1, 9999], [2, 3]), ([2, 3], [1, 9999])] {
        assert!(matches!(
            faust().score_continuations(&context, [&continuation]),
            Err(GenerateError::Model(ModelError::UnknownId {
                id: 9999,
                position: 1,
                ..
            }))
        ));
    }
}

#[test]
fn rolling_windows_score_every_token_once() {
    let block_size = faust().model().config().block_size;
    let ids: Vec<u32> = (0..2 * block_size as u32 + 44)
        .map(|i| 200 + i * 37 % 3000)
        .collect();
    let score = faust().score_with(&ids, &rolling(0)).unwrap();
    assert_eq!(score.ids, ids);
    let windows = [
        (&[END_OF_TEXT][..], &ids[..block_size]),
        (
            &ids[block_size - 1..block_size],
            &ids[block_size..2 * block_size],
        ),
        (
            &ids[block_size + 43..2 * block_size],
            &ids[2 * block_size..],
        ),
    ];
    let mut expected = Vec::new();
    for (context, continuation) in windows {
        let window = faust().score_continuation(context, continuation).unwrap();
        assert_eq!(window.truncated_tokens, 0);
        expected.extend(window.logprobs);
    }
    assert_eq!(bits(&known(&score, 0)), bits(&expected));
    let sum: f64 = expected.iter().map(|x| f64::from(*x)).sum();
    assert_eq!(score.sum_logprob(), sum);
    assert_eq!(score.mean_logprob(), Some(sum / ids.len() as f64));

    let empty = faust().score_with("", &rolling(2)).unwrap();
    assert_eq!((empty.ids.len(), empty.perplexity()), (0, None));
    assert_eq!(empty.sum_logprob(), 0.0);
}

#[test]
fn alternatives_are_the_likeliest_of_each_position() {
    let vocab_size = faust().model().config().vocab_size;
    let ask = |alternatives| {
        let options = ScoreOptions::default().with_alternatives(alternatives);
        faust().score_with("Habe nun, ach!", &options)
    };
    let score = ask(4).unwrap();
    let plain = faust().score("Habe nun, ach!").unwrap();
    assert_eq!((&score.ids, &score.logprobs), (&plain.ids, &plain.logprobs));
    assert!(plain.alternatives.iter().all(Vec::is_empty));
    assert_eq!(score.alternatives.len(), score.ids.len());
    assert!(score.alternatives[0].is_empty());
    for (at, alternatives) in score.alternatives.iter().enumerate().skip(1) {
        assert_eq!(alternatives.len(), 4);
        let mut pairs = alternatives.windows(2);
        assert!(pairs.all(|two| two[0].logprob >= two[1].logprob));
        let own = alternatives.iter().find(|one| one.id == score.ids[at]);
        let own = own.map(|one| one.logprob);
        assert!(own.is_none_or(|own| Some(own) == score.logprobs[at]));
        assert!(own.is_some() || score.logprobs[at] <= Some(alternatives[3].logprob));
    }
    let all = ask(vocab_size).unwrap();
    let sum: f64 = all.alternatives[1]
        .iter()
        .map(|one| f64::from(one.logprob).exp())
        .sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    assert!(matches!(
        ask(vocab_size + 1),
        Err(GenerateError::TooManyAlternatives { n, .. }) if n == vocab_size + 1
    ));
}

/// A model's vocabulary may be padded with ids that the tokenizer does not have. They are never
/// generated.
#[test]
fn ids_of_padding_are_no_alternatives() {
    let tokens = faust().tokenizer().vocab_size();
    let config = tiny(64).with_vocab_size(5056);
    let checkpoint = Checkpoint::random(&config, 1).unwrap();
    let generator = with_the_tokenizer(checkpoint.into_model(&Device::flex()).unwrap());
    let ids = [300, 301];
    let score = generator.score_with(&ids, &ScoreOptions::default().with_alternatives(50));
    let alternatives = &score.unwrap().alternatives[1];
    assert_eq!(alternatives.len(), 50);
    assert!(alternatives.iter().all(|one| (one.id as usize) < tokens));

    let logits = generator.model().forward(&ids[..1]).unwrap();
    let least = logits[alternatives[49].id as usize];
    assert!(logits[tokens..].iter().any(|logit| *logit > least));
}
