//! The known pipelines: combinations of normalizer, pre-tokenizer and decoder.

use crate::sentencepiece::SPACE;
use serde_json::{Value as Json, json};

/// How token strings represent bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// One character per byte: [`byte_level`](crate::byte_level).
    ByteLevel,
    /// `▁` for a space, `<0xNN>` for single bytes: [`sentencepiece`](crate::sentencepiece).
    SentencePiece,
}

/// Whether encoding inserts a space before a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrefixSpace {
    Never,
    /// If the text does not begin with one.
    IfMissing,
    Always,
}

/// A known pipeline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pipeline {
    pub(crate) alphabet: Alphabet,
    pub(crate) prefix_space: PrefixSpace,
    /// Whether encoding changes the text to Unicode normalization form C.
    pub(crate) normalizes: bool,
    /// The pre-tokenizer without its prefix space.
    pub(crate) pre_tokenizer: Json,
}

/// Regular expressions of known models. Others are refused: they come from an untrusted file and
/// could take exponential time.
const KNOWN_PATTERNS: [&str; 2] = [
    // Llama 3
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    // Qwen 2, Qwen 2.5 and Qwen 3
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];

impl Pipeline {
    /// Recognises the pipeline of a `tokenizer.json`. The error is the unknown part, as the rest of
    /// a sentence.
    pub(crate) fn new(json: &Json) -> Result<Self, String> {
        let part = |name, members| Part::new(json, name, members);
        let normalizer = part("normalizer", "normalizers")?;
        let pre_tokenizer = part("pre_tokenizer", "pretokenizers")?;
        let decoder = part("decoder", "decoders")?;
        match decoder.types()[..] {
            ["Replace", ..] => sentencepiece(&normalizer, &pre_tokenizer, &decoder),
            _ => byte_level(&normalizer, &pre_tokenizer, &decoder),
        }
    }
}

fn byte_level(
    normalizer: &Part<'_>,
    pre: &Part<'_>,
    decoder: &Part<'_>,
) -> Result<Pipeline, String> {
    if decoder.types() != ["ByteLevel"] {
        return Err(decoder.unknown());
    }
    let byte_level = match pre.types()[..] {
        ["ByteLevel"] => 0,
        ["Digits" | "Split", "ByteLevel"] => 1,
        _ => return Err(pre.unknown()),
    };
    let first = pre.members[0];
    if first["type"] == "Digits" && first["individual_digits"] != true {
        return Err("its pre_tokenizer Digits does not split individual_digits".to_owned());
    }
    if first["type"] == "Split" {
        check_split(first)?;
        // With both, pieces would depend on two regular expressions. No known model has them.
        if pre.members[1]["use_regex"] != false {
            return Err("its pre_tokenizer ByteLevel has use_regex after a Split".to_owned());
        }
    }
    let adds_space = pre.members[byte_level]["add_prefix_space"] == true;
    if adds_space && byte_level > 0 {
        // The space would be inserted before every piece.
        return Err("its pre_tokenizer ByteLevel has add_prefix_space in a Sequence".to_owned());
    }
    let normalizes = match normalizer.types()[..] {
        [] => false,
        ["NFC"] => true,
        _ => return Err(normalizer.unknown()),
    };
    let mut members: Vec<Json> = pre.members.iter().copied().cloned().collect();
    members[byte_level]["add_prefix_space"] = false.into();
    Ok(Pipeline {
        alphabet: Alphabet::ByteLevel,
        prefix_space: match adds_space {
            true => PrefixSpace::IfMissing,
            false => PrefixSpace::Never,
        },
        normalizes,
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": members}),
    })
}

/// Checks a `Split` pre-tokenizer.
fn check_split(split: &Json) -> Result<(), String> {
    let pattern = &split["pattern"]["Regex"];
    if !KNOWN_PATTERNS.iter().any(|known| pattern == known) {
        let pattern = shown(&split["pattern"]);
        return Err(format!(
            "its pre_tokenizer Split has the unknown pattern {pattern}"
        ));
    }
    if split["behavior"] != "Isolated" || split["invert"] == true {
        return Err("its pre_tokenizer Split is inverted or not Isolated".to_owned());
    }
    Ok(())
}

fn sentencepiece(
    normalizer: &Part<'_>,
    pre: &Part<'_>,
    decoder: &Part<'_>,
) -> Result<Pipeline, String> {
    let strips = match decoder.types()[..] {
        ["Replace", "ByteFallback", "Fuse"] => false,
        ["Replace", "ByteFallback", "Fuse", "Strip"] => true,
        _ => return Err(decoder.unknown()),
    };
    let space = SPACE.to_string();
    check_replace("decoder", decoder.members[0], &space, " ")?;
    if strips {
        let strip = decoder.members[3];
        if strip["content"] != " " || strip["start"] != 1 || strip["stop"] != 0 {
            return Err("its decoder Strip does not strip one space at the start".to_owned());
        }
    }
    let replace = |index: usize| {
        let member = normalizer.members[index];
        check_replace("normalizer", member, " ", &space)
    };
    let prefix_space = match (&normalizer.types()[..], &pre.types()[..]) {
        (["Prepend", "Replace"], []) => {
            let prepended = &normalizer.members[0]["prepend"];
            if *prepended != space.as_str() {
                let prepended = shown(prepended);
                return Err(format!("its normalizer Prepend prepends {prepended}"));
            }
            replace(1)?;
            PrefixSpace::Always
        }
        (["Replace"], []) => {
            replace(0)?;
            PrefixSpace::Never
        }
        ([], ["Metaspace"]) => metaspace(pre.members[0], &space)?,
        ([] | ["Replace"] | ["Prepend", "Replace"], _) => return Err(pre.unknown()),
        _ => return Err(normalizer.unknown()),
    };
    if strips != (prefix_space != PrefixSpace::Never) {
        return Err("its decoder does not strip the space that encoding adds".to_owned());
    }
    Ok(Pipeline {
        alphabet: Alphabet::SentencePiece,
        prefix_space,
        normalizes: false,
        pre_tokenizer: Json::Null,
    })
}

fn check_replace(part: &str, replace: &Json, from: &str, to: &str) -> Result<(), String> {
    if replace["pattern"] == json!({"String": from}) && replace["content"] == to {
        return Ok(());
    }
    let (pattern, content) = (shown(&replace["pattern"]), shown(&replace["content"]));
    Err(format!(
        "its {part} Replace replaces {pattern} by {content}"
    ))
}

fn metaspace(metaspace: &Json, space: &str) -> Result<PrefixSpace, String> {
    if metaspace["replacement"] != space {
        let replacement = shown(&metaspace["replacement"]);
        return Err(format!(
            "its pre_tokenizer Metaspace has the replacement {replacement}"
        ));
    }
    // The field of earlier versions of the format.
    let never = metaspace["add_prefix_space"] == false || metaspace["prepend_scheme"] == "never";
    Ok(match never {
        true => PrefixSpace::Never,
        false => PrefixSpace::IfMissing,
    })
}

/// Normalizer, pre-tokenizer, decoder or post-processor: the members of a `Sequence`, also nested,
/// or a single member.
pub(crate) struct Part<'a> {
    name: &'static str,
    json: &'a Json,
    pub(crate) members: Vec<&'a Json>,
}

impl<'a> Part<'a> {
    /// `members` is the field with the members of a `Sequence`.
    pub(crate) fn new(
        file: &'a Json,
        name: &'static str,
        members: &'static str,
    ) -> Result<Self, String> {
        let json = &file[name];
        let mut part = Self {
            name,
            json,
            members: Vec::new(),
        };
        let mut rest = vec![json];
        while let Some(next) = rest.pop() {
            if next["type"] == "Sequence" {
                let inner = next[members].as_array();
                let inner =
                    inner.ok_or_else(|| format!("its {name} is a Sequence without {members}"))?;
                rest.extend(inner.iter().rev());
            } else if !next.is_null() {
                part.members.push(next);
            }
        }
        Ok(part)
    }

    /// The types of the members.
    pub(crate) fn types(&self) -> Vec<&'a str> {
        let types = self.members.iter();
        types
            .map(|one| one["type"].as_str().unwrap_or_default())
            .collect()
    }

    /// The reason that this part is unknown.
    pub(crate) fn unknown(&self) -> String {
        let name = self.name;
        if self.json["type"] == "Sequence" {
            let types = self.members.iter().map(|one| shown(&one["type"]));
            let types: Vec<_> = types.collect();
            return format!("its {name} is a Sequence of {:.80}", types.join(", "));
        }
        format!("its {name} is {}", shown(&self.json["type"]))
    }
}

/// Returns the beginning of a value, which can be as long as the file.
pub(crate) fn shown(json: &Json) -> String {
    format!("{:.80}", json.to_string())
}
