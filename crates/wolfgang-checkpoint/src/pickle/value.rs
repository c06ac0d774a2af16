//! The values that a pickle builds.

use super::error::{PickleError, Result};
use super::globals::Global;
use super::limits::{BUDGET, SEARCHED};
use super::tensor::{Storage, TensorRef};
use std::collections::HashSet;
use std::rc::Rc;

/// Index of a value. Values refer to each other by index, so that they can be shared and form
/// cycles.
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
    /// A `dict`, an `OrderedDict` or a `defaultdict`.
    Dict(Box<Object>),
    /// An imported class or function.
    Global(Rc<Global>),
    /// An instance of a class, or the result of a call.
    Object(Box<Object>),
    Storage(Rc<Storage>),
    /// A tensor, or the description of a tensor that is not supported.
    Tensor(Box<Result<TensorRef, Rc<str>>>),
    /// The items of a set or of a similar container.
    Set(Vec<Id>),
}

/// An object, described without running its class.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// The class, or the function that returned the object; `None` for a `dict`.
    pub(super) class: Option<Rc<Global>>,
    /// The tuple of the arguments of the call that created the object.
    pub(super) args: Option<Id>,
    /// Items that were set as on a dictionary. An item that was appended as to a list is both key
    /// and value.
    pub(super) items: Vec<(Id, Id)>,
    /// The state that was set, usually the dictionary of the attributes.
    pub(super) state: Option<Id>,
}

/// The values of one pickle.
#[derive(Debug)]
pub(super) struct Values<'a> {
    values: Vec<Value<'a>>,
    /// The remaining budget, see [`BUDGET`].
    budget: usize,
    /// Tensors with functions as attributes or hooks.
    tensors_with_functions: HashSet<Id>,
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            budget: BUDGET,
            tensors_with_functions: HashSet::new(),
        }
    }
}

impl<'a> Values<'a> {
    pub(super) fn push(&mut self, value: Value<'a>) -> Id {
        self.values.push(value);
        self.values.len() - 1
    }

    /// Takes bytes from the budget.
    pub(super) fn spend(&mut self, bytes: usize) -> Result {
        let budget = self.budget.checked_sub(bytes);
        self.budget = budget.ok_or(PickleError::TooLarge)?;
        Ok(())
    }

    /// Takes the cost of searching `n` values from the budget.
    pub(super) fn spend_search(&mut self, n: usize) -> Result {
        self.spend(n.saturating_mul(SEARCHED))
    }

    /// Records that a tensor has a function as an attribute or hook.
    pub(super) fn set_has_function(&mut self, tensor: Id) {
        self.tensors_with_functions.insert(tensor);
    }

    /// Whether a tensor has a function as an attribute or hook.
    pub(super) fn has_function(&self, tensor: Id) -> bool {
        self.tensors_with_functions.contains(&tensor)
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

    /// Returns the elements of a tuple or list.
    pub(super) fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(ids) | Value::List(ids) => Some(ids),
            _ => None,
        }
    }

    /// Returns the items of a dictionary or of an object with items.
    pub(super) fn items(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Value::Dict(object) => Some(&object.items),
            Value::Object(object) if !object.items.is_empty() => Some(&object.items),
            _ => None,
        }
    }

    /// Returns the value of a string key; the last one of equal keys, as in Python.
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
