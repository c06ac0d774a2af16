//! The forms of a grammar.

use crate::GrammarError;
use llguidance::api::TopLevelGrammar;
use serde_json::{Value, json};

/// Maximum size of a grammar in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Maximum nesting of brackets: parsing is recursive.
const MAX_DEPTH: usize = 128;

/// What a text must satisfy as a whole.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Grammar {
    /// A regular expression in the syntax of the crate `regex`, without anchors, look-around and
    /// lazy repetition. It matches the whole text.
    Regex(String),
    /// A JSON Schema, draft 2020-12 and earlier. What is not supported is an error.
    ///
    /// The text is JSON with the properties in the order of the schema, and at most one space
    /// between two tokens of JSON. An object `x-guidance` in the schema changes that: see the
    /// documentation of llguidance.
    JsonSchema(Value),
    /// A context-free grammar in the variant of Lark that llguidance documents. Its first rule is
    /// `start`.
    Lark(String),
}

impl Grammar {
    /// Any JSON object.
    pub fn json_object() -> Self {
        Self::JsonSchema(json!({"type": "object"}))
    }

    /// One of these texts.
    pub fn choice<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let texts: Vec<String> = texts.into_iter().map(escaped).collect();
        Self::Regex(format!("({})", texts.join("|")))
    }

    /// The name in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Regex(_) => "regular expression",
            Self::JsonSchema(_) => "JSON Schema",
            Self::Lark(_) => "grammar",
        }
    }

    /// Converts to the form of llguidance, after a check of the size.
    pub(crate) fn to_top_level(&self) -> Result<TopLevelGrammar, GrammarError> {
        Ok(match self {
            Self::Regex(regex) => {
                self.check(regex)?;
                TopLevelGrammar::from_regex(regex)
            }
            Self::JsonSchema(schema) => {
                self.check(&schema.to_string())?;
                TopLevelGrammar::from_json_schema(with_bounded_whitespace(schema))
            }
            Self::Lark(grammar) => {
                self.check(grammar)?;
                TopLevelGrammar::from_lark(grammar.clone())
            }
        })
    }

    fn check(&self, text: &str) -> Result<(), GrammarError> {
        let kind = self.kind();
        let (bytes, limit) = (text.len(), MAX_BYTES);
        if bytes > limit {
            return Err(GrammarError::TooLarge { kind, bytes, limit });
        }
        let mut depth = 0_usize;
        for (offset, byte) in text.bytes().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                let limit = MAX_DEPTH;
                return Err(GrammarError::TooDeep {
                    kind,
                    offset,
                    limit,
                });
            }
        }
        Ok(())
    }
}

/// A regular expression that matches only this text.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_string(),
        false => format!("\\x{{{:X}}}", u32::from(c)),
    };
    text.chars().map(escape).collect()
}

/// Models tend to continue with spaces for ever where JSON allows any number of them.
fn with_bounded_whitespace(schema: &Value) -> Value {
    let mut schema = match schema {
        // `true` allows everything, `false` nothing.
        Value::Bool(true) => json!({}),
        Value::Bool(false) => json!({"not": {}}),
        other => other.clone(),
    };
    if let Value::Object(fields) = &mut schema {
        let options = fields.entry("x-guidance").or_insert_with(|| json!({}));
        if let Value::Object(options) = options {
            let is_set = ["whitespace_pattern", "whitespace_flexible"];
            if !is_set.iter().any(|name| options.contains_key(*name)) {
                options.insert("whitespace_pattern".to_owned(), " ?".into());
            }
        }
    }
    schema
}
