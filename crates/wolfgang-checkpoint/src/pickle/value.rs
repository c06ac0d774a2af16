//! The values that a pickle builds.

use super::PickleError;
use super::globals::Global;
use super::tensors::{Storage, TensorRef};
use std::collections::HashSet;
use std::rc::Rc;

/// Index of a value. Values refer to each other by index, so sharing and cycles cost nothing.
pub(super) type Id = usize;

#[derive(Debug)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, little-endian.
    BigInt(&'a [u8]),
    Float(f64),
    Str(&'a str),
    Bytes(&'a [u8]),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// A `dict`, or one of the subclasses in `collections` that hold nothing else.
    Dict(Box<Object>),
    /// An imported class or function.
    Global(Rc<Global>),
    /// An instance of a class, or the result of a call.
    Object(Box<Object>),
    Storage(Rc<Storage>),
    /// A tensor, or what cannot be read of it.
    Tensor(Box<Result<TensorRef, Rc<str>>>),
    /// The items of a set, or of something else that holds nothing but them.
    Set(Vec<Id>),
}

/// What is known of an object without running its class.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// Its class, or the function that returned it; `None` for a `dict`.
    pub(super) class: Option<Rc<Global>>,
    /// The tuple of arguments that it was made from.
    pub(super) args: Option<Id>,
    /// The items that were set on it as on a dictionary; of one that was appended to it as to a list, the item is key and
    /// value.
    pub(super) items: Vec<(Id, Id)>,
    /// The state that was set on it, usually the dictionary of its attributes.
    pub(super) state: Option<Id>,
}

/// Bytes that following one pickle may take, and values that may be searched meanwhile, each counted as [`SEARCHED`]
/// bytes. A few bytes of a pickle could otherwise have the same large value copied or searched any number of times.
const BUDGET: usize = 112 << 20;

/// What searching a value costs of the budget.
const SEARCHED: usize = 16;

/// The values of one pickle.
#[derive(Debug)]
pub(super) struct Values<'a> {
    values: Vec<Value<'a>>,
    /// What is left of the budget.
    left: usize,
    /// Tensors that were given functions, as attributes or hooks.
    holders: HashSet<Id>,
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            left: BUDGET,
            holders: HashSet::new(),
        }
    }
}

impl<'a> Values<'a> {
    pub(super) fn push(&mut self, value: Value<'a>) -> Id {
        self.values.push(value);
        self.values.len() - 1
    }

    /// Takes bytes from the budget.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), PickleError> {
        self.left = self.left.checked_sub(bytes).ok_or(PickleError::TooLarge)?;
        Ok(())
    }

    /// Takes from the budget what it costs to search this many values.
    pub(super) fn spend_search(&mut self, n: usize) -> Result<(), PickleError> {
        self.spend(n.saturating_mul(SEARCHED))
    }

    /// Notes that a tensor was given a function.
    pub(super) fn note_function(&mut self, tensor: Id) {
        self.holders.insert(tensor);
    }

    /// Whether a tensor was given a function.
    pub(super) fn has_function(&self, tensor: Id) -> bool {
        self.holders.contains(&tensor)
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Value<'a> {
        &mut self.values[id]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &Value<'a>)> {
        self.values.iter().enumerate()
    }

    pub(super) fn str(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a tuple or list.
    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(ids) | Value::List(ids) => Some(ids),
            _ => None,
        }
    }

    /// The items of a dictionary, of one of its subclasses too.
    pub(super) fn items(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Value::Dict(object) => Some(&object.items),
            Value::Object(object) if !object.items.is_empty() => Some(&object.items),
            _ => None,
        }
    }

    /// The value under a string key. The last of equal keys counts, as in Python.
    pub(super) fn find(&self, dictionary: Id, key: &str) -> Option<Id> {
        let mut items = self.items(dictionary)?.iter().rev();
        let found = items.find(|(k, _)| self.str(*k) == Some(key));
        found.map(|(_, value)| *value)
    }

    pub(super) fn uint(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(int) => usize::try_from(*int).ok(),
            _ => None,
        }
    }

    pub(super) fn global(&self, id: Id) -> Option<&Rc<Global>> {
        match self.get(id) {
            Value::Global(global) => Some(global),
            _ => None,
        }
    }
}
