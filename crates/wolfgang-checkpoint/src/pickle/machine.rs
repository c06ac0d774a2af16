//! The stack machine that builds the values of a pickle.

use super::calls;
use super::error::{PickleError, Result};
use super::globals::Global;
use super::limits::{MAX_NAME, MAX_VALUES, STORAGE};
use super::reader::Reader;
use super::rebuild;
use super::stack::Stack;
use super::unsupported;
use super::value::{Id, Value, Values};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) struct Machine<'a> {
    reader: Reader<'a>,
    values: Values<'a>,
    stack: Stack,
    memo: HashMap<usize, Id>,
    globals: HashMap<(&'a str, &'a str), Rc<Global>>,
    /// The keys of storages.
    keys: HashMap<Cow<'a, str>, Rc<str>>,
    /// The protocol of the last PROTO.
    protocol: u8,
}

/// The result of a pickle.
pub(super) struct Outcome<'a> {
    pub(super) values: Values<'a>,
    pub(super) root: Id,
    /// The bytes after STOP.
    pub(super) rest: &'a [u8],
}

impl<'a> Machine<'a> {
    pub(super) fn new(pickle: &'a [u8]) -> Self {
        Self {
            reader: Reader { rest: pickle },
            values: Values::default(),
            stack: Stack::default(),
            memo: HashMap::new(),
            globals: HashMap::new(),
            keys: HashMap::new(),
            protocol: 0,
        }
    }

    /// Interprets the pickle up to its STOP. The result is the value on top of the stack.
    pub(super) fn run(mut self) -> Result<Outcome<'a>> {
        loop {
            match self.reader.byte()? {
                b'.' => break,
                opcode => self.step(opcode)?,
            }
        }
        let root = self.stack.pop()?;
        Ok(Outcome {
            values: self.values,
            root,
            rest: self.reader.rest,
        })
    }

    fn step(&mut self, opcode: u8) -> Result {
        match opcode {
            // PROTO, FRAME
            0x80 => {
                self.protocol = self.reader.byte()?;
                // The meaning of names depends on the protocol.
                self.globals.clear();
            }
            0x95 => drop(self.reader.array::<8>()?),
            // MARK, POP, POP_MARK, DUP
            b'(' => self.stack.mark()?,
            b'0' => drop(self.stack.pop()?),
            b'1' => drop(self.stack.pop_to_mark()?),
            b'2' => {
                let top = self.stack.top()?;
                self.push_id(top)?;
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            // BININT1, BININT2, BININT, LONG1, LONG4, INT, LONG, BINFLOAT
            b'K' => self.push_int::<1>()?,
            b'M' => self.push_int::<2>()?,
            b'J' => {
                let int = i32::from_le_bytes(self.reader.array()?);
                self.push(Value::Int(int.into()))?;
            }
            0x8a => self.push_long::<1>()?,
            0x8b => self.push_long::<4>()?,
            b'I' => {
                let value = match self.reader.line()? {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    int => Value::Int(int.parse().map_err(|_| PickleError::Malformed)?),
                };
                self.push(value)?;
            }
            b'L' => {
                let line = self.reader.line()?;
                let digits = line.strip_suffix('L').unwrap_or(line);
                let is_int = digits.strip_prefix('-').unwrap_or(digits);
                if is_int.is_empty() || !is_int.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(PickleError::Malformed);
                }
                // The value of an integer with more than 64 bits is not needed.
                let value = digits.parse().map_or(Value::BigInt(&[]), Value::Int);
                self.push(value)?;
            }
            b'G' => {
                let float = f64::from_be_bytes(self.reader.array()?);
                self.push(Value::Float(float))?;
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8, SHORT_BINSTRING, BINSTRING
            0x8c | b'U' => self.push_str::<1>()?,
            b'X' | b'T' => self.push_str::<4>()?,
            0x8d => self.push_str::<8>()?,
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' => self.push_bytes::<1>()?,
            b'B' => self.push_bytes::<4>()?,
            0x8e | 0x96 => self.push_bytes::<8>()?,
            // EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE, EMPTY_LIST, LIST, EMPTY_SET, FROZENSET
            b')' => self.push(Value::Tuple(Vec::new()))?,
            0x85..=0x87 => {
                let items = self.stack.pop_vec(usize::from(opcode - 0x84))?;
                self.push_sequence(Value::Tuple, items)?;
            }
            b't' => {
                let items = self.stack.pop_to_mark()?;
                self.push_sequence(Value::Tuple, items)?;
            }
            b']' => self.push(Value::List(Vec::new()))?,
            b'l' => {
                let items = self.stack.pop_to_mark()?;
                self.push_sequence(Value::List, items)?;
            }
            0x8f => self.push(Value::Set(Vec::new()))?,
            0x91 => {
                let items = self.stack.pop_to_mark()?;
                self.push_sequence(Value::Set, items)?;
            }
            // APPEND, APPENDS, ADDITEMS
            b'a' => {
                let item = self.stack.pop()?;
                self.append(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.stack.pop_to_mark()?;
                self.append(items)?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.push(Value::Dict(Box::default()))?,
            b'd' => {
                let items = self.stack.pop_to_mark()?;
                self.push(Value::Dict(Box::default()))?;
                self.insert(&items)?;
            }
            b's' => {
                let items = self.stack.pop_n::<2>()?;
                self.insert(&items)?;
            }
            b'u' => {
                let items = self.stack.pop_to_mark()?;
                self.insert(&items)?;
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.reader.line()?, self.reader.line()?);
                self.push_global(module, name)?;
            }
            0x93 => {
                let names = self.stack.pop_n::<2>()?;
                let (module, name) = (self.name(names[0])?, self.name(names[1])?);
                self.push_global(module, name)?;
            }
            // REDUCE, NEWOBJ, NEWOBJ_EX, BUILD
            b'R' => {
                let parts = self.stack.pop_n::<2>()?;
                let result = calls::reduce(&mut self.values, parts[0], parts[1])?;
                self.push_id(result)?;
            }
            0x81 => {
                let parts = self.stack.pop_n::<2>()?;
                self.push_new_object(parts[0], parts[1])?;
            }
            0x92 => {
                let parts = self.stack.pop_n::<3>()?;
                // Keyword arguments are appended to the positional ones.
                let args = self.values.push(Value::Tuple(parts[1..].to_vec()));
                self.push_new_object(parts[0], args)?;
            }
            b'b' => {
                let state = self.stack.pop()?;
                let top = self.stack.top()?;
                calls::build(&mut self.values, top, state)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => self.put::<1>()?,
            b'r' => self.put::<4>()?,
            0x94 => self.memoize(self.memo.len())?,
            b'h' => self.get::<1>()?,
            b'j' => self.get::<4>()?,
            // BINPERSID
            b'Q' => {
                let id = self.stack.pop()?;
                self.push_persistent(id)?;
            }
            other => return Err(self.unsupported(other)),
        }
        Ok(())
    }

    /// Returns the error for an unknown or unsupported opcode.
    fn unsupported(&mut self, opcode: u8) -> PickleError {
        let Some((name, protocol)) = unsupported::find(opcode) else {
            return PickleError::Opcode(opcode);
        };
        // INST and OBJ contain a call. If it is unsafe, that is the error.
        let callable = match opcode {
            b'i' => match (self.reader.line(), self.reader.line()) {
                (Ok(module), Ok(name)) => self.global(module, name).ok(),
                _ => return PickleError::Malformed,
            },
            b'o' => {
                let items = self.stack.pop_to_mark().unwrap_or_default();
                items
                    .first()
                    .and_then(|id| self.values.global(*id))
                    .cloned()
            }
            _ => None,
        };
        match callable.filter(|callable| callable.may_run_code()) {
            Some(callable) => PickleError::Call(callable.path.clone()),
            None => PickleError::Unsupported(name, protocol),
        }
    }

    /// Pushes an object that torch stores outside of the pickle: a storage or, in old files, a
    /// class with its source code.
    fn push_persistent(&mut self, id: Id) -> Result {
        let parts = self.values.sequence(id).unwrap_or_default();
        let kind = parts.first().and_then(|kind| self.values.str(*kind));
        match (kind, parts) {
            (Some("storage"), _) => {
                self.values.spend(STORAGE)?;
                let storage = rebuild::storage(&self.values, id, &mut self.keys);
                let storage = storage.ok_or(PickleError::Malformed)?;
                self.push(Value::Storage(Rc::new(storage)))
            }
            (Some("module"), [_, class, ..]) => self.push_id(*class),
            _ => Err(PickleError::Malformed),
        }
    }

    /// Pushes the result of `class.__new__(class, *args)`.
    fn push_new_object(&mut self, class: Id, args: Id) -> Result {
        let object = calls::new_object(&mut self.values, class, args)?;
        self.push_id(object)
    }

    fn append(&mut self, new: Vec<Id>) -> Result {
        self.spend_references(new.len())?;
        let top = self.stack.top()?;
        if let Value::List(items) = self.values.get_mut(top) {
            items.extend(new);
            return Ok(());
        }
        if let Value::Set(items) = self.values.get_mut(top) {
            items.extend(new);
            return Ok(());
        }
        calls::check_growth(&mut self.values, top, "append")?;
        if let Value::Object(object) = self.values.get_mut(top) {
            object
                .items
                .extend(new.into_iter().map(|item| (item, item)));
        }
        Ok(())
    }

    fn insert(&mut self, new: &[Id]) -> Result {
        if !new.len().is_multiple_of(2) {
            return Err(PickleError::Malformed);
        }
        self.spend_references(new.len())?;
        let top = self.stack.top()?;
        if !matches!(self.values.get(top), Value::Dict(_)) {
            calls::check_growth(&mut self.values, top, "__setitem__")?;
        }
        match self.values.get_mut(top) {
            Value::Dict(object) | Value::Object(object) => {
                let pairs = new.as_chunks().0.iter();
                object
                    .items
                    .extend(pairs.map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(PickleError::Malformed),
        }
    }

    fn push_global(&mut self, module: &'a str, name: &'a str) -> Result {
        let global = self.global(module, name)?;
        self.push(Value::Global(global))
    }

    fn global(&mut self, module: &'a str, name: &'a str) -> Result<Rc<Global>> {
        if let Some(global) = self.globals.get(&(module, name)) {
            return Ok(Rc::clone(global));
        }
        let global = Rc::new(Global::new(self.protocol, module, name));
        self.values.spend(global.path.len() + size_of::<Global>())?;
        self.globals.insert((module, name), Rc::clone(&global));
        Ok(global)
    }

    /// Returns a string that is a name.
    fn name(&self, id: Id) -> Result<&'a str> {
        let text = self.values.str(id).filter(|text| text.len() <= MAX_NAME);
        text.ok_or(PickleError::Malformed)
    }

    /// Takes the memory of `n` references from the budget.
    fn spend_references(&mut self, n: usize) -> Result {
        self.values.spend(n.saturating_mul(2 * size_of::<Id>()))
    }

    fn push_sequence(&mut self, kind: fn(Vec<Id>) -> Value<'a>, items: Vec<Id>) -> Result {
        self.spend_references(items.len())?;
        self.push(kind(items))
    }

    fn push(&mut self, value: Value<'a>) -> Result {
        let id = self.values.push(value);
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Result {
        if self.values.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.values
            .spend(size_of::<Value<'_>>() + size_of::<Id>())?;
        self.stack.push(id)
    }

    fn push_int<const N: usize>(&mut self) -> Result {
        let int = self.reader.uint::<N>()?;
        let int = i64::try_from(int).map_err(|_| PickleError::Malformed)?;
        self.push(Value::Int(int))
    }

    /// Pushes a little-endian two's complement integer, which follows its length in `N` bytes.
    fn push_long<const N: usize>(&mut self) -> Result {
        let bytes = self.reader.sized::<N>()?;
        let value = if bytes.len() > 8 {
            Value::BigInt(bytes)
        } else {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let mut padded = if negative { [0xff; 8] } else { [0; 8] };
            padded[..bytes.len()].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(padded))
        };
        self.push(value)
    }

    fn push_str<const N: usize>(&mut self) -> Result {
        let bytes = self.reader.sized::<N>()?;
        // Strings that are not UTF-8 contain bytes, in pickles of Python 2, or lone surrogates.
        let text = std::str::from_utf8(bytes);
        self.push(text.map_or(Value::Bytes(bytes), Value::Str))
    }

    fn push_bytes<const N: usize>(&mut self) -> Result {
        let bytes = self.reader.sized::<N>()?;
        self.push(Value::Bytes(bytes))
    }

    /// Stores the top of the stack in the memo, under a key of `N` bytes.
    fn put<const N: usize>(&mut self) -> Result {
        let key = self.reader.uint::<N>()?;
        self.memoize(key)
    }

    fn memoize(&mut self, key: usize) -> Result {
        let top = self.stack.top()?;
        if self.memo.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.memo.insert(key, top);
        Ok(())
    }

    /// Pushes a value of the memo, by a key of `N` bytes.
    fn get<const N: usize>(&mut self) -> Result {
        let key = self.reader.uint::<N>()?;
        let id = *self.memo.get(&key).ok_or(PickleError::Malformed)?;
        self.push_id(id)
    }
}
