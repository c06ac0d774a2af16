//! Names of models on the Hub.

use super::repo_layout::{is_inside, is_pt};
use crate::CheckpointError;
use std::fmt;
use std::str::FromStr;

/// Name of a model on the Hub, parsed from `OWNER/NAME[/FILE.pt][@REVISION]`.
///
/// `FILE.pt` is the path of a file in the repository. The revision is a branch, tag or commit;
/// default: `main`. A parsed name is safe to use in paths and URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubModel {
    repository: String,
    file: Option<String>,
    revision: String,
}

/// The default revision.
const MAIN: &str = "main";

/// Maximum length of an owner, a name or a revision on the Hub.
const MAX_LEN: usize = 96;

impl HubModel {
    /// Returns the repository, `OWNER/NAME`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the path of the `.pt` file in the repository, if one is named.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Returns the revision: a branch, a tag or a commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl FromStr for HubModel {
    type Err = CheckpointError;

    fn from_str(given: &str) -> Result<Self, CheckpointError> {
        parse(given).map_err(|problem| CheckpointError::HubName {
            given: given.to_owned(),
            problem,
        })
    }
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        write!(f, "@{}", self.revision)
    }
}

fn parse(given: &str) -> Result<HubModel, String> {
    let (path, revision) = given.split_once('@').unwrap_or((given, MAIN));
    let Some((owner, rest)) = path.split_once('/') else {
        return Err("the / between owner and name is missing".to_owned());
    };
    let (name, file) = match rest.split_once('/') {
        Some((name, file)) => (name, Some(file)),
        None => (rest, None),
    };
    check_name("owner", owner)?;
    check_name("name", name)?;
    file.map_or(Ok(()), check_file)?;
    check_revision(revision)?;
    Ok(HubModel {
        repository: format!("{owner}/{name}"),
        file: file.map(str::to_owned),
        revision: revision.to_owned(),
    })
}

/// Checks the path of a `.pt` file within the repository.
fn check_file(file: &str) -> Result<(), String> {
    const MAX_LEN: usize = 512;
    if !is_pt(file) {
        return Err(format!("the file {file:?} is not a .pt file"));
    }
    if file.len() > MAX_LEN {
        let len = file.len();
        return Err(format!(
            "the file's path has {len} bytes, but the maximum is {MAX_LEN}"
        ));
    }
    if !is_inside(file) {
        return Err(format!(
            "the file {file:?} is not a path within a repository"
        ));
    }
    Ok(())
}

/// Checks an owner or a name by the rules of the Hub.
fn check_name(what: &str, name: &str) -> Result<(), String> {
    check_characters(what, name, |c| matches!(c, '-' | '_' | '.'))?;
    // The cache replaces / by --.
    if name.contains("..") || name.contains("--") {
        return Err(format!("the {what} {name:?} contains .. or --"));
    }
    if name.starts_with(['-', '.']) || name.ends_with(['-', '.']) {
        return Err(format!("the {what} {name:?} begins or ends with - or ."));
    }
    Ok(())
}

/// Checks that a revision is a valid reference in git, and has no special characters of URLs.
fn check_revision(revision: &str) -> Result<(), String> {
    check_characters("revision", revision, |c| {
        matches!(c, '-' | '_' | '.' | '+' | '/')
    })?;
    let is_invalid = |part: &str| part.is_empty() || part.starts_with('.') || part.contains("..");
    if revision.split('/').any(is_invalid) {
        return Err(format!(
            "the revision {revision:?} has a part that is empty, begins with . or contains .."
        ));
    }
    Ok(())
}

/// Checks the length of a part of the name, and that its characters are ASCII letters, digits or
/// allowed by `also`.
fn check_characters(what: &str, text: &str, also: impl Fn(char) -> bool) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("the {what} is empty"));
    }
    if text.len() > MAX_LEN {
        let len = text.len();
        return Err(format!(
            "the {what} has {len} bytes, but the maximum is {MAX_LEN}"
        ));
    }
    match text
        .chars()
        .find(|&c| !c.is_ascii_alphanumeric() && !also(c))
    {
        Some(c) => Err(format!("the {what} {text:?} contains {c:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
