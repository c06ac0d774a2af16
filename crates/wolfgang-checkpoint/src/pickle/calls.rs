//! What Python would call while it reads a pickle: what is allowed, and what the result is taken for.

use super::globals::{Global, Kind};
use super::value::{Id, Object, Value, Values};
use super::{MAX_LINKS, MAX_NAME, PickleError, tensors};
use std::collections::HashSet;
use std::rc::Rc;

type Result<T = (), E = PickleError> = std::result::Result<T, E>;

/// Checks calls. None is made.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Values looked at in arguments.
    searched: usize,
}

/// What may be called, and calls the classes among its arguments, now or later.
const CALLS_ARGUMENTS: [&str; 4] = [
    "collections.defaultdict",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__randomstate_ctor",
];

fn refused(callable: impl Into<String>) -> PickleError {
    PickleError::Call(callable.into())
}

impl Calls {
    /// The result of `callable(*args)`.
    pub(super) fn reduce(&mut self, values: &mut Values<'_>, callable: Id, args: Id) -> Result<Id> {
        let Some(global) = values.global(callable).map(Rc::clone) else {
            return Err(refused("an object"));
        };
        let Some(items) = values.sequence(args) else {
            return Err(PickleError::Malformed);
        };
        match (global.path.as_str(), items) {
            // How protocols before 4 write the name of a class in a class.
            ("builtins.getattr", [class, name]) => {
                let class = values.global(*class);
                let name = values.str(*name).filter(|name| name.len() <= MAX_NAME);
                let inner = class
                    .zip(name)
                    .and_then(|(class, name)| class.attribute(name));
                let inner = inner.ok_or_else(|| refused(&global.path))?;
                return Ok(values.push(Value::Global(Rc::new(inner))));
            }
            // The class of None and its like.
            ("builtins.type", [of])
                if matches!(values.get(*of), Value::None | Value::Global(_)) =>
            {
                return Ok(values.push(Value::Set));
            }
            // How protocols before 2 make an object: class, base, state of the base.
            ("copyreg._reconstructor", [class, base, _]) => {
                let is_builtin = |base: &&Rc<Global>| {
                    base.kind == Kind::Known && base.path.starts_with("builtins.")
                };
                let base = values.global(*base).filter(is_builtin);
                base.ok_or_else(|| refused(&global.path))?;
                let class = *class;
                let class = self.check_class(values, class)?;
                return Ok(values.push(object(class, None)));
            }
            (path, [function, class, function_args, ..])
                if path.starts_with("torch._tensor._rebuild_from_type") =>
            {
                let function = values.global(*function);
                let function = function.filter(|f| f.kind == Kind::Known);
                let function = function.ok_or_else(|| refused(path))?.path.clone();
                let (class, function_args) = (*class, *function_args);
                let class = self.check_class(values, class)?;
                let args = values.sequence(function_args).unwrap_or_default();
                let tensor = tensors::rebuilt(values, &function, args);
                let tensor = tensor.ok_or_else(|| refused(path))?;
                // Keeps the class among those that were not read.
                values.push(object(class, None));
                return Ok(values.push(Value::Tensor(Box::new(tensor))));
            }
            (path, _) if path.starts_with("torch._tensor._rebuild_from_type") => {
                return Err(refused(path));
            }
            ("torch.Size", [size]) => return Ok(*size),
            (path, items) => {
                if let Some(tensor) = tensors::rebuilt(values, path, items)
                    && global.kind == Kind::Known
                {
                    return Ok(values.push(Value::Tensor(Box::new(tensor))));
                }
            }
        }
        match global.kind {
            Kind::Known if !CALLS_ARGUMENTS.contains(&global.path.as_str()) => {}
            Kind::Known | Kind::Class if self.holds_function(values, args)? => {
                return Err(refused(format!("{} with a function", global.path)));
            }
            Kind::Known | Kind::Class => {}
            Kind::Function => return Err(refused(&global.path)),
        }
        let value = match global.path.as_str() {
            "collections.OrderedDict" | "collections.defaultdict" => {
                let items = pairs(values, args);
                self.search(items.len())?;
                Value::Dict(Box::new(Object {
                    items,
                    ..Object::default()
                }))
            }
            "builtins.set" | "builtins.frozenset" => Value::Set,
            _ => object(global, Some(args)),
        };
        Ok(values.push(value))
    }

    /// The class of an object that Python makes without calling the class.
    pub(super) fn check_class(&self, values: &Values<'_>, class: Id) -> Result<Rc<Global>> {
        let class = values.global(class).ok_or_else(|| refused("an object"))?;
        // Makes classes and functions of data.
        if class.path == "builtins.type"
            || class.path.starts_with("types.") && class.kind == Kind::Function
        {
            return Err(refused(&class.path));
        }
        Ok(Rc::clone(class))
    }

    /// Sets the state of an object.
    ///
    /// Python looks for `__setstate__`, and for what appends to a list, among the attributes of the object first. An
    /// object whose state is set twice, or that grows afterwards, could thus call any function. Python's own pickles
    /// set the state last.
    pub(super) fn build(&self, values: &mut Values<'_>, object: Id, new: Id) -> Result {
        match values.get_mut(object) {
            Value::Dict(object) | Value::Object(object) if object.state.is_none() => {
                object.state = Some(new);
                Ok(())
            }
            Value::Dict(object) | Value::Object(object) => Err(refused(match &object.class {
                Some(class) => format!("a method that it sets on {}", class.path),
                None => "a method that it sets on a dictionary".to_owned(),
            })),
            Value::Global(global) => Err(refused(format!("{}.__setstate__", global.path))),
            Value::Tensor(_) | Value::Storage(_) => Err(refused("a method of a tensor")),
            _ => Err(PickleError::Malformed),
        }
    }

    /// Whether something that is no list may grow.
    pub(super) fn check_append(&mut self, values: &Values<'_>, to: Id) -> Result {
        match values.get(to) {
            Value::Set => Ok(()),
            Value::Object(object) => {
                let class = object
                    .class
                    .as_ref()
                    .map_or("an object", |c| c.path.as_str());
                let method = || refused(format!("a method that it sets on {class}"));
                if object.state.is_some() {
                    return Err(method());
                }
                match object.args {
                    Some(args) if self.holds_function(values, args)? => Err(method()),
                    _ => Ok(()),
                }
            }
            Value::Global(global) => Err(refused(format!("{}.append", global.path))),
            Value::Dict(_) | Value::Tensor(_) | Value::Storage(_) => {
                Err(refused("a method of an object"))
            }
            _ => Err(PickleError::Malformed),
        }
    }

    /// Whether a function is reachable from a value.
    fn holds_function(&mut self, values: &Values<'_>, id: Id) -> Result<bool> {
        let mut open = vec![id];
        let mut seen = HashSet::from([id]);
        while let Some(id) = open.pop() {
            let mut visit = |id: Id| {
                if seen.insert(id) {
                    open.push(id);
                }
            };
            let mut searched = 1;
            match values.get(id) {
                Value::Global(global) if global.acts() => return Ok(true),
                Value::Tuple(ids) | Value::List(ids) => {
                    searched += ids.len();
                    ids.iter().copied().for_each(visit);
                }
                Value::Dict(object) | Value::Object(object) => {
                    if object.class.as_ref().is_some_and(|class| class.acts()) {
                        return Ok(true);
                    }
                    searched += object.items.len();
                    object
                        .args
                        .into_iter()
                        .chain(object.state)
                        .for_each(&mut visit);
                    object.items.iter().for_each(|(key, value)| {
                        visit(*key);
                        visit(*value);
                    });
                }
                _ => {}
            }
            self.search(searched)?;
        }
        Ok(false)
    }

    /// Bounds the work, which a few bytes could otherwise repeat for the same large value.
    fn search(&mut self, n: usize) -> Result {
        self.searched += n;
        if self.searched > MAX_LINKS {
            return Err(PickleError::TooLarge);
        }
        Ok(())
    }
}

fn object<'a>(class: Rc<Global>, args: Option<Id>) -> Value<'a> {
    Value::Object(Box::new(Object {
        class: Some(class),
        args,
        ..Object::default()
    }))
}

/// The items of a dictionary that is made from a list of pairs, as Python 2 wrote them.
fn pairs(values: &Values<'_>, args: Id) -> Vec<(Id, Id)> {
    let first = values.sequence(args).and_then(|args| args.first());
    let items = first.and_then(|first| values.sequence(*first));
    let pair = |id: &Id| match values.sequence(*id) {
        Some([key, value]) => Some((*key, *value)),
        _ => None,
    };
    items.unwrap_or_default().iter().filter_map(pair).collect()
}
