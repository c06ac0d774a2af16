//! The structure of a Python pickle, without running it.
//!
//! A pickle is a program for a small stack machine. This module follows it as far as it builds values: numbers,
//! strings, lists, dictionaries. What the program asks Python to import and call is only noted by name; a called
//! object is represented by its class and the state that is set on it, which is all that a configuration object
//! (a dataclass, say) consists of.
//!
//! Opcodes are those of protocols 2 to 5, which is what `torch.save` writes; their meaning is defined in Python's
//! `pickletools`.

use serde_json::{Map, Number, Value as Json};
use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;
use std::rc::Rc;

/// No `data.pkl` comes near these limits; the bytes of tensors lie elsewhere.
const MAX_BYTES: usize = 8 << 20;
const MAX_VALUES: usize = 1 << 20;

/// No name of a function or a class is longer.
const MAX_NAME: usize = 256;

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
    /// Tuples and sets, too.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// Something imported, `module.name`.
    Global(Rc<str>),
    /// Something made or returned by a call, with the state set on it afterwards.
    Object {
        state: Option<Id>,
    },
    /// Bytes and references to tensor data: nothing that this module looks into.
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
        if let Value::Object { state: Some(state) } = self.values[id] {
            id = state;
        }
        let Value::Dict(items) = &self.values[id] else {
            return None;
        };
        let field =
            |&(key, value): &(Id, Id)| Some((self.str(key)?.to_owned(), self.scalar(value)));
        Some(items.iter().filter_map(field).collect())
    }

    /// Whether the entry `key` of the root is a dictionary.
    pub(crate) fn is_dict(&self, key: &str) -> bool {
        self.find(key)
            .is_some_and(|id| matches!(self.values[id], Value::Dict(_)))
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
    let mut machine = Machine {
        reader,
        budget: MAX_BYTES,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        calls: BTreeSet::new(),
    };
    let root = machine.run()?;
    Ok(Pickle {
        values: machine.values,
        root,
        calls: machine.calls,
    })
}

struct Machine<'a, R> {
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

impl<R: BufRead> Machine<'_, R> {
    fn run(&mut self) -> Result<Id> {
        loop {
            match self.byte()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode)?,
            }
        }
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
            b')' | b']' | 0x8f => self.push(Value::List(Vec::new()))?,
            0x85..=0x87 => {
                let items = self.pop_n(usize::from(opcode - 0x84))?;
                self.push(Value::List(items))?;
            }
            b't' | b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items))?;
            }
            // APPEND, APPENDS, ADDITEMS
            b'a' => {
                let items = self.pop_n(1)?;
                self.append(items)?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
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
                self.push(Value::Object { state: None })?;
            }
            0x92 => {
                self.pop_n(3)?;
                self.push(Value::Object { state: None })?;
            }
            b'b' => {
                let new_state = self.pop()?;
                let top = self.top()?;
                if let Value::Object { state } = &mut self.values[top] {
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
            "collections.OrderedDict" => Value::Dict(Vec::new()),
            _ => Value::Object { state: None },
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

    fn append(&mut self, new: Vec<Id>) -> Result {
        match self.top().map(|top| &mut self.values[top])? {
            Value::List(items) => items.extend(new),
            Value::Object { .. } | Value::Opaque => {}
            _ => return Err(PickleError::Malformed),
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Pickle> {
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
        assert!(pickle.is_dict("a") && !pickle.is_dict("b"));
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
