//! What a Python pickle describes, without running it.
//!
//! A pickle is a program for a small stack machine. This module follows it as far as it builds values: numbers,
//! strings, dictionaries, tensors. What the program asks Python to call is checked and never called; an object is
//! represented by its class, its arguments and the state that is set on it, which is all that a configuration object (a
//! dataclass, say) consists of.
//!
//! Opcodes are those of protocols 2 to 5, which is what `torch.save` writes and `torch.load` reads, and of protocol 1 as
//! far as it is needed for the same values; their meaning is defined in Python's `pickletools`. The others that exist are
//! reported by name.

mod calls;
mod globals;
mod machine;
mod name_lists;
mod python2;
mod scalars;
mod tensors;
mod unread;
mod value;

pub(crate) use tensors::{Storage, TensorRef};

use machine::{Machine, Outcome};
use serde_json::{Map, Value as Json};
use std::rc::Rc;
use value::{Id, Value, Values};

/// No checkpoint comes near this limit. What takes many bytes (strings, arrays) stays in the file.
const MAX_VALUES: usize = 1 << 20;

/// No name of a function, a class or a tensor is longer.
const MAX_NAME: usize = 256;

/// No configuration has more fields.
const MAX_FIELDS: usize = 1 << 14;

/// The largest model that a config can describe has a sixth of these.
const MAX_TENSORS: usize = 1 << 16;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PickleError {
    #[error("the pickle ends unexpectedly")]
    Cut,
    #[error("the pickle exceeds the limit of values or memory")]
    TooLarge,
    #[error("the pickle has the unknown opcode {0:#04x}")]
    Opcode(u8),
    #[error("its pickle uses the opcode {0} of protocol {1}")]
    Unsupported(&'static str, u8),
    #[error("the pickle is malformed")]
    Malformed,
    #[error("it would call {0}")]
    Call(String),
}

/// What a pickle describes.
pub(crate) struct Pickle<'a> {
    values: Values<'a>,
    root: Id,
}

/// A tensor as it is described, or what cannot be read of it.
pub(crate) type Described<'p> = &'p Result<TensorRef, Rc<str>>;

impl<'a> Pickle<'a> {
    /// Whether the root is this integer, given by its little-endian bytes.
    pub(crate) fn is_big_int(&self, bytes: &[u8]) -> bool {
        matches!(self.values.get(self.root), Value::BigInt(found) if *found == bytes)
    }

    /// Whether the root is this integer.
    pub(crate) fn is_int(&self, int: i64) -> bool {
        matches!(self.values.get(self.root), Value::Int(found) if *found == int)
    }

    /// Whether the root is a dictionary in which `key` is false.
    pub(crate) fn denies(&self, key: &str) -> bool {
        let value = self.values.find(self.root, key);
        value.is_some_and(|value| matches!(self.values.get(value), Value::Bool(false)))
    }

    /// The strings in the list at the root; `None` if it is something else.
    pub(crate) fn strings(&self) -> Option<Vec<&'a str>> {
        let ids = self.values.sequence(self.root)?.iter();
        ids.map(|id| self.values.str(*id)).collect()
    }

    /// The string keys of the dictionary at the root; `None` if there is none.
    pub(crate) fn keys(&self) -> Option<Vec<&'a str>> {
        let items = self.values.items(self.root)?.iter();
        Some(items.filter_map(|(key, _)| self.values.str(*key)).collect())
    }

    /// The storages that tensors refer to, in the order of the pickle.
    pub(crate) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.values.iter().filter_map(|(_, value)| match value {
            Value::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }

    /// The scalar fields of the entry `key` of the root, which must be a dictionary or an object. `read` gives the value
    /// of a tensor that is a scalar. Of other fields the JSON has the kind and no contents.
    pub(crate) fn fields(
        &self,
        key: &str,
        read: impl Fn(&TensorRef) -> Option<Json>,
    ) -> Option<Map<String, Json>> {
        let values = &self.values;
        let id = values.find(self.root, key)?;
        let mut parts = vec![id];
        match values.get(id) {
            Value::Dict(_) => {}
            Value::Object(object) => {
                if object.state.is_none() && object.items.is_empty() {
                    return None;
                }
                // Attributes in a dictionary, in slots, or both; pydantic has the dictionary in another one.
                let states = match object.state.map(|state| (state, values.get(state))) {
                    Some((_, Value::Tuple(states))) => states.iter().copied().take(2).collect(),
                    Some((state, _)) => vec![state],
                    None => Vec::new(),
                };
                for state in states {
                    parts.extend(values.find(state, "__dict__"));
                    parts.push(state);
                }
            }
            _ => return None,
        }
        let items = || {
            parts
                .iter()
                .filter_map(|part| values.items(*part))
                .flatten()
        };
        if items().count() > MAX_FIELDS {
            return None;
        }
        let field = |(key, value): &(Id, Id)| {
            let key = values.str(*key).filter(|key| key.len() <= MAX_NAME)?;
            Some((key.to_owned(), scalars::json(values, *value, &read)))
        };
        Some(items().filter_map(field).collect())
    }

    /// The tensors in the entry `key` of the root by name, or what keeps it from being a dictionary of tensors, besides
    /// which there may be plain values.
    pub(crate) fn tensors(&self, key: &str) -> Result<Vec<(&'a str, Described<'_>)>, String> {
        let values = &self.values;
        let id = values.find(self.root, key);
        let Some(items) = id.and_then(|id| values.items(id)) else {
            let class = id.and_then(|id| match values.get(id) {
                Value::Object(object) => object.class.as_ref(),
                _ => None,
            });
            let object =
                class.map(|class| format!(", but an instance of the class {:.80}", class.path));
            return Err(format!(
                "it is not a dictionary{}",
                object.unwrap_or_default()
            ));
        };
        if items.len() > MAX_TENSORS {
            return Err(format!(
                "it has {} entries, and at most {MAX_TENSORS} are supported",
                items.len()
            ));
        }
        let mut tensors = Vec::new();
        for &(key, value) in items {
            let Some(name) = values.str(key).filter(|name| name.len() <= MAX_NAME) else {
                return Err(format!("a key is not a string of at most {MAX_NAME} bytes"));
            };
            match values.get(value) {
                Value::Tensor(tensor) => tensors.push((name, &**tensor)),
                Value::None
                | Value::Bool(_)
                | Value::Int(_)
                | Value::BigInt(_)
                | Value::Float(_)
                | Value::Str(_)
                | Value::Global(_) => {}
                // What modules keep beside their tensors.
                _ if name.ends_with(EXTRA_STATE) => {}
                _ => return Err(format!("its {name:.40?} is not a tensor")),
            }
        }
        Ok(tensors)
    }

    /// The classes of which there are objects whose contents are not known, sorted by name; but for the entry `read` of
    /// the root.
    pub(crate) fn unread_classes(&self, read: &str) -> Vec<String> {
        let read = self.values.find(self.root, read);
        unread::classes(&self.values, read)
    }
}

/// What `torch.nn.Module.get_extra_state` returned is under such a name.
const EXTRA_STATE: &str = "_extra_state";

/// Reads the pickle at the beginning of `bytes`, up to and including its STOP, and returns the bytes that follow it too.
pub(crate) fn read(bytes: &[u8]) -> Result<(Pickle<'_>, &[u8]), PickleError> {
    let Outcome { values, root, rest } = Machine::new(bytes).run()?;
    Ok((Pickle { values, root }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Pickle<'_>, PickleError> {
        read(bytes).map(|(pickle, _)| pickle)
    }

    fn fields(pickle: &Pickle<'_>, key: &str) -> Json {
        Json::Object(pickle.fields(key, |_| None).unwrap())
    }

    /// `{"a": {"i": -2, "x": 0.5, "t": True, "l": []}, "b": Config(x="y")}`, protocol 2.
    const SAMPLE: &[u8] = b"\x80\x02}(X\x01\0\0\0a}(X\x01\0\0\0iJ\xfe\xff\xff\xffX\x01\0\0\0xG?\xe0\0\0\0\0\0\0\
        X\x01\0\0\0t\x88X\x01\0\0\0l]uX\x01\0\0\0bcpkg.mod\nConfig\n)\x81}X\x01\0\0\0xX\x01\0\0\0ysbu.";

    #[test]
    fn the_fields_of_dictionaries_and_of_objects_are_seen() {
        let pickle = parse(SAMPLE).unwrap();
        assert_eq!(pickle.keys().unwrap(), ["a", "b"]);
        assert_eq!(
            fields(&pickle, "a"),
            serde_json::json!({"i": -2, "x": 0.5, "t": true, "l": []})
        );
        assert_eq!(fields(&pickle, "b"), serde_json::json!({"x": "y"}));
        assert_eq!(
            pickle.tensors("a").unwrap_err(),
            "its \"l\" is not a tensor"
        );
        assert_eq!(
            pickle.tensors("b").unwrap_err(),
            "it is not a dictionary, but an instance of the class pkg.mod.Config"
        );
        assert_eq!(pickle.unread_classes("a"), ["pkg.mod.Config"]);
        assert!(pickle.unread_classes("b").is_empty());
    }

    #[test]
    fn calls_of_functions_are_errors_that_name_them() {
        let error = parse(b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.").err();
        assert!(matches!(error, Some(PickleError::Call(name)) if name == "posix.system"));
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
            Err(PickleError::Cut)
        ));
    }

    /// Few bytes that would become many values, names of names, or long names many times over.
    #[test]
    fn growth_is_bounded() {
        let objects = [
            &b"\x80\x02cm\nC\nq\0"[..],
            &b"h\0)\x81".repeat(1 << 18),
            b".",
        ]
        .concat();
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
                pickle.fields("a", |_| None);
                pickle.unread_classes("a");
            }
        }
    }
}
