//! The stack machine that a pickle is a program for.

use super::{Id, MAX_BYTES, MAX_NAME, MAX_VALUES, Pickle, PickleError, Value};
use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;
use std::rc::Rc;

pub(super) struct Machine<'a, R> {
    reader: &'a mut R,
    /// Bytes that may still be read.
    budget: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at each MARK.
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    calls: BTreeSet<Rc<str>>,
}

type Result<T = (), E = PickleError> = std::result::Result<T, E>;

impl<'a, R: BufRead> Machine<'a, R> {
    pub(super) fn new(reader: &'a mut R) -> Self {
        Self {
            reader,
            budget: MAX_BYTES,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            calls: BTreeSet::new(),
        }
    }

    /// Follows the program up to its STOP; what then lies on top of the stack is what it describes.
    pub(super) fn run(mut self) -> Result<Pickle> {
        loop {
            match self.byte()? {
                b'.' => break,
                opcode => self.step(opcode)?,
            }
        }
        let root = self.pop()?;
        Ok(Pickle {
            values: self.values,
            root,
            calls: self.calls,
        })
    }

    fn step(&mut self, opcode: u8) -> Result {
        match opcode {
            // PROTO, FRAME
            0x80 => drop(self.byte()?),
            0x95 => drop(self.array::<8>()?),
            // MARK, POP, POP_MARK, DUP
            b'(' => self.marks.push(self.stack.len()),
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
            // BININT1, BININT2, BININT, LONG1, LONG4, BINFLOAT
            b'K' => self.push_int::<1>()?,
            b'M' => self.push_int::<2>()?,
            b'J' => {
                let int = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(int.into()))?;
            }
            0x8a => self.push_long::<1>()?,
            0x8b => self.push_long::<4>()?,
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
            b')' | b']' | 0x8f => self.push(Value::Opaque)?,
            0x85..=0x87 => {
                self.pop_n(usize::from(opcode - 0x84))?;
                self.push(Value::Opaque)?;
            }
            b't' | b'l' | 0x91 => {
                self.pop_to_mark()?;
                self.push(Value::Opaque)?;
            }
            // APPEND, APPENDS, ADDITEMS
            b'a' => {
                self.pop()?;
                self.top()?;
            }
            b'e' | 0x90 => {
                self.pop_to_mark()?;
                self.top()?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.insert(items)?;
            }
            b's' => {
                let items = self.pop_n(2)?;
                self.insert(items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.insert(items)?;
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push_global(&module, &name)?;
            }
            0x93 => {
                let names = self.pop_n(2)?;
                let (module, name) = (self.text(names[0])?, self.text(names[1])?);
                self.push_global(&module, &name)?;
            }
            // REDUCE, NEWOBJ, NEWOBJ_EX, BUILD
            b'R' => {
                let callable = self.pop_n(2)?[0];
                self.call(callable)?;
            }
            0x81 => {
                self.pop_n(2)?;
                self.push(Value::Object {
                    is_tensor: false,
                    state: None,
                })?;
            }
            0x92 => {
                self.pop_n(3)?;
                self.push(Value::Object {
                    is_tensor: false,
                    state: None,
                })?;
            }
            b'b' => {
                let new_state = self.pop()?;
                let top = self.top()?;
                if let Value::Object { state, .. } = &mut self.values[top] {
                    *state = Some(new_state);
                }
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => self.put::<1>()?,
            b'r' => self.put::<4>()?,
            0x94 => drop(self.memo.insert(self.memo.len(), self.top()?)),
            b'h' => self.get::<1>()?,
            b'j' => self.get::<4>()?,
            // BINPERSID: a reference to tensor data.
            b'Q' => {
                self.pop()?;
                self.push(Value::Opaque)?;
            }
            other => return Err(PickleError::Opcode(other)),
        }
        Ok(())
    }

    /// Notes a call; the result is a dictionary where Python's would be one.
    fn call(&mut self, callable: Id) -> Result {
        let name = match &self.values[callable] {
            Value::Global(name) => Rc::clone(name),
            _ => Rc::from("an object"),
        };
        let result = match &*name {
            "collections.OrderedDict" | "collections.defaultdict" => Value::Dict(Vec::new()),
            name => Value::Object {
                is_tensor: name.starts_with("torch._utils._rebuild_"),
                state: None,
            },
        };
        self.calls.insert(name);
        self.push(result)
    }

    fn push_global(&mut self, module: &str, name: &str) -> Result {
        self.push(Value::Global(format!("{module}.{name}").into()))
    }

    /// A string that names something.
    fn text(&self, id: Id) -> Result<Rc<str>> {
        match &self.values[id] {
            Value::Str(s) if s.len() <= MAX_NAME => Ok(s.as_str().into()),
            _ => Err(PickleError::Malformed),
        }
    }

    fn insert(&mut self, new: Vec<Id>) -> Result {
        if !new.len().is_multiple_of(2) {
            return Err(PickleError::Malformed);
        }
        match self.top().map(|top| &mut self.values[top])? {
            Value::Dict(items) => items.extend(new.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            Value::Object { .. } | Value::Opaque => {}
            _ => return Err(PickleError::Malformed),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result {
        let id = self.values.len();
        self.values.push(value);
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Result {
        if self.values.len() > MAX_VALUES || self.stack.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
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
            padded[..bytes.len()].copy_from_slice(&bytes);
            Value::Int(i64::from_le_bytes(padded))
        };
        self.push(value)
    }

    fn push_str<const N: usize>(&mut self) -> Result {
        let bytes = self.sized::<N>()?;
        self.push(Value::Str(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn push_bytes<const N: usize>(&mut self) -> Result {
        self.sized::<N>()?;
        self.push(Value::Opaque)
    }

    fn put<const N: usize>(&mut self) -> Result {
        let key = self.uint::<N>()?;
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn get<const N: usize>(&mut self) -> Result {
        let key = self.uint::<N>()?;
        self.stack
            .push(*self.memo.get(&key).ok_or(PickleError::Malformed)?);
        Ok(())
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
        self.spend(N)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// An unsigned little-endian integer of `N` bytes.
    fn uint<const N: usize>(&mut self) -> Result<usize> {
        let mut padded = [0; 8];
        padded[..N].copy_from_slice(&self.array::<N>()?);
        usize::try_from(u64::from_le_bytes(padded)).map_err(|_| PickleError::Malformed)
    }

    /// Bytes behind their length in `N` bytes.
    fn sized<const N: usize>(&mut self) -> Result<Vec<u8>> {
        let len = self.uint::<N>()?;
        self.spend(len)?;
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The rest of a line of text.
    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                _ if line.len() == MAX_NAME => return Err(PickleError::Malformed),
                byte => line.push(byte),
            }
        }
    }

    fn spend(&mut self, n: usize) -> Result {
        self.budget = self.budget.checked_sub(n).ok_or(PickleError::TooLarge)?;
        Ok(())
    }
}
