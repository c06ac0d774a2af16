//! Checks the calls in a pickle and builds their results, without calling anything.

use super::error::{PickleError, Result};
use super::globals::{Global, Kind};
use super::limits::{MAX_NAME, TENSOR};
use super::rebuild;
use super::tensor::TensorRef;
use super::value::{Id, Object, Value, Values};
use std::collections::HashSet;
use std::rc::Rc;

const DEFAULTDICT: &str = "collections.defaultdict";
const PARTIAL: &str = "functools.partial";

/// Allowed classes that only store their state, so that it may contain functions.
const STATE_STORING_CLASSES: [&str; 6] = [
    "argparse.Namespace",
    "collections.Counter",
    "collections.OrderedDict",
    DEFAULTDICT,
    "collections.deque",
    "types.SimpleNamespace",
];

/// A package of torch with such classes.
const STATE_STORING_TORCH_PACKAGE: &str = "torch.optim.lr_scheduler.";

/// Special attributes that the state of an enum, a generic class or a pydantic model may set.
const ALLOWED_ATTRIBUTES: [&str; 3] = ["__fields_set__", "__objclass__", "__orig_class__"];

fn refused(callable: impl Into<String>) -> PickleError {
    PickleError::Call(callable.into())
}

fn function_argument(path: &str) -> PickleError {
    refused(format!("{path} with a function"))
}

/// Builds the result of `callable(*args)`.
pub(super) fn reduce(values: &mut Values<'_>, callable: Id, args: Id) -> Result<Id> {
    let Some(global) = values.global(callable).map(Rc::clone) else {
        return Err(refused("an object"));
    };
    let Some(items) = values.sequence(args) else {
        return Err(PickleError::Malformed);
    };
    let path = global.path.as_str();
    let refusal = || refused(path);
    match (path, items) {
        // The name of a nested class in protocols before 4.
        ("builtins.getattr", [class, name]) => {
            let class = values.global(*class);
            let name = values.str(*name).filter(|name| name.len() <= MAX_NAME);
            let inner = class
                .zip(name)
                .and_then(|(class, name)| class.attribute(name));
            let inner = inner.ok_or_else(refusal)?;
            values.spend(inner.path.len() + size_of::<Global>())?;
            return Ok(values.push(Value::Global(Rc::new(inner))));
        }
        // The class of a singleton such as None.
        ("builtins.type", [of]) if is_singleton(values.get(*of)) => {
            return Ok(values.push(Value::Set(Vec::new())));
        }
        // With two arguments, it calls the first.
        ("builtins.iter", [_]) => {}
        ("builtins.iter", _) => return Err(refusal()),
        // The creation of an object in protocols before 2: class, base, state of the base.
        ("copyreg._reconstructor", [class, base, state]) => {
            let (class, state) = (*class, *state);
            let is_builtin = |base: &&Rc<Global>| {
                base.kind == Kind::Allowed && base.path.starts_with("builtins.")
            };
            let base = values.global(*base).filter(is_builtin);
            base.ok_or_else(refusal)?;
            let class = check_class(values, class)?;
            if contains(values, state, Global::may_run_code)? {
                return Err(function_argument(path));
            }
            return Ok(values.push(object(class, None)));
        }
        (_, [function, class, function_args, ..])
            if path.starts_with("torch._tensor._rebuild_from_type") =>
        {
            let function = values.global(*function);
            let function = function.filter(|f| f.kind == Kind::Allowed);
            let function = function.ok_or_else(refusal)?.path.clone();
            let (class, function_args) = (*class, *function_args);
            let class = check_class(values, class)?;
            let inner = values.sequence(function_args).unwrap_or_default();
            let tensor = rebuild::tensor(values, &function, inner).ok_or_else(refusal)?;
            // Lists the class among those that were skipped.
            values.push(object(class, None));
            return push_tensor(values, tensor, args);
        }
        _ if path.starts_with("torch._tensor._rebuild_from_type") => return Err(refusal()),
        ("torch.Size", [size]) => return Ok(*size),
        // Type annotations such as `Optional[int]`.
        ("operator.getitem" | "_operator.getitem", [of, item]) => {
            let item = *item;
            let of = values.global(*of);
            of.filter(|of| of.path.starts_with("typing."))
                .ok_or_else(refusal)?;
            let is_function =
                |global: &Global| global.may_run_code() && !global.path.starts_with("typing.");
            if contains(values, item, is_function)? {
                return Err(function_argument(path));
            }
            return Ok(values.push(Value::Set(Vec::new())));
        }
        ("operator.getitem" | "_operator.getitem", _) => return Err(refusal()),
        // A function of numpy, by its name.
        ("numpy._core._ufunc_reconstruct" | "numpy.core._ufunc_reconstruct", items) => {
            let names: Option<Vec<_>> = items.iter().map(|id| values.str(*id)).collect();
            let Some([module, name]) = names.as_deref() else {
                return Err(refusal());
            };
            let is_numpy = *module == "numpy" || module.starts_with("numpy.");
            if !is_numpy || module.len().max(name.len()) > MAX_NAME {
                return Err(refusal());
            }
            let ufunc = Global::new(4, module, name);
            values.spend(ufunc.path.len() + size_of::<Global>())?;
            return Ok(values.push(Value::Global(Rc::new(ufunc))));
        }
        (_, items) => {
            if let Some(tensor) = rebuild::tensor(values, path, items)
                && global.kind == Kind::Allowed
            {
                return push_tensor(values, tensor, args);
            }
        }
    }
    match global.kind {
        Kind::Allowed | Kind::Class => check_args(values, &global, args)?,
        Kind::Unknown | Kind::Unsafe => return Err(refusal()),
    }
    values.spend(size_of::<Object>())?;
    let value = match path {
        "collections.OrderedDict" | DEFAULTDICT => {
            let items = pairs(values, args)?;
            Value::Dict(Box::new(Object {
                items,
                args: (path == DEFAULTDICT).then_some(args),
                ..Object::default()
            }))
        }
        "builtins.set" | "builtins.frozenset" => Value::Set(vec![args]),
        _ => object(global, Some(args)),
    };
    Ok(values.push(value))
}

/// Builds the result of `class.__new__(class, *args)`.
pub(super) fn new_object(values: &mut Values<'_>, class: Id, args: Id) -> Result<Id> {
    let class = check_class(values, class)?;
    check_args(values, &class, args)?;
    values.spend(size_of::<Object>())?;
    Ok(values.push(object(class, Some(args))))
}

/// Checks that objects of a class may be created without calling it.
fn check_class(values: &Values<'_>, class: Id) -> Result<Rc<Global>> {
    let class = values.global(class).ok_or_else(|| refused("an object"))?;
    match class.kind {
        Kind::Allowed | Kind::Class | Kind::Unknown => Ok(Rc::clone(class)),
        Kind::Unsafe => Err(refused(&class.path)),
    }
}

/// Refuses functions among the arguments of a call, because the call could call them.
fn check_args(values: &mut Values<'_>, callable: &Global, args: Id) -> Result {
    let path = callable.path.as_str();
    let has_function_argument = match path {
        PARTIAL => contains(values, args, Global::is_unsafe_to_store)?,
        DEFAULTDICT => {
            let rest = values.sequence(args).and_then(|args| args.get(1)).copied();
            contains(values, args, Global::is_unsafe_to_store)?
                || rest.map_or(Ok(false), |rest| {
                    contains(values, rest, Global::may_run_code)
                })?
        }
        _ => contains(values, args, Global::may_run_code)?,
    };
    if has_function_argument {
        return Err(function_argument(path));
    }
    Ok(())
}

fn push_tensor(
    values: &mut Values<'_>,
    tensor: Result<TensorRef, Rc<str>>,
    args: Id,
) -> Result<Id> {
    values.spend(TENSOR)?;
    let has_function = contains(values, args, Global::may_run_code)?;
    let id = values.push(Value::Tensor(Box::new(tensor)));
    if has_function {
        values.set_has_function(id);
    }
    Ok(id)
}

/// Sets the state of an object.
///
/// An attribute of the object takes precedence over the methods `__setstate__`, `append` and the
/// like of its class. An object whose state is set twice, or that grows afterwards, could thus call
/// any function, and is refused. Pickles that Python writes set the state last.
pub(super) fn build(values: &mut Values<'_>, object: Id, new: Id) -> Result {
    let class = match values.get(object) {
        Value::Dict(_) => None,
        Value::Object(object) => object.class.clone(),
        Value::Global(global) => return Err(refused(format!("{}.__setstate__", global.path))),
        Value::Tensor(_) | Value::Storage(_) => return Err(refused("a method of a tensor")),
        _ => return Err(PickleError::Malformed),
    };
    let method = || {
        refused(match &class {
            Some(class) => format!("a method that it sets on {}", class.path),
            None => "a method that it sets on a dictionary".to_owned(),
        })
    };
    if sets_method(values, new)? {
        return Err(method());
    }
    if let Some(class) = &class {
        let path = class.path.as_str();
        if path == "logging.getLogger" {
            // Loggers are global, so that this would change the program that loads the file.
            return Err(method());
        }
        let stores =
            STATE_STORING_CLASSES.contains(&path) || path.starts_with(STATE_STORING_TORCH_PACKAGE);
        let has_function_argument = match class.kind {
            _ if path == PARTIAL => contains(values, new, Global::is_unsafe_to_store)?,
            Kind::Allowed if !stores => contains(values, new, Global::may_run_code)?,
            _ if path.starts_with("torch.") && !stores => {
                contains(values, new, Global::may_run_code)?
            }
            _ => false,
        };
        if has_function_argument {
            return Err(function_argument(path));
        }
    }
    match values.get_mut(object) {
        Value::Dict(object) | Value::Object(object) if object.state.is_none() => {
            object.state = Some(new);
            Ok(())
        }
        _ => Err(method()),
    }
}

/// Whether a state sets a special attribute, such as `__class__` or `__reduce__`, to something
/// other than a plain value.
fn sets_method(values: &mut Values<'_>, state: Id) -> Result<bool> {
    let (mut parts, is_dict) = match values.get(state) {
        Value::Tuple(parts) => (parts.clone(), false),
        _ => (vec![state], true),
    };
    values.spend_search(parts.len())?;
    if is_dict {
        let items = values.items(state).unwrap_or_default().len();
        values.spend_search(items)?;
        // A pydantic model has its attributes there.
        parts.extend(values.find(state, "__dict__"));
    }
    for (index, part) in parts.into_iter().enumerate() {
        let n = values.items(part).unwrap_or_default().len();
        values.spend_search(n)?;
        for (key, value) in values.items(part).unwrap_or_default() {
            let Some(key) = values.str(*key).filter(|key| key.starts_with("__")) else {
                continue;
            };
            let is_allowed = ALLOWED_ATTRIBUTES.contains(&key)
                || key.starts_with("__pydantic_")
                || is_dict && index == 0 && key == "__dict__";
            let is_plain = matches!(
                values.get(*value),
                Value::None
                    | Value::Bool(_)
                    | Value::Int(_)
                    | Value::BigInt(_)
                    | Value::Float(_)
                    | Value::Str(_)
                    | Value::Bytes(_)
            );
            if key.ends_with("__") && !is_allowed && !is_plain {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Checks that items may be added to an object that is neither a list nor a dictionary. Python
/// would call `method`.
pub(super) fn check_growth(values: &mut Values<'_>, to: Id, method: &str) -> Result {
    match values.get(to) {
        Value::Object(object) => {
            let class = object.class.as_ref();
            let class = class.map_or("an object", |class| class.path.as_str());
            let refusal = refused(format!("a method that it sets on {class}"));
            let (args, has_state) = (object.args, object.state.is_some());
            if has_state {
                return Err(refusal);
            }
            match args {
                Some(args) if contains(values, args, Global::may_run_code)? => Err(refusal),
                _ => Ok(()),
            }
        }
        Value::Global(global) => Err(refused(format!("{}.{method}", global.path))),
        Value::Dict(_) | Value::Tensor(_) | Value::Storage(_) => {
            Err(refused("a method of an object"))
        }
        _ => Err(PickleError::Malformed),
    }
}

/// Whether a class or function that matches `predicate` is reachable from a value.
fn contains(values: &mut Values<'_>, id: Id, predicate: fn(&Global) -> bool) -> Result<bool> {
    let mut pending = vec![id];
    let mut seen = HashSet::from([id]);
    while let Some(id) = pending.pop() {
        let n = match values.get(id) {
            Value::Tuple(ids) | Value::List(ids) | Value::Set(ids) => ids.len(),
            Value::Dict(object) | Value::Object(object) => object.items.len(),
            _ => 0,
        };
        values.spend_search(1 + n)?;
        let mut visit = |id: Id| {
            if seen.insert(id) {
                pending.push(id);
            }
        };
        match values.get(id) {
            Value::Global(global) if predicate(global) => return Ok(true),
            Value::Tensor(_) if values.has_function(id) => return Ok(true),
            Value::Tuple(ids) | Value::List(ids) | Value::Set(ids) => {
                ids.iter().copied().for_each(visit);
            }
            Value::Dict(object) | Value::Object(object) => {
                let parts = object.args.into_iter().chain(object.state);
                parts.for_each(&mut visit);
                object.items.iter().for_each(|(key, value)| {
                    visit(*key);
                    visit(*value);
                });
            }
            _ => {}
        }
    }
    Ok(false)
}

fn is_singleton(value: &Value<'_>) -> bool {
    match value {
        Value::None => true,
        Value::Global(global) => {
            ["builtins.Ellipsis", "builtins.NotImplemented"].contains(&global.path.as_str())
        }
        _ => false,
    }
}

fn object<'a>(class: Rc<Global>, args: Option<Id>) -> Value<'a> {
    Value::Object(Box::new(Object {
        class: Some(class),
        args,
        ..Object::default()
    }))
}

/// Returns the items of a dictionary that is created from a list of pairs, as Python 2 does.
fn pairs(values: &mut Values<'_>, args: Id) -> Result<Vec<(Id, Id)>> {
    let first = values.sequence(args).and_then(|args| args.first()).copied();
    let n = first
        .and_then(|first| values.sequence(first))
        .map_or(0, <[Id]>::len);
    // The items are searched and copied.
    values.spend_search(2 * n)?;
    let items = first.and_then(|first| values.sequence(first));
    let pair = |id: &Id| match values.sequence(*id) {
        Some([key, value]) => Some((*key, *value)),
        _ => None,
    };
    Ok(items.unwrap_or_default().iter().filter_map(pair).collect())
}
