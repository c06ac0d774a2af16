//! `~` at the beginning of a path, where no shell has replaced it.

use std::path::{Component, Path, PathBuf};

/// The path, with the home folder in place of a leading `~`. `~name` is a file of that name.
pub(crate) fn expand(path: &Path) -> PathBuf {
    expand_in(path, std::env::home_dir())
}

fn expand_in(path: &Path, home: Option<PathBuf>) -> PathBuf {
    let mut components = path.components();
    match (components.next(), home) {
        (Some(Component::Normal(first)), Some(home)) if first == "~" => {
            // `join` with nothing would add a separator.
            match components.as_path() {
                rest if rest == Path::new("") => home,
                rest => home.join(rest),
            }
        }
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_tilde_is_the_home_folder() {
        let home = || Some(PathBuf::from("/home/faust"));
        for (path, expected) in [
            ("~", "/home/faust"),
            ("~/", "/home/faust"),
            ("~/a/b", "/home/faust/a/b"),
            ("~faust/a", "~faust/a"),
            ("a/~/b", "a/~/b"),
            ("./~/b", "./~/b"),
            ("/~", "/~"),
            ("", ""),
        ] {
            assert_eq!(expand_in(Path::new(path), home()), Path::new(expected));
        }
        assert_eq!(expand_in(Path::new("~/a"), None), Path::new("~/a"));
    }
}
