//! Which classes and functions a pickle may use.
//!
//! A pickle runs code by calling what it imports. Whether a name is a class that holds data or a function that acts
//! cannot be known without importing it, so the line is drawn by these rules:
//!
//! - of the standard library, torch and numpy, the classes that hold data and the functions that rebuild it are listed,
//!   and nothing else of theirs may be called or made;
//! - of all other packages, classes may be called, which are known by their names (`CapWords`), and functions may not;
//!   but not of packages that are made for running programs;
//! - none of them may be given functions as arguments, for it could call them.
//!
//! Nothing is ever imported or called here. The rules only decide whether the file is refused.

use super::MAX_NAME;
use super::name_lists::{
    ACTING, ACTING_NAMES, DATA_OF_TORCH, EXCEPTIONS, KEPT, KEPT_OF_TORCH, KNOWN, STANDARD_LIBRARY,
    TYPES,
};
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
    /// Rebuilds tensors or plain data.
    Known,
    /// By its name, a class of a package that is not known to act.
    Class,
    /// Another name of such a package: a function, or a class with a lower-case name. Objects of it may be made
    /// without calling it.
    Unlisted,
    /// Everything else: a function, or a class that may act when it is made.
    Function,
}

impl Global {
    /// What `name`, which may have dots, is in `module`, in a pickle of this protocol.
    pub(super) fn new(protocol: u8, module: &str, name: &str) -> Self {
        let (module, name) = renamed(protocol, module, name);
        // Python 3 has these modules under their new names only.
        let module = match module {
            "__builtin__" | "exceptions" => "builtins",
            "copy_reg" => "copyreg",
            other => other,
        };
        let path = format!("{module}.{name}");
        let kind = kind(&path, name);
        Self { path, kind }
    }

    /// The class or function `name` in this class.
    pub(super) fn attribute(&self, name: &str) -> Option<Self> {
        // Names with underscores are those of Python's own machinery, such as `__class__`.
        if name.starts_with("__") || name.contains('.') {
            return None;
        }
        let path = format!("{}.{name}", self.path);
        // Else a few bytes could make any number of ever longer names.
        if path.len() > 2 * MAX_NAME {
            return None;
        }
        let kind = kind(&path, name);
        let is_class = matches!(self.kind, Kind::Known | Kind::Class);
        (is_class || kind == Kind::Known).then_some(Self { path, kind })
    }

    /// Whether a callable that receives this as an argument could run code with it.
    pub(super) fn acts(&self) -> bool {
        let path = self.path.as_str();
        let is_torch_type = || super::tensors::Element::of_torch(path).is_some();
        let calls = matches!(self.kind, Kind::Function | Kind::Unlisted);
        calls && !TYPES.contains(&path) && !is_torch_type()
    }

    /// Whether no honest checkpoint keeps this for later calls: what is neither of the owner's packages nor known to
    /// compute only.
    pub(super) fn is_dangerous(&self) -> bool {
        let path = self.path.as_str();
        let is_kept = || {
            let package = KEPT_OF_TORCH
                .iter()
                .any(|package| path.starts_with(package));
            package || path.starts_with("math.") || KEPT.contains(&path)
        };
        self.kind == Kind::Function && self.acts() && !is_kept()
    }
}

fn kind(path: &str, name: &str) -> Kind {
    if KNOWN.binary_search(&path).is_ok() {
        return Kind::Known;
    }
    let package = path.split('.').next().unwrap_or_default();
    if package == "builtins" && EXCEPTIONS.binary_search(&name).is_ok() {
        return Kind::Known;
    }
    let is_standard = STANDARD_LIBRARY
        .split_ascii_whitespace()
        .any(|module| module == package);
    let is_private = package.starts_with('_') && !["__main__", "__mp_main__"].contains(&package);
    let may_act = match package {
        "torch" => !DATA_OF_TORCH.iter().any(|p| path.starts_with(p)),
        "numpy" => true,
        package => is_standard || is_private || ACTING.binary_search(&package).is_ok(),
    };
    let (around, last) = name
        .rsplit_once('.')
        .map_or(("", name), |(a, last)| (a, last));
    // What a package imports has the package's name before its own.
    let re_exports = || {
        let mut modules = path.split('.').skip(1);
        ACTING_NAMES.contains(&last)
            || modules
                .any(|part| ["os", "posix", "nt", "subprocess", "sys", "builtins"].contains(&part))
    };
    let is_within_classes = around.is_empty() || around.split('.').all(is_cap_words);
    if may_act || !is_within_classes || last.starts_with("__") || re_exports() {
        Kind::Function
    } else if is_cap_words(last) {
        Kind::Class
    } else if package == "torch" {
        Kind::Function
    } else {
        Kind::Unlisted
    }
}

/// Whether a name is written as Python's classes are: `CapWords`, optionally after underscores.
fn is_cap_words(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    name.starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_without_duplicates() {
        assert!(KNOWN.is_sorted_by(|a, b| a < b));
        assert!(TYPES.is_sorted_by(|a, b| a < b));
        assert!(ACTING.is_sorted_by(|a, b| a < b));
        assert!(EXCEPTIONS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn classes_of_unknown_packages_may_be_made_and_functions_may_not() {
        for (module, name) in [
            ("__main__", "Mode"),
            ("train.config", "_Settings"),
            ("train", "Outer.Inner"),
            ("torch.distributed.fsdp.api", "ShardingStrategy"),
        ] {
            assert_eq!(
                Global::new(4, module, name).kind,
                Kind::Class,
                "{module}.{name}"
            );
        }
        for (module, name) in [
            ("__main__", "os.system"),
            ("__main__", "subprocess.Popen"),
            ("vendor.subprocess", "Popen"),
            ("subprocess", "Popen"),
            ("ctypes", "CDLL"),
            ("_ctypes", "CFuncPtr"),
            ("os", "system"),
            ("nt", "system"),
            ("__builtin__", "eval"),
            ("builtins", "getattr"),
            ("builtins", "Exception.__class__"),
            ("builtins", "Exception.mro"),
            ("builtins", "map"),
            ("abc", "ABCMeta"),
            ("inspect", "types.FunctionType"),
            ("zipfile", "ZipFile"),
            ("train", "zipfile.ZipFile"),
            ("train", "FunctionType"),
            ("sympy.core.singleton", "S"),
            ("mako.template", "Template"),
            (
                "torch.utils.data.datapipes.datapipe",
                "_IterDataPipeSerializationWrapper",
            ),
            ("operator", "attrgetter"),
            ("types", "FunctionType"),
            ("torch", "load"),
            ("torch.storage", "_load_from_bytes"),
            ("torch._C", "PyTorchFileWriter"),
            ("numpy", "load"),
            ("fire", "Fire"),
            ("psutil", "Popen"),
        ] {
            assert_eq!(
                Global::new(4, module, name).kind,
                Kind::Function,
                "{module}.{name}"
            );
        }
    }
}
