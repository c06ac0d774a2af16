//! Clients of OpenAI's interface use the server.

use crate::check_clients;

/// Checks all clients that can be installed.
pub(super) fn check() -> anyhow::Result<Option<String>> {
    let skipped = check_clients::check(&[], &check_clients::this_build()?)?;
    let skipped = skipped.join(", ");
    Ok((!skipped.is_empty()).then(|| format!("NOT CHECKED: {skipped} could not be installed")))
}
