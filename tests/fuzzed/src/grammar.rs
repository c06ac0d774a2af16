//! Regular expressions, JSON Schemas and grammars that texts must satisfy.

use crate::Verdict;
use std::sync::LazyLock;
use wolfgang_constrain::{Grammar, GrammarCompiler};
use wolfgang_sampling::{Constraint, ConstraintProgress, History, TokenMask};
use wolfgang_tokenize::Tokenizer;

/// Number of tokens of the text that is generated with an accepted grammar.
const MAX_TOKENS: usize = 24;

/// The kind (`r`, `j` or another byte for Lark), then the grammar.
pub(crate) fn grammar(input: &[u8]) -> Verdict {
    let Some((kind, source)) = input.split_first() else {
        return Verdict::Refused;
    };
    let Ok(source) = std::str::from_utf8(source) else {
        return Verdict::Refused;
    };
    let grammar = match *kind {
        b'r' => Grammar::Regex(source.to_owned()),
        b'j' => match serde_json::from_str(source) {
            Ok(schema) => Grammar::JsonSchema(schema),
            Err(_) => return Verdict::Refused,
        },
        _ => Grammar::Lark(source.to_owned()),
    };
    let mut constraint = match COMPILER.compile(&grammar, &[END]) {
        Ok(constraint) => constraint,
        Err(error) => {
            let message = error.to_string();
            assert!(
                !message.is_empty() && !message.contains("<state>"),
                "{message}"
            );
            return Verdict::Refused;
        }
    };
    let mut ids: Vec<u32> = Vec::new();
    let mut allowed = TokenMask::new(VOCABULARY.vocab_size());
    while ids.len() < MAX_TOKENS {
        allowed.clear();
        let history = History::new(&[], &ids);
        // A limit of the matcher.
        let Ok(progress) = constraint.progress(history) else {
            break;
        };
        if progress == ConstraintProgress::Complete
            || constraint.allow(history, &mut allowed).is_err()
        {
            break;
        }
        let possible: Vec<u32> = (0..allowed.vocab_size() as u32)
            .filter(|id| allowed.contains(*id))
            .collect();
        assert_eq!(
            possible.contains(&END),
            progress == ConstraintProgress::Satisfied,
            "{ids:?}"
        );
        // A dead end: what follows needs bytes that the vocabulary lacks.
        let Some(id) = possible.get(input.len() * (ids.len() + 1) % possible.len().max(1)) else {
            break;
        };
        if *id == END {
            break;
        }
        ids.push(*id);
    }
    Verdict::Accepted
}

static VOCABULARY: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = include_str!("../../../fuzz/stream_tokenizer.json");
    Tokenizer::from_bytes(json.as_bytes()).unwrap()
});

static COMPILER: LazyLock<GrammarCompiler> =
    LazyLock::new(|| GrammarCompiler::new(&VOCABULARY).unwrap());

/// `<|endoftext|>`.
const END: u32 = 268;
