//! Clients of the server. Not every network can reach the registries from which they are installed.

use super::command::repository;
use crate::check_clients;

pub(super) fn check() -> anyhow::Result<Option<String>> {
    std::env::set_current_dir(repository())?;
    let skipped = check_clients::check(&[], &check_clients::this_build()?)?;
    Ok((!skipped.is_empty()).then(|| format!("NOT RUN: {}", skipped.join(", "))))
}
