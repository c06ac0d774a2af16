//! Rules for the classes and functions of a pickle.
//!
//! A pickle runs code by calling the functions that it imports. Whether a name is a class that only
//! holds data cannot be known without importing it. The rules are therefore:
//!
//! - Of the standard library, torch and numpy, only the listed classes and functions may be called.
//!   They hold data or rebuild it.
//! - Of other packages, classes may be called, which are recognised by their names (`CapWords`).
//!   Functions may not be called, nor classes of packages that are known to run programs.
//! - No call may have a function as an argument, because it could call the function.
//!
//! Nothing is imported or called. The rules only decide whether the file is refused.

use super::allowed::{
    ALLOWED_GLOBALS, EXCEPTIONS, HARMLESS_ARGUMENTS, STORABLE_FUNCTIONS, STORABLE_TORCH_PACKAGES,
    TORCH_DATA_PACKAGES,
};
use super::denied::{STANDARD_LIBRARY, UNSAFE_NAMES, UNSAFE_PACKAGES};
use super::element::Element;
use super::limits::MAX_NAME;
use super::python2::renamed;

/// An imported class or function.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Global {
    /// `module.name`
    pub(super) path: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// On the list of what may be called.
    Allowed,
    /// A class, by its name, of a package that is not known to run programs. It may be called.
    Class,
    /// Another name of such a package: a function, or a class with a lower-case name. It may not be
    /// called, but objects of it may be created without calling it.
    Unknown,
    /// Everything else: may not be called, and objects of it may not be created.
    Unsafe,
}

impl Global {
    /// Classifies `name` in `module`, in a pickle of this protocol. `name` may contain dots.
    pub(super) fn new(protocol: u8, module: &str, name: &str) -> Self {
        let (module, name) = renamed(protocol, module, name);
        // Pickles of later protocols may also use the names of Python 2.
        let module = match module {
            "__builtin__" | "exceptions" => "builtins",
            "copy_reg" => "copyreg",
            other => other,
        };
        let path = format!("{module}.{name}");
        let kind = kind(&path, name);
        Self { path, kind }
    }

    /// Classifies an attribute of this class; `None` if it is not allowed.
    pub(super) fn attribute(&self, name: &str) -> Option<Self> {
        // Special attributes of Python, such as `__class__`.
        if name.starts_with("__") || name.contains('.') {
            return None;
        }
        let path = format!("{}.{name}", self.path);
        // Otherwise, a few bytes could create many long names.
        if path.len() > 2 * MAX_NAME {
            return None;
        }
        let kind = kind(&path, name);
        let is_class = matches!(self.kind, Kind::Allowed | Kind::Class);
        (is_class || kind == Kind::Allowed).then_some(Self { path, kind })
    }

    /// Whether a callable with this argument could run code.
    pub(super) fn may_run_code(&self) -> bool {
        let path = self.path.as_str();
        let is_torch_type = || Element::from_path(path).is_some();
        let calls = matches!(self.kind, Kind::Unsafe | Kind::Unknown);
        calls && !HARMLESS_ARGUMENTS.contains(&path) && !is_torch_type()
    }

    /// Whether an object may not even store this for later calls. Functions of unknown packages and
    /// functions that only compute may be stored.
    pub(super) fn is_unsafe_to_store(&self) -> bool {
        let path = self.path.as_str();
        let is_storable = || {
            let package = STORABLE_TORCH_PACKAGES
                .iter()
                .any(|package| path.starts_with(package));
            package || path.starts_with("math.") || STORABLE_FUNCTIONS.contains(&path)
        };
        self.kind == Kind::Unsafe && self.may_run_code() && !is_storable()
    }
}

fn kind(path: &str, name: &str) -> Kind {
    if ALLOWED_GLOBALS.binary_search(&path).is_ok() {
        return Kind::Allowed;
    }
    let package = path.split('.').next().unwrap_or_default();
    if package == "builtins" && EXCEPTIONS.binary_search(&name).is_ok() {
        return Kind::Allowed;
    }
    let is_standard = STANDARD_LIBRARY
        .split_ascii_whitespace()
        .any(|module| module == package);
    let is_private = package.starts_with('_') && !["__main__", "__mp_main__"].contains(&package);
    let is_unsafe_package = match package {
        "torch" => !TORCH_DATA_PACKAGES.iter().any(|p| path.starts_with(p)),
        "numpy" => true,
        package => is_standard || is_private || UNSAFE_PACKAGES.binary_search(&package).is_ok(),
    };
    let (outer, last) = name.rsplit_once('.').unwrap_or(("", name));
    // A name that a package imports is also an attribute of that package.
    let is_re_export = || {
        let mut modules = path.split('.').skip(1);
        UNSAFE_NAMES.contains(&last)
            || modules
                .any(|part| ["os", "posix", "nt", "subprocess", "sys", "builtins"].contains(&part))
    };
    let is_in_class = outer.is_empty() || outer.split('.').all(is_cap_words);
    if is_unsafe_package || !is_in_class || last.starts_with("__") || is_re_export() {
        Kind::Unsafe
    } else if is_cap_words(last) {
        Kind::Class
    } else if package == "torch" {
        Kind::Unsafe
    } else {
        Kind::Unknown
    }
}

/// Whether a name has the form of a class: `CapWords`, optionally after underscores.
fn is_cap_words(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    name.starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests;
