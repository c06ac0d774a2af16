//! The stack machine that a pickle is a program for.

use super::calls;
use super::tensors;
use super::value::{Id, Value, Values};
use super::{MAX_NAME, MAX_VALUES, PickleError};
use crate::pickle::globals::Global;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) struct Machine<'a> {
    /// What has not been read of the program.
    rest: &'a [u8],
    values: Values<'a>,
    stack: Vec<Id>,
    /// Heights of the stack at each MARK.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    globals: HashMap<(&'a str, &'a str), Rc<Global>>,
    /// The keys of storages.
    keys: HashMap<Cow<'a, str>, Rc<str>>,
    /// What the last PROTO says.
    protocol: u8,
}

/// What a storage costs of the budget.
const STORAGE: usize = 256;

/// Opcodes that `torch.save` does not write by default, with their names and the protocols they come from.
const UNREAD: [(u8, &str, u8); 13] = [
    (b'F', "FLOAT", 0),
    (b'P', "PERSID", 0),
    (b'S', "STRING", 0),
    (b'V', "UNICODE", 0),
    (b'g', "GET", 0),
    (b'i', "INST", 0),
    (b'p', "PUT", 0),
    (b'o', "OBJ", 1),
    (0x82, "EXT1", 2),
    (0x83, "EXT2", 2),
    (0x84, "EXT4", 2),
    (0x97, "NEXT_BUFFER", 5),
    (0x98, "READONLY_BUFFER", 5),
];

/// The result of a pickle's program.
pub(super) struct Outcome<'a> {
    pub(super) values: Values<'a>,
    pub(super) root: Id,
    /// The bytes after its STOP.
    pub(super) rest: &'a [u8],
}

type Result<T = (), E = PickleError> = std::result::Result<T, E>;

impl<'a> Machine<'a> {
    pub(super) fn new(program: &'a [u8]) -> Self {
        Self {
            rest: program,
            values: Values::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            globals: HashMap::new(),
            keys: HashMap::new(),
            protocol: 0,
        }
    }

    /// Follows the program up to its STOP; what then lies on top of the stack is what it describes.
    pub(super) fn run(mut self) -> Result<Outcome<'a>> {
        loop {
            match self.byte()? {
                b'.' => break,
                opcode => self.step(opcode)?,
            }
        }
        let root = self.pop()?;
        Ok(Outcome {
            values: self.values,
            root,
            rest: self.rest,
        })
    }

    fn step(&mut self, opcode: u8) -> Result {
        match opcode {
            // PROTO, FRAME
            0x80 => {
                self.protocol = self.byte()?;
                // The protocol decides what names mean.
                self.globals.clear();
            }
            0x95 => drop(self.array::<8>()?),
            // MARK, POP, POP_MARK, DUP
            b'(' => self.mark()?,
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
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
                let int = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(int.into()))?;
            }
            0x8a => self.push_long::<1>()?,
            0x8b => self.push_long::<4>()?,
            b'I' => {
                let value = match self.line()? {
                    "00" => Value::Bool(false),
                    "01" => Value::Bool(true),
                    int => Value::Int(int.parse().map_err(|_| PickleError::Malformed)?),
                };
                self.push(value)?;
            }
            b'L' => {
                let line = self.line()?;
                let digits = line.strip_suffix('L').unwrap_or(line);
                let is_int = digits.strip_prefix('-').unwrap_or(digits);
                if is_int.is_empty() || !is_int.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(PickleError::Malformed);
                }
                // No number that is read here has more than 64 bits.
                let value = digits.parse().map_or(Value::BigInt(&[]), Value::Int);
                self.push(value)?;
            }
            b'G' => {
                let float = f64::from_be_bytes(self.array()?);
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
                let items = self.pop_n(usize::from(opcode - 0x84))?;
                self.push_sequence(Value::Tuple, items)?;
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_sequence(Value::Tuple, items)?;
            }
            b']' => self.push(Value::List(Vec::new()))?,
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push_sequence(Value::List, items)?;
            }
            0x8f => self.push(Value::Set(Vec::new()))?,
            0x91 => {
                let items = self.pop_to_mark()?;
                self.push_sequence(Value::Set, items)?;
            }
            // APPEND, APPENDS, ADDITEMS
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.push(Value::Dict(Box::default()))?,
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Dict(Box::default()))?;
                self.insert(&items)?;
            }
            b's' => {
                let items = self.pop_n(2)?;
                self.insert(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.insert(&items)?;
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push_global(module, name)?;
            }
            0x93 => {
                let names = self.pop_n(2)?;
                let (module, name) = (self.text(names[0])?, self.text(names[1])?);
                self.push_global(module, name)?;
            }
            // REDUCE, NEWOBJ, NEWOBJ_EX, BUILD
            b'R' => {
                let parts = self.pop_n(2)?;
                let result = calls::reduce(&mut self.values, parts[0], parts[1])?;
                self.push_id(result)?;
            }
            0x81 => {
                let parts = self.pop_n(2)?;
                self.make(parts[0], parts[1])?;
            }
            0x92 => {
                let parts = self.pop_n(3)?;
                // The keyword arguments are arguments like the others.
                let args = self.values.push(Value::Tuple(parts[1..].to_vec()));
                self.make(parts[0], args)?;
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
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
                let id = self.pop()?;
                self.push_persistent(id)?;
            }
            other => return Err(self.unread(other)),
        }
        Ok(())
    }

    /// Why an opcode is not followed.
    fn unread(&mut self, opcode: u8) -> PickleError {
        let Some((_, name, protocol)) = UNREAD.iter().find(|(byte, ..)| *byte == opcode) else {
            return PickleError::Opcode(opcode);
        };
        // INST and OBJ call what they name.
        let callable = match opcode {
            b'i' => match (self.line(), self.line()) {
                (Ok(module), Ok(name)) => self.global(module, name).ok(),
                _ => return PickleError::Malformed,
            },
            b'o' => {
                let items = self.pop_to_mark().unwrap_or_default();
                items
                    .first()
                    .and_then(|id| self.values.global(*id))
                    .cloned()
            }
            _ => None,
        };
        match callable.filter(|callable| callable.acts()) {
            Some(callable) => PickleError::Call(callable.path.clone()),
            None => PickleError::Unsupported(name, *protocol),
        }
    }

    fn mark(&mut self) -> Result {
        if self.marks.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// What torch has put outside of the pickle: a storage, or, in old files, a class with its source code.
    fn push_persistent(&mut self, id: Id) -> Result {
        let parts = self.values.sequence(id).unwrap_or_default();
        let kind = parts.first().and_then(|kind| self.values.str(*kind));
        match (kind, parts) {
            (Some("storage"), _) => {
                self.values.spend(STORAGE)?;
                let storage = tensors::storage(&self.values, id, &mut self.keys);
                let storage = storage.ok_or(PickleError::Malformed)?;
                self.push(Value::Storage(Rc::new(storage)))
            }
            (Some("module"), [_, class, ..]) => self.push_id(*class),
            _ => Err(PickleError::Malformed),
        }
    }

    /// `class.__new__(class, *args)`
    fn make(&mut self, class: Id, args: Id) -> Result {
        let made = calls::make(&mut self.values, class, args)?;
        self.push_id(made)
    }

    fn append(&mut self, new: Vec<Id>) -> Result {
        self.link(new.len())?;
        let top = self.top()?;
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
        self.link(new.len())?;
        let top = self.top()?;
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

    /// A string that names something.
    fn text(&self, id: Id) -> Result<&'a str> {
        let text = self.values.str(id).filter(|text| text.len() <= MAX_NAME);
        text.ok_or(PickleError::Malformed)
    }

    fn link(&mut self, n: usize) -> Result {
        self.values.spend(n.saturating_mul(2 * size_of::<Id>()))
    }

    fn push_sequence(&mut self, kind: fn(Vec<Id>) -> Value<'a>, items: Vec<Id>) -> Result {
        self.link(items.len())?;
        self.push(kind(items))
    }

    fn push(&mut self, value: Value<'a>) -> Result {
        let id = self.values.push(value);
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Result {
        if self.values.len() > MAX_VALUES || self.stack.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.values
            .spend(size_of::<Value<'_>>() + size_of::<Id>())?;
        self.stack.push(id);
        Ok(())
    }

    fn push_int<const N: usize>(&mut self) -> Result {
        let int = self.uint::<N>()?;
        let int = i64::try_from(int).map_err(|_| PickleError::Malformed)?;
        self.push(Value::Int(int))
    }

    /// An integer as little-endian two's complement behind its length in `N` bytes.
    fn push_long<const N: usize>(&mut self) -> Result {
        let bytes = self.sized::<N>()?;
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
        let bytes = self.sized::<N>()?;
        // Python 2 wrote bytes as strings, and lone surrogates are no UTF-8.
        let text = std::str::from_utf8(bytes);
        self.push(text.map_or(Value::Bytes(bytes), Value::Str))
    }

    fn push_bytes<const N: usize>(&mut self) -> Result {
        let bytes = self.sized::<N>()?;
        self.push(Value::Bytes(bytes))
    }

    fn put<const N: usize>(&mut self) -> Result {
        let key = self.uint::<N>()?;
        self.memoize(key)
    }

    fn memoize(&mut self, key: usize) -> Result {
        let top = self.top()?;
        if self.memo.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.memo.insert(key, top);
        Ok(())
    }

    fn get<const N: usize>(&mut self) -> Result {
        let key = self.uint::<N>()?;
        let id = *self.memo.get(&key).ok_or(PickleError::Malformed)?;
        self.push_id(id)
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or(PickleError::Malformed)
    }

    fn pop(&mut self) -> Result<Id> {
        self.stack.pop().ok_or(PickleError::Malformed)
    }

    fn pop_n(&mut self, n: usize) -> Result<Vec<Id>> {
        let height = self
            .stack
            .len()
            .checked_sub(n)
            .ok_or(PickleError::Malformed)?;
        Ok(self.stack.split_off(height))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let height = self.marks.pop().ok_or(PickleError::Malformed)?;
        if height > self.stack.len() {
            return Err(PickleError::Malformed);
        }
        Ok(self.stack.split_off(height))
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(PickleError::Cut)?;
        self.rest = rest;
        Ok(*array)
    }

    /// An unsigned little-endian integer of `N` bytes.
    fn uint<const N: usize>(&mut self) -> Result<usize> {
        let mut padded = [0; 8];
        padded[..N].copy_from_slice(&self.array::<N>()?);
        usize::try_from(u64::from_le_bytes(padded)).map_err(|_| PickleError::Malformed)
    }

    /// Bytes behind their length in `N` bytes.
    fn sized<const N: usize>(&mut self) -> Result<&'a [u8]> {
        let len = self.uint::<N>()?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(PickleError::Cut)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The rest of a line of text.
    fn line(&mut self) -> Result<&'a str> {
        let searched = &self.rest[..self.rest.len().min(MAX_NAME + 1)];
        let len = searched.iter().position(|byte| *byte == b'\n');
        let len = len.ok_or(PickleError::Malformed)?;
        let line = std::str::from_utf8(&self.rest[..len]);
        self.rest = &self.rest[len + 1..];
        line.map_err(|_| PickleError::Malformed)
    }
}
