//! The environment variables of the process. Only the command reads them.

#![allow(
    clippy::disallowed_methods,
    reason = "the command reads the environment and passes values to the libraries"
)]

#[cfg(feature = "hub")]
use crate::error::UsageError;
use crate::home;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A variable that must be valid Unicode if it is set.
#[cfg(feature = "hub")]
pub(crate) fn text(name: &str) -> Result<Option<String>, UsageError> {
    let text = variable(name).map(OsString::into_string).transpose();
    // The message omits the value, which may be a secret.
    text.map_err(|_| UsageError(format!("{name} is not valid Unicode")))
}

/// A variable with the path of a file or folder. `~` and variables in it are expanded as by a
/// shell, as the tools of the Hugging Face Hub do: the value may come from a file that no shell
/// reads.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let value = variable(name)?;
    // A path that is not UTF-8 is left as it is.
    Some(match value.to_str() {
        Some(text) => home::expand(Path::new(&with_variables(text, &text_of))),
        None => PathBuf::from(value),
    })
}

/// `path` with `$NAME` and `${NAME}` replaced by the values of variables, unless they are not set.
fn with_variables(path: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, len) = match after
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'))
        {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let len = after.find(|c| !is_name(c)).unwrap_or(after.len());
                (&after[..len], len)
            }
        };
        match value(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.push_str(&value),
            None => {
                expanded.push('$');
                expanded.push_str(&after[..len]);
            }
        }
        rest = &after[len..];
    }
    expanded + rest
}

fn text_of(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

/// Whether a variable is set and not empty.
pub(crate) fn is_set(name: &str) -> bool {
    variable(name).is_some()
}

/// The folder of an XDG variable, or its default in the home directory.
pub(crate) fn xdg(name: &str, in_home: &str) -> Option<PathBuf> {
    // The XDG Base Directory Specification says that relative paths are to be ignored.
    let named = path(name).filter(|path| path.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(in_home)))
}

/// The locale of messages.
pub(crate) fn locale() -> Option<String> {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    names
        .iter()
        .find_map(|name| variable(name))?
        .into_string()
        .ok()
}

/// The value of a variable, unless it is empty.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_paths_are_expanded_as_in_a_shell() {
        let value = |name: &str| match name {
            "A" => Some("/a b".to_owned()),
            "B_2" => Some("b".to_owned()),
            _ => None,
        };
        for (path, expected) in [
            ("$A/x", "/a b/x"),
            ("${A}x/$B_2", "/a bx/b"),
            ("$B_2$B_2.", "bb."),
            ("/x/$C/${C}", "/x/$C/${C}"),
            ("$", "$"),
            ("${A", "${A"),
            ("${}$$A", "${}$/a b"),
            ("plain", "plain"),
        ] {
            assert_eq!(with_variables(path, &value), expected);
        }
    }
}
