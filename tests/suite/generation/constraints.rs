//! Texts with a constraint.

use crate::fixtures::faust;
use crate::generation::engine::rows;
use crate::generation::foreign_templates;
use crate::generation::generator::{options, wild};
use serde_json::{Value, json};
use wolfgang_generate::{
    Batch, Constraint, ConstraintError, ConstraintProgress, ContextOverflow, Engine, EngineOptions,
    Event, FinishReason, GenerateError, GenerateOptions, Grammar, GrammarCompiler,
    GrammarConstraint, History, RngKind, SamplingParams, Summary, TokenMask, WolfgangGenerator,
};

/// Two of three ids follow from those before, and the third is free.
#[derive(Clone, Copy)]
struct Rule {
    /// Number of forced ids that it tells beforehand.
    told: usize,
    /// Whether it also tells ids that do not follow.
    guesses: bool,
}

impl Rule {
    fn only(generated: &[u32]) -> Option<u32> {
        let sum: u32 = generated
            .iter()
            .fold(7, |sum, id| sum.wrapping_mul(31) ^ id);
        (!generated.len().is_multiple_of(3)).then_some(300 + sum % 700)
    }
}

impl Constraint for Rule {
    fn allow(
        &mut self,
        history: History<'_>,
        allowed: &mut TokenMask,
    ) -> Result<(), ConstraintError> {
        match Self::only(history.generated) {
            Some(id) => allowed.insert(id),
            None => allowed.insert_bits(&[u32::MAX; 32]),
        }
        Ok(())
    }

    fn progress(&mut self, history: History<'_>) -> Result<ConstraintProgress, ConstraintError> {
        Ok(match history.generated.len() {
            0..10 => ConstraintProgress::Incomplete,
            10..40 => ConstraintProgress::Satisfied,
            _ => ConstraintProgress::Complete,
        })
    }

    fn forced(&mut self, history: History<'_>, ids: &mut Vec<u32>) -> Result<(), ConstraintError> {
        let mut generated = history.generated.to_vec();
        while ids.len() < self.told {
            let Some(id) = Self::only(&generated) else {
                if self.guesses {
                    ids.extend([5, 6, 7]);
                }
                break;
            };
            ids.push(id);
            generated.push(id);
        }
        Ok(())
    }
}

fn essence(summary: &Summary) -> (FinishReason, String, Vec<u32>, Option<bool>) {
    (
        summary.reason,
        summary.text.clone(),
        summary.ids.clone(),
        summary.satisfies_constraint,
    )
}

fn variants() -> Vec<GenerateOptions> {
    let greedy = SamplingParams::default().with_temperature(0.0);
    let torch = wild(0).sampling.with_rng(RngKind::Torch);
    let samplings = [greedy, wild(0).sampling, torch];
    let with = |sampling| options(50).with_sampling(sampling).with_seed(5);
    let mut all: Vec<_> = samplings.map(with).into();
    all.push(wild(20).with_logprobs(2).with_explain(1));
    all.push(wild(31).with_stop_strings(["er"]));
    all.push(wild(34).with_context_overflow(ContextOverflow::Shift));
    all
}

/// Forced ids are computed together, and wrong guesses are computed in vain: the text, its details
/// and the random numbers are the same.
#[test]
fn forced_ids_do_not_change_the_text() {
    let long: Vec<u32> = (0..245).map(|i| 300 + i).collect();
    for options in variants() {
        // A sliding window would cost a prefill per token.
        let shifts = options.context_overflow == ContextOverflow::Shift;
        for prompt in [&long[..1], &long]
            .into_iter()
            .take(1 + usize::from(shifts))
        {
            let text = |told, guesses| {
                let generation = faust().generate(prompt, &options).unwrap();
                let generation = generation.with_constraint(Rule { told, guesses });
                generation.into_summary().unwrap()
            };
            let one_by_one = text(0, false);
            assert!(!one_by_one.ids.is_empty());
            for (told, guesses) in [(1, true), (9, false), (9, true)] {
                let together = text(told, guesses);
                assert_eq!(essence(&together), essence(&one_by_one));
                assert_eq!(together.logprobs, one_by_one.logprobs);
                assert_eq!(together.explanations, one_by_one.explanations);
                assert_eq!(together.prompt_tokens, one_by_one.prompt_tokens);
            }
        }
    }
}

#[test]
fn a_constrained_text_is_the_same_alone_in_a_batch_in_a_session_and_in_an_engine() {
    let prompts: [Vec<u32>; 3] = [vec![400], (300..340).collect(), (300..400).collect()];
    let session = faust().session();
    let engine = Engine::new(faust().clone(), EngineOptions::default()).unwrap();
    for options in variants() {
        let rule = Rule {
            told: 4,
            guesses: true,
        };
        let generation = |prompt: &Vec<u32>| {
            let generation = faust().generate(prompt, &options).unwrap();
            generation.with_constraint(rule)
        };
        let alone = prompts
            .each_ref()
            .map(|prompt| generation(prompt).into_summary().unwrap());
        let batch: Batch = prompts.iter().map(generation).collect();
        let mut ends = 0;
        for (place, event) in batch.with_max_prefill_rows(rows(3)) {
            if let Event::Finished(summary) = event.unwrap() {
                assert_eq!(essence(&summary), essence(&alone[place]));
                ends += 1;
            }
        }
        assert_eq!(ends, prompts.len());
        for (prompt, alone) in prompts.iter().zip(&alone) {
            let after = session.generate(prompt, &options).unwrap();
            let after = after.with_constraint(rule).into_summary().unwrap();
            assert_eq!(essence(&after), essence(alone));
            let handle = engine.submit_generation(generation(prompt)).unwrap();
            assert_eq!(essence(&handle.into_summary().unwrap()), essence(alone));
        }
    }
}

/// The pieces of a stream are those of the text, although one pass gives several ids.
#[test]
fn a_stream_has_every_id_once() {
    let generation = faust().generate("Ach", &wild(30)).unwrap();
    let generation = generation.with_constraint(Rule {
        told: 9,
        guesses: false,
    });
    let (mut text, mut ids) = (String::new(), Vec::new());
    for event in generation {
        match event.unwrap() {
            Event::Text {
                text: piece,
                ids: of_piece,
                ..
            } => {
                text.push_str(&piece);
                ids.extend(of_piece);
            }
            Event::Finished(summary) => assert_eq!((&summary.text, &summary.ids), (&text, &ids)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids.len(), 30);
}

/// The first token is drawn from another distribution only if a masked one was possible.
#[test]
fn a_grammar_of_all_texts_changes_nothing() {
    let everything = Grammar::Regex("(?s:.*)".to_owned());
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        for seed in 0..4 {
            let sampling = SamplingParams::default().with_rng(rng);
            let free = options(80).with_sampling(sampling).with_seed(seed);
            let bound = free.clone().with_grammar(everything.clone());
            let free = faust().generate_text("Habe nun, ach!", &free).unwrap();
            let bound = faust().generate_text("Habe nun, ach!", &bound).unwrap();
            assert_eq!(free.ids, bound.ids);
            assert_eq!(free.reason, bound.reason);
            assert_eq!(free.satisfies_constraint, None);
            assert_eq!(bound.satisfies_constraint, Some(true));
        }
    }
}

fn schema() -> Grammar {
    Grammar::JsonSchema(json!({
        "type": "object",
        "properties": {
            "wort": {"type": "string", "maxLength": 6, "pattern": "^[a-z]*$"},
            "zahl": {"type": "integer", "minimum": 0, "maximum": 9}
        },
        "required": ["wort", "zahl"],
        "additionalProperties": false
    }))
}

/// A model of random weights whose vocabulary has every byte, unlike that of Faust, which has no
/// braces.
fn with_every_byte() -> WolfgangGenerator {
    foreign_templates::generator(("chatml", "smollm"))
}

#[test]
fn a_text_of_a_schema_ends_when_it_is_complete() {
    let generator = with_every_byte();
    for seed in 0..4 {
        let with = wild(100).with_seed(seed).with_grammar(schema());
        let summary = generator.generate_text("Ach", &with).unwrap();
        assert_eq!(summary.reason, FinishReason::ConstraintComplete);
        assert_eq!(summary.satisfies_constraint, Some(true));
        let value: Value = serde_json::from_str(&summary.text).unwrap();
        assert!(value["zahl"].as_u64().unwrap() < 10);
    }
    let cut = wild(3).with_grammar(schema());
    let cut = generator.generate_text("Ach", &cut).unwrap();
    assert_eq!(cut.reason, FinishReason::MaxTokens);
    assert_eq!(cut.satisfies_constraint, Some(false));
}

/// A grammar without its forced ids.
struct OneByOne(GrammarConstraint);

impl Constraint for OneByOne {
    fn allow(&mut self, history: History<'_>, into: &mut TokenMask) -> Result<(), ConstraintError> {
        self.0.allow(history, into)
    }

    fn progress(&mut self, history: History<'_>) -> Result<ConstraintProgress, ConstraintError> {
        self.0.progress(history)
    }
}

#[test]
fn forced_ids_of_a_grammar_do_not_change_the_text() {
    let generator = with_every_byte();
    let compiler = GrammarCompiler::new(generator.tokenizer()).unwrap();
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        for seed in 0..4 {
            let mut with = wild(100).with_seed(seed);
            with.sampling.rng = rng;
            let constraint = compiler.compile(&schema(), &[]).unwrap();
            let slow = generator.generate("Ach", &with).unwrap();
            let slow = slow.with_constraint(OneByOne(constraint)).into_summary();
            let fast = generator.generate_text("Ach", &with.with_grammar(schema()));
            assert_eq!(essence(&fast.unwrap()), essence(&slow.unwrap()));
        }
    }
}

/// The stanza of docs/constraints.md.
#[test]
fn a_grammar_makes_an_acrostic() {
    let grammar = r#"
        start: "\nF" line "\nA" line "\nU" line "\nS" line "\nT" line
        line: /[a-zäöüß]{1,12}( [A-Za-zÄÖÜäöüß]{1,12}){2,6}[,.!?]/
    "#;
    let with = options(150).with_grammar(Grammar::Lark(grammar.to_owned()));
    let summary = faust().generate_text("FAUST:", &with).unwrap();
    assert_eq!(summary.reason, FinishReason::ConstraintComplete);
    let lines: Vec<&str> = summary.text.lines().skip(1).collect();
    let letters: String = lines
        .iter()
        .filter_map(|line| line.chars().next())
        .collect();
    assert_eq!(letters, "FAUST", "{}", summary.text);
    assert!(
        lines
            .iter()
            .all(|line| (3..=7).contains(&line.split(' ').count()))
    );
}

#[test]
fn options_that_leave_no_token_are_named() {
    let digits = Grammar::Regex("[0-9]{3}".to_owned());
    let error = |options: GenerateOptions| {
        let options = options.with_grammar(digits.clone());
        let error = faust().generate_text("Ach", &options).unwrap_err();
        let GenerateError::GenerationFailed { source, .. } = error else {
            panic!("{error}");
        };
        source.to_string()
    };
    let mut too_long = wild(20).with_ignore_eos(false);
    too_long.sampling.min_new_tokens = 10;
    assert_eq!(
        error(too_long),
        "min_new_tokens masks all tokens that the constraint allows, so no token can be sampled"
    );
    let letters = faust().tokenizer().encode("Ach").unwrap();
    let mut other = wild(20);
    other.sampling.allowed_tokens = Some(letters);
    assert_eq!(
        error(other),
        "allowed_tokens masks all tokens that the constraint allows, so no token can be sampled"
    );
}

#[test]
fn a_grammar_that_cannot_be_used_is_refused_before_the_first_pass() {
    let with = wild(5).with_grammar(Grammar::Regex("a(".to_owned()));
    let error = faust().generate("Ach", &with).unwrap_err();
    assert!(matches!(error, GenerateError::Grammar(_)), "{error}");
}
