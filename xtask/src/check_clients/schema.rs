//! schemathesis: requests generated from the server's OpenAPI document.

use super::environment::Environment;
use super::server::Server;
use super::{KEY, succeeded};

/// Requests for each operation.
const EXAMPLES: &str = "100";

/// Checks that every response, also to invalid requests, is as documented, and none is an error of
/// the server. Returns a line for the report.
pub(super) fn check(python: &Environment, server: &Server) -> anyhow::Result<Vec<String>> {
    let output = python
        .interpreter()
        .args(["-m", "schemathesis.cli", "run", "--checks", "all", "--no-color"])
        .args(["--max-examples", EXAMPLES, "--workers", "2", "--seed", "1"])
        .args(["--header", &format!("Authorization: Bearer {KEY}")])
        .arg(format!("{}/openapi.json", server.url()))
        .output()?;
    succeeded(&output)?;
    Ok(vec![])
}
