//! Expansion of `~` in paths that no shell has expanded.

use clap::builder::{PathBufValueParser, TypedValueParser};
use std::path::{Path, PathBuf};

/// Parser of path arguments. Shells do not expand the `~` of `--out=~/m` or `'~/m'`.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| expand(&path))
}

/// The path with a leading `~` or `~USER` replaced by the home directory, if that exists.
pub(crate) fn expand(path: &Path) -> PathBuf {
    // A path that is not UTF-8 is left as it is.
    let expanded = path.to_str().and_then(with_home);
    expanded.unwrap_or_else(|| path.to_path_buf())
}

fn with_home(path: &str) -> Option<PathBuf> {
    let end = path.find('/').unwrap_or(path.len());
    let (first, rest) = path.split_at(end);
    let home = match first.strip_prefix('~')? {
        "" => std::env::home_dir(),
        user => home_of(user),
    }?;
    // `join` with an empty path would append a separator.
    Some(match rest.trim_start_matches('/') {
        "" => home,
        rest => home.join(rest),
    })
}

fn home_of(user: &str) -> Option<PathBuf> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.first() == Some(&user))?;
    line.get(5).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_tilde_is_the_home_directory() {
        let home = std::env::home_dir().unwrap();
        for (path, expected) in [
            ("~", home.clone()),
            ("~/", home.clone()),
            ("~/x y/z", home.join("x y/z")),
        ] {
            assert_eq!(expand(Path::new(path)), expected);
        }
        for path in ["/~", "/x/~", "x~/y", "./~/b", "", "~no such user/x"] {
            assert_eq!(expand(Path::new(path)), Path::new(path));
        }
        #[cfg(target_os = "linux")]
        {
            let expanded = expand(Path::new("~root/a"));
            assert!(
                expanded.is_absolute() && expanded.ends_with("a"),
                "{expanded:?}"
            );
        }
    }
}
