//! Laws of compiled grammars: what they allow, and that it depends only on the history.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;
use wolfgang_constrain::{Grammar, GrammarCompiler, GrammarConstraint, GrammarError};
use wolfgang_sampling::{Constraint, ConstraintProgress, History, TokenMask};
use wolfgang_tokenize::{SpecialTokens, Tokenizer};

/// A byte-level vocabulary with all bytes, one without some, and one of the kind of SentencePiece.
static TOKENIZERS: LazyLock<[Tokenizer; 3]> = LazyLock::new(|| {
    let fixtures = "../../tests/fixtures/tokenizers";
    [
        format!("{fixtures}/gpt2.json"),
        "../../models/faust/tokenizer.json".to_owned(),
        format!("{fixtures}/llama2.json"),
    ]
    .map(|path| Tokenizer::from_file(path).unwrap())
});

static COMPILERS: LazyLock<[GrammarCompiler; 3]> = LazyLock::new(|| {
    let compiler = |tokenizer| GrammarCompiler::new(tokenizer).unwrap();
    [0, 1, 2].map(|at| compiler(&TOKENIZERS[at]))
});

fn end_id(tokenizer: &Tokenizer) -> u32 {
    let ends = [tokenizer.end_of_text(), tokenizer.special_id("</s>")];
    ends.into_iter().flatten().next().unwrap()
}

fn compile(at: usize, grammar: &Grammar) -> Result<GrammarConstraint, GrammarError> {
    COMPILERS[at].compile(grammar, &[end_id(&TOKENIZERS[at])])
}

fn allowed(constraint: &mut GrammarConstraint, at: usize, generated: &[u32]) -> Vec<u32> {
    let n = TOKENIZERS[at].vocab_size();
    // A model can have more ids than its tokenizer.
    let mut mask = TokenMask::new(n + 5);
    let history = History::new(&[1, 2, 3], generated);
    constraint.allow(history, &mut mask).unwrap();
    (0..mask.vocab_size() as u32)
        .filter(|id| mask.contains(*id))
        .collect()
}

fn progress(constraint: &mut GrammarConstraint, generated: &[u32]) -> ConstraintProgress {
    let history = History::new(&[1, 2, 3], generated);
    constraint.progress(history).unwrap()
}

fn bytes(at: usize, ids: &[u32]) -> Vec<u8> {
    let bytes = ids.iter().filter_map(|id| TOKENIZERS[at].token_bytes(*id));
    bytes.flatten().copied().collect()
}

/// Generates by choosing allowed ids. Returns the ids without the end, and whether the text is
/// complete.
fn random_walk(
    constraint: &mut GrammarConstraint,
    at: usize,
    choices: &[usize],
) -> (Vec<u32>, bool) {
    let end = end_id(&TOKENIZERS[at]);
    let mut ids = Vec::new();
    for choice in choices {
        if progress(constraint, &ids) == ConstraintProgress::Complete {
            return (ids, true);
        }
        let possible = allowed(constraint, at, &ids);
        assert!(!possible.is_empty(), "{:?}", bytes(at, &ids));
        let may_end = possible.contains(&end);
        let is_satisfied = progress(constraint, &ids) == ConstraintProgress::Satisfied;
        assert_eq!(may_end, is_satisfied);
        let id = possible[choice % possible.len()];
        if id == end {
            return (ids, true);
        }
        ids.push(id);
    }
    let is_complete = progress(constraint, &ids) != ConstraintProgress::Incomplete;
    (ids, is_complete)
}

const REGEXES: [&str; 5] = [
    r"[a-c]{1,3}(x|yz)*",
    r"\d{4}-\d{2}-\d{2}",
    r"(Der|Die|Das) [A-Z][a-z]{2,8}\.",
    r"[^x]{3,5}x",
    r"a*b?(ab)*",
];

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 8, "pattern": "^[a-z]+$"},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "tags": {"type": "array", "items": {"enum": ["x", "y"]}, "maxItems": 3}
        },
        "required": ["name", "age"],
        "additionalProperties": false
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_complete_text_matches_the_regular_expression(
        which in 0..REGEXES.len(),
        at in 0usize..3,
        choices in proptest::collection::vec(any::<usize>(), 40),
    ) {
        let regex = REGEXES[which];
        let mut constraint = compile(at, &Grammar::Regex(regex.to_owned())).unwrap();
        let (ids, is_complete) = random_walk(&mut constraint, at, &choices);
        let text = String::from_utf8(bytes(at, &ids));
        if is_complete {
            let whole = Regex::new(&format!("^(?:{regex})$")).unwrap();
            let text = text.unwrap();
            prop_assert!(whole.is_match(&text), "{text:?} {regex}");
        }
    }

    #[test]
    fn a_complete_text_is_valid_json_with_bounded_whitespace(
        // The vocabulary of Faust has no braces.
        at in prop::sample::select(vec![0_usize, 2]),
        choices in proptest::collection::vec(any::<usize>(), 80),
    ) {
        let mut constraint = compile(at, &Grammar::JsonSchema(schema())).unwrap();
        let (ids, is_complete) = random_walk(&mut constraint, at, &choices);
        let text = String::from_utf8_lossy(&bytes(at, &ids)).into_owned();
        prop_assert!(!text.contains("  ") && !text.contains('\n'), "{text:?}");
        if is_complete {
            let value: Value = serde_json::from_str(&text).unwrap();
            let name = value["name"].as_str().unwrap();
            prop_assert!(!name.is_empty() && name.len() <= 8);
            prop_assert!(value["age"].as_u64().unwrap() <= 120);
            let keys: Vec<_> = value.as_object().unwrap().keys().collect();
            prop_assert!(keys.iter().all(|key| ["name", "age", "tags"].contains(&key.as_str())));
        }
    }

    /// Whatever was asked before: the state goes back to the common prefix.
    #[test]
    fn results_depend_only_on_the_history(
        which in 0..REGEXES.len(),
        at in 0usize..3,
        choices in proptest::collection::vec(any::<usize>(), 12),
        lengths in proptest::collection::vec(any::<usize>(), 1..8),
        other in proptest::collection::vec(any::<usize>(), 12),
    ) {
        let grammar = Grammar::Regex(REGEXES[which].to_owned());
        let mut asked = compile(at, &grammar).unwrap();
        let walks = [&choices, &other].map(|choices| random_walk(&mut asked, at, choices).0);
        for length in lengths {
            for ids in &walks {
                let ids = &ids[..length % (ids.len() + 1)];
                let mut fresh = compile(at, &grammar).unwrap();
                prop_assert_eq!(allowed(&mut asked, at, ids), allowed(&mut fresh, at, ids));
                prop_assert_eq!(progress(&mut asked, ids), progress(&mut fresh, ids));
                let history = History::new(&[], ids);
                let mut forced = [Vec::new(), Vec::new()];
                asked.forced(history, &mut forced[0]).unwrap();
                fresh.forced(history, &mut forced[1]).unwrap();
                prop_assert_eq!(&forced[0], &forced[1]);
            }
        }
    }
}

/// Every text of the language can be generated, in the ids that the tokenizer gives it.
#[test]
fn texts_of_the_language_are_allowed() {
    for at in 0..2 {
        for (regex, texts) in [
            (r"(Es|Er) war(en)? da", &["Es war da", "Er waren da"][..]),
            (r"[a-c]{1,3}(x|yz)*", &["a", "abcxyzx", "bbyzyz"]),
        ] {
            for text in texts {
                let mut constraint = compile(at, &Grammar::Regex(regex.to_owned())).unwrap();
                let ids = TOKENIZERS[at].encode(text).unwrap();
                for n in 0..ids.len() {
                    let possible = allowed(&mut constraint, at, &ids[..n]);
                    assert!(possible.contains(&ids[n]), "{text} {n}");
                }
                assert_ne!(
                    progress(&mut constraint, &ids),
                    ConstraintProgress::Incomplete
                );
            }
        }
    }
}

#[test]
fn a_text_that_cannot_continue_is_complete() {
    for at in 0..3 {
        let mut constraint = compile(at, &Grammar::choice(["ja", "nein (x)"])).unwrap();
        let (ids, is_complete) = random_walk(&mut constraint, at, &[7; 20]);
        assert!(is_complete);
        let text = String::from_utf8(bytes(at, &ids)).unwrap();
        assert!(["ja", "nein (x)"].contains(&text.as_str()), "{text}");
        assert_eq!(
            progress(&mut constraint, &ids),
            ConstraintProgress::Complete
        );
    }
}

/// With a vocabulary of all bytes, the rest of a text without choices is known beforehand.
#[test]
fn forced_ids_are_those_of_the_tokenizer() {
    let text = r#"{"name":"#;
    let mut constraint = compile(0, &Grammar::JsonSchema(schema())).unwrap();
    let mut forced = Vec::new();
    let history = History::new(&[], &[]);
    constraint.forced(history, &mut forced).unwrap();
    let found = TOKENIZERS[0].decode(&forced, SpecialTokens::Keep);
    assert!(!found.is_empty() && text.starts_with(&found), "{found:?}");
    for n in 0..forced.len() {
        assert_eq!(allowed(&mut constraint, 0, &forced[..n]), [forced[n]]);
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let refusal = |at, grammar: Grammar| compile(at, &grammar).unwrap_err().to_string();
    let regex = |text: &str| Grammar::Regex(text.to_owned());
    assert!(refusal(0, regex("a(b")).starts_with("the regular expression cannot be used: "));
    assert!(
        refusal(0, Grammar::Lark("start: a".to_owned()))
            .starts_with("the grammar cannot be used: ")
    );
    let unknown = Grammar::JsonSchema(json!({"type": "string", "format": "no such format"}));
    let refused = refusal(0, unknown);
    assert!(refused.contains("no such format"), "{refused}");
    let deep = "(".repeat(100_000);
    assert_eq!(
        refusal(0, regex(&deep)),
        "the regular expression has more than 128 nested brackets at byte 128"
    );
    let large = Grammar::Lark("x".repeat(2 << 20));
    assert_eq!(
        refusal(0, large),
        "the grammar has 2097152 bytes, but at most 1048576 are allowed"
    );
    // The Faust model was trained on German.
    assert_eq!(
        refusal(1, regex("Faust 浮士德")),
        "every text that the regular expression allows begins with \"Faust 浮士德\", but no token of the \
         vocabulary has the bytes at its offset 6"
    );
    compile(0, &regex("Faust 浮士德")).unwrap();
}
