//! The structure of a Python pickle, without running it.
//!
//! A pickle is a program for a small stack machine. This module follows it as far as it builds values: numbers,
//! strings, dictionaries. What the program asks Python to import and call is only noted by name; an object is
//! represented by the state that is set on it, which is all that a configuration object (a dataclass, say) consists
//! of.
//!
//! Opcodes are those of protocols 2 to 5, which is what `torch.save` writes; their meaning is defined in Python's
//! `pickletools`.

mod machine;

use machine::Machine;
use serde_json::{Map, Number, Value as Json};
use std::collections::BTreeSet;
use std::io::BufRead;
use std::rc::Rc;

/// No `data.pkl` comes near these limits; the bytes of tensors lie elsewhere.
const MAX_BYTES: usize = 8 << 20;
const MAX_VALUES: usize = 1 << 20;

/// No name of a function, a class or a tensor is longer.
const MAX_NAME: usize = 256;

/// The largest model that a config can describe has a sixth of these.
const MAX_TENSORS: usize = 1 << 16;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PickleError {
    #[error("the pickle cannot be read to its end")]
    Read(#[from] std::io::Error),
    #[error("the pickle is larger than any checkpoint's ({MAX_BYTES} bytes, {MAX_VALUES} values)")]
    TooLarge,
    #[error("the pickle has the unknown opcode {0:#04x}")]
    Opcode(u8),
    #[error("the pickle is malformed")]
    Malformed,
}

/// Index into [`Pickle::values`]. Values refer to each other by index, so sharing and cycles cost nothing.
type Id = usize;

#[derive(Debug)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, little-endian.
    BigInt(Vec<u8>),
    Float(f64),
    Str(String),
    Dict(Vec<(Id, Id)>),
    /// Something imported, `module.name`.
    Global(Rc<str>),
    /// Something made or returned by a call, with the state set on it afterwards.
    Object {
        is_tensor: bool,
        state: Option<Id>,
    },
    /// Lists, tuples, sets, bytes, references to tensor data: nothing that anybody here looks into.
    Opaque,
}

/// What a pickle describes.
pub(crate) struct Pickle {
    values: Vec<Value>,
    root: Id,
    calls: BTreeSet<Rc<str>>,
}

impl Pickle {
    /// Every function that Python would call while reading this pickle, `module.name`.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(AsRef::as_ref)
    }

    /// Whether the value is this integer, given by its little-endian bytes.
    pub(crate) fn is_big_int(&self, bytes: &[u8]) -> bool {
        matches!(&self.values[self.root], Value::BigInt(found) if found == bytes)
    }

    /// The string keys of the dictionary at the root; `None` if there is none.
    pub(crate) fn keys(&self) -> Option<Vec<&str>> {
        match &self.values[self.root] {
            Value::Dict(items) => {
                Some(items.iter().filter_map(|&(key, _)| self.str(key)).collect())
            }
            _ => None,
        }
    }

    /// The scalar fields of the entry `key` of the root, which must be a dictionary or an object with one as its
    /// state. A field that is no scalar is null.
    pub(crate) fn fields(&self, key: &str) -> Option<Map<String, Json>> {
        let mut id = self.find(key)?;
        if let Value::Object {
            state: Some(state), ..
        } = self.values[id]
        {
            id = state;
        }
        let Value::Dict(items) = &self.values[id] else {
            return None;
        };
        let field =
            |&(key, value): &(Id, Id)| Some((self.str(key)?.to_owned(), self.scalar(value)));
        Some(items.iter().filter_map(field).collect())
    }

    /// Says what keeps the entry `key` of the root from being a dictionary of tensors by name, besides which there may
    /// be plain values.
    ///
    /// What reads the tensors gives each the names of all that it lies in, joined: few bytes of nested dictionaries
    /// with long keys would become any amount of memory.
    pub(crate) fn check_tensors(&self, key: &str) -> Result<(), String> {
        let Some(Value::Dict(items)) = self.find(key).map(|id| &self.values[id]) else {
            return Err("it is no dictionary".to_owned());
        };
        if items.len() > MAX_TENSORS {
            return Err(format!(
                "it has {} entries, and at most {MAX_TENSORS} are supported",
                items.len()
            ));
        }
        for &(key, value) in items {
            let Some(name) = self.str(key).filter(|name| name.len() <= MAX_NAME) else {
                return Err(format!("a key is no name of at most {MAX_NAME} bytes"));
            };
            let nested = match self.values[value] {
                Value::Object { is_tensor, .. } => !is_tensor,
                Value::Dict(_) | Value::Opaque => true,
                _ => false,
            };
            if nested {
                return Err(format!("its {name:.40?} is no tensor"));
            }
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Option<Id> {
        match &self.values[self.root] {
            // The last of equal keys wins, as in Python.
            Value::Dict(items) => items
                .iter()
                .rev()
                .find(|&&(k, _)| self.str(k) == Some(key))
                .map(|&(_, v)| v),
            _ => None,
        }
    }

    fn str(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    fn scalar(&self, id: Id) -> Json {
        match &self.values[id] {
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(i) => Json::Number((*i).into()),
            Value::Float(x) => Number::from_f64(*x).map_or(Json::Null, Json::Number),
            Value::Str(s) if s.len() <= MAX_NAME => Json::String(s.clone()),
            _ => Json::Null,
        }
    }
}

/// Reads one pickle, up to and including its STOP.
pub(crate) fn read(reader: &mut impl BufRead) -> Result<Pickle, PickleError> {
    Machine::new(reader).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Pickle, PickleError> {
        read(&mut &*bytes)
    }

    /// `{"a": {"i": -2, "x": 0.5, "t": True, "l": []}, "b": Config(x="y")}`, protocol 2.
    const SAMPLE: &[u8] = b"\x80\x02}(X\x01\0\0\0a}(X\x01\0\0\0iJ\xfe\xff\xff\xffX\x01\0\0\0xG?\xe0\0\0\0\0\0\0\
        X\x01\0\0\0t\x88X\x01\0\0\0l]uX\x01\0\0\0bcpkg.mod\nConfig\n)\x81}X\x01\0\0\0xX\x01\0\0\0ysbu.";

    #[test]
    fn the_fields_of_dictionaries_and_of_objects_are_seen() {
        let pickle = parse(SAMPLE).unwrap();
        assert_eq!(pickle.keys().unwrap(), ["a", "b"]);
        let json = |key| Json::Object(pickle.fields(key).unwrap());
        assert_eq!(
            json("a"),
            serde_json::json!({"i": -2, "x": 0.5, "t": true, "l": null})
        );
        assert_eq!(json("b"), serde_json::json!({"x": "y"}));
        assert_eq!(
            pickle.check_tensors("a").unwrap_err(),
            "its \"l\" is no tensor"
        );
        assert_eq!(
            pickle.check_tensors("b").unwrap_err(),
            "it is no dictionary"
        );
        assert_eq!(pickle.calls().count(), 0);
    }

    #[test]
    fn calls_are_noted_by_name_and_not_made() {
        let pickle = parse(b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.").unwrap();
        assert!(pickle.calls().eq(["posix.system"]));
    }

    #[test]
    fn a_pickle_that_ends_early_or_misuses_its_stack_is_an_error() {
        for end in 0..SAMPLE.len() {
            assert!(parse(&SAMPLE[..end]).is_err(), "cut at {end}");
        }
        for bytes in [
            &b"."[..],
            b"0.",
            b"e.",
            b"h\0.",
            b"\x85.",
            b"R.",
            b"N(0e.",
            b"\xff.",
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
        assert!(matches!(
            parse(b"B\xff\xff\xff\xff."),
            Err(PickleError::TooLarge)
        ));
    }

    /// Few bytes that would become many values, names of names, or long names many times over.
    #[test]
    fn growth_is_bounded() {
        let objects = [&b"\x80\x02)"[..], &b")\x81".repeat(1 << 18), b"."].concat();
        assert!(parse(&objects).is_ok());
        let nones = [&b"N".repeat(MAX_VALUES + 2)[..], b"."].concat();
        assert!(matches!(parse(&nones), Err(PickleError::TooLarge)));
        let copies = [&b"N"[..], &b"2".repeat(MAX_VALUES + 2), b"."].concat();
        assert!(matches!(parse(&copies), Err(PickleError::TooLarge)));
        let name = [b"c", &b"m".repeat(MAX_NAME + 1)[..], b"\nf\n."].concat();
        assert!(matches!(parse(&name), Err(PickleError::Malformed)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_pickle_or_an_error(
            flips in proptest::collection::vec((0..SAMPLE.len(), 0u8..), 1..6),
        ) {
            let mut bytes = SAMPLE.to_vec();
            for (at, byte) in flips {
                bytes[at] = byte;
            }
            if let Ok(pickle) = parse(&bytes) {
                pickle.keys();
                pickle.fields("a");
            }
        }
    }
}
