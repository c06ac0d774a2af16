//! The process's environment. Libraries do not read it; the command does, here.

#![allow(
    clippy::disallowed_methods,
    reason = "the command reads the environment so that the libraries need not"
)]

use crate::report::BadParameter;
use std::ffi::OsString;
use std::path::PathBuf;

/// A variable that must be text if it is set.
pub(crate) fn text(name: &str) -> Result<Option<String>, BadParameter> {
    let text = variable(name).map(OsString::into_string).transpose();
    // Its value is not shown: it may be a secret.
    text.map_err(|_| BadParameter(format!("{name} is not valid Unicode")))
}

/// A variable that names a file or folder.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// Whether a variable is set and not empty.
pub(crate) fn is_set(name: &str) -> bool {
    variable(name).is_some()
}

/// The folder that one of the XDG variables names, or the one in the home folder that stands for it.
pub(crate) fn xdg(name: &str, in_home: &str) -> Option<PathBuf> {
    // A relative path is to be passed over, by the XDG Base Directory Specification.
    let named = path(name).filter(|path| path.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(in_home)))
}

/// The name of the locale in which messages are to be.
pub(crate) fn locale() -> Option<String> {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    names
        .iter()
        .find_map(|name| variable(name))?
        .into_string()
        .ok()
}

/// An empty variable is none.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
