//! The filter `tojson`, as `transformers` defines it: Python's `json.dumps`.

use super::marks::Marks;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use std::fmt::Write;

/// Maximum depth of nested lists and dictionaries.
pub(super) const MAX_DEPTH: usize = 64;

pub(super) fn too_deep() -> Error {
    let reason = format!("a value has more than {MAX_DEPTH} nested levels");
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub(super) fn to_json(marks: Marks, value: &Value, arguments: Kwargs) -> Result<String, Error> {
    let indent = arguments.get::<Option<usize>>("indent")?;
    let separators: Option<(String, String)> =
        match arguments.get::<Option<Vec<String>>>("separators")? {
            None => None,
            Some(pair) => match <[String; 2]>::try_from(pair) {
                Ok([item, key]) => Some((item, key)),
                Err(_) => {
                    let reason = "separators of tojson are not a pair of strings";
                    return Err(Error::new(ErrorKind::InvalidOperation, reason));
                }
            },
        };
    let default = match indent {
        None => (", ".to_owned(), ": ".to_owned()),
        Some(_) => (",".to_owned(), ": ".to_owned()),
    };
    let (between_items, after_key) = separators.unwrap_or(default);
    let writer = Writer {
        marks,
        ensure_ascii: arguments
            .get::<Option<bool>>("ensure_ascii")?
            .unwrap_or(false),
        sort_keys: arguments.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
        // Every line has the indent.
        indent: indent.map(|indent| indent.min(16)),
        between_items,
        after_key,
    };
    arguments.assert_all_used()?;
    let mut json = String::new();
    writer.value(&mut json, value, 0)?;
    Ok(json)
}

struct Writer {
    marks: Marks,
    ensure_ascii: bool,
    sort_keys: bool,
    indent: Option<usize>,
    between_items: String,
    after_key: String,
}

impl Writer {
    fn value(&self, json: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        match value.kind() {
            ValueKind::None => json.push_str("null"),
            ValueKind::Bool => json.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => write!(json, "{value}")?,
            ValueKind::String => self.string(json, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?.map(|item| (None, item));
                self.items(json, ['[', ']'], items, depth)?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sort_keys {
                    keys.sort();
                }
                let mut pairs = Vec::with_capacity(keys.len());
                for key in keys {
                    let item = value.get_item(&key)?;
                    pairs.push((Some(key.to_string()), item));
                }
                self.items(json, ['{', '}'], pairs.into_iter(), depth)?;
            }
            kind => {
                let reason = format!("tojson cannot write a value of the type {kind}");
                return Err(Error::new(ErrorKind::InvalidOperation, reason));
            }
        }
        Ok(())
    }

    fn items(
        &self,
        json: &mut String,
        [open, close]: [char; 2],
        items: impl Iterator<Item = (Option<String>, Value)>,
        depth: usize,
    ) -> Result<(), Error> {
        json.push(open);
        let mut is_empty = true;
        for (key, item) in items {
            if !is_empty {
                json.push_str(&self.between_items);
            }
            is_empty = false;
            self.line(json, depth + 1);
            if let Some(key) = key {
                self.string(json, &key);
                json.push_str(&self.after_key);
            }
            self.value(json, &item, depth + 1)?;
        }
        if !is_empty {
            self.line(json, depth);
        }
        json.push(close);
        Ok(())
    }

    fn line(&self, json: &mut String, depth: usize) {
        if let Some(indent) = self.indent {
            json.push('\n');
            json.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn string(&self, json: &mut String, text: &str) {
        json.push('"');
        for c in text.chars() {
            match c {
                c if self.marks.contains(c) => json.push(c),
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\n' => json.push_str("\\n"),
                '\r' => json.push_str("\\r"),
                '\t' => json.push_str("\\t"),
                '\u{8}' => json.push_str("\\b"),
                '\u{c}' => json.push_str("\\f"),
                c if c < ' ' || self.ensure_ascii && !c.is_ascii_graphic() && c != ' ' => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        json.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => json.push(c),
            }
        }
        json.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_pythons_json_dumps() {
        let value = Value::from_pairs([
            (
                "b",
                Value::from(vec![Value::from(1), Value::from(1.5), Value::from(())]),
            ),
            ("a", Value::from("<ä>\n\"😀\"")),
            ("c", Value::from(Vec::<Value>::new())),
        ]);
        let json = |arguments: &[(&str, Value)]| {
            let arguments = Kwargs::from_iter(arguments.iter().map(|(k, v)| (*k, v.clone())));
            to_json(Marks::NONE, &value, arguments).unwrap()
        };
        assert_eq!(
            json(&[]),
            r#"{"b": [1, 1.5, null], "a": "<ä>\n\"😀\"", "c": []}"#
        );
        let arguments = [("ensure_ascii", true.into()), ("sort_keys", true.into())];
        let expected = r#"{"a": "<\u00e4>\n\"\ud83d\ude00\"", "b": [1, 1.5, null], "c": []}"#;
        assert_eq!(json(&arguments), expected);
        let expected = "{\n  \"b\": [\n    1,\n    1.5,\n    null\n  ],\n  \"a\": \"<ä>\\n\\\"😀\\\"\",\n  \"c\": []\n}";
        assert_eq!(json(&[("indent", 2.into())]), expected);
        let separators = vec![Value::from(","), Value::from(":")];
        let expected = r#"{"b":[1,1.5,null],"a":"<ä>\n\"😀\"","c":[]}"#;
        assert_eq!(json(&[("separators", separators.into())]), expected);
    }
}
