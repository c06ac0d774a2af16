//! Known faults of dependencies. Their database is a git repository, which not every network reaches.

use super::commands::command;
use anyhow::ensure;

pub(super) fn check() -> anyhow::Result<Option<String>> {
    // A connection that stands still is given up.
    let fetched = command("cargo deny fetch db")?
        .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
        .env("GIT_HTTP_LOW_SPEED_TIME", "30")
        .output()?;
    if !fetched.status.success() {
        return Ok(Some(
            "advisories NOT CHECKED: their database cannot be fetched".to_owned(),
        ));
    }
    let status = command("cargo deny check advisories")?.status()?;
    ensure!(status.success(), "cargo deny check advisories: {status}");
    Ok(None)
}
