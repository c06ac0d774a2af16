//! Reads Python pickles without executing them.
//!
//! A pickle is a program for a small stack machine. This module interprets the opcodes that build
//! values: numbers, strings, dictionaries, tensors. Functions of Python are never called; each call
//! is only checked. An object is represented by its class, the arguments of the call and the state
//! that is set on it, which is enough for the fields of a configuration object such as a dataclass.
//!
//! The opcodes of protocols 2 to 5, which `torch.save` writes, are supported, and those of protocol
//! 1 that build the same values. Python's `pickletools` defines them. An unsupported opcode is an
//! error with its name.

mod allowed;
mod calls;
mod denied;
mod element;
mod error;
mod globals;
mod limits;
mod machine;
mod python2;
mod reader;
mod rebuild;
mod scalars;
mod stack;
mod tensor;
mod unread;
mod unsupported;
mod value;

pub(crate) use error::PickleError;
pub(crate) use tensor::{Storage, TensorRef};

use limits::{MAX_FIELDS, MAX_NAME, MAX_TENSORS};
use machine::{Machine, Outcome};
use serde_json::{Map, Value as Json};
use std::rc::Rc;
use value::{Id, Value, Values};

/// The values of a pickle.
pub(crate) struct Pickle<'a> {
    values: Values<'a>,
    root: Id,
}

/// A tensor, or the description of a tensor that is not supported.
pub(crate) type Described<'p> = &'p Result<TensorRef, Rc<str>>;

impl<'a> Pickle<'a> {
    /// Whether the root is this integer, in little-endian bytes.
    pub(crate) fn is_big_int(&self, bytes: &[u8]) -> bool {
        matches!(self.values.get(self.root), Value::BigInt(found) if *found == bytes)
    }

    /// Whether the root is this integer.
    pub(crate) fn is_int(&self, int: i64) -> bool {
        matches!(self.values.get(self.root), Value::Int(found) if *found == int)
    }

    /// Whether the root is a dictionary with the value `False` for `key`.
    pub(crate) fn is_false(&self, key: &str) -> bool {
        let value = self.values.find(self.root, key);
        value.is_some_and(|value| matches!(self.values.get(value), Value::Bool(false)))
    }

    /// Returns the strings of the root; `None` if it is not a list of strings.
    pub(crate) fn strings(&self) -> Option<Vec<&'a str>> {
        let ids = self.values.sequence(self.root)?.iter();
        ids.map(|id| self.values.str(*id)).collect()
    }

    /// Returns the string keys of the root; `None` if it is not a dictionary.
    pub(crate) fn keys(&self) -> Option<Vec<&'a str>> {
        let items = self.values.items(self.root)?.iter();
        Some(items.filter_map(|(key, _)| self.values.str(*key)).collect())
    }

    /// Returns the storages in the order of the pickle.
    pub(crate) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.values.iter().filter_map(|(_, value)| match value {
            Value::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }

    /// Returns the scalar fields of the entry `key` of the root; `None` if the entry is neither a
    /// dictionary nor an object. `read` returns the value of a tensor with one element. Containers
    /// become empty.
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
                // Attributes are in a dictionary, in slots (a tuple of two dictionaries), or, for
                // pydantic, in a dictionary within the state.
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

    /// Returns the tensors in the entry `key` of the root, which may also contain plain values. The
    /// error describes an entry that is not such a dictionary.
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
                // Additional state of a module.
                _ if name.ends_with(EXTRA_STATE) => {}
                _ => return Err(format!("its {name:.40?} is not a tensor")),
            }
        }
        Ok(tensors)
    }

    /// Returns the classes of the objects that are skipped, sorted by name. The entry `read` of the
    /// root is not skipped.
    pub(crate) fn unread_classes(&self, read: &str) -> Vec<String> {
        let read = self.values.find(self.root, read);
        unread::classes(&self.values, read)
    }
}

/// Suffix of the keys of `torch.nn.Module.get_extra_state`.
const EXTRA_STATE: &str = "_extra_state";

/// Reads the pickle at the beginning of `bytes`. Also returns the bytes after it.
pub(crate) fn read(bytes: &[u8]) -> Result<(Pickle<'_>, &[u8]), PickleError> {
    let Outcome { values, root, rest } = Machine::new(bytes).run()?;
    Ok((Pickle { values, root }, rest))
}

#[cfg(test)]
mod tests;
