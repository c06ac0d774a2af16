//! Security advisories for dependencies. Their database is a git repository, which not every
//! network can reach.

use super::command::{command, run_command};

pub(super) fn check() -> anyhow::Result<Option<String>> {
    // A stalled connection fails after 30 s.
    let fetched = command("cargo deny fetch db")?
        .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
        .env("GIT_HTTP_LOW_SPEED_TIME", "30")
        .output()?;
    if !fetched.status.success() {
        return Ok(Some(
            "advisories NOT CHECKED: failed to fetch their database".to_owned(),
        ));
    }
    run_command("cargo deny check advisories", &[])?;
    Ok(None)
}
