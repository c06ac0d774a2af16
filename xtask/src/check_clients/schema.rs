//! schemathesis: requests generated from the server's OpenAPI document.

use super::environment::Environment;
use super::server::Server;
use super::{FOLDER, KEY, succeeded};
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::path::Path;

const CONFIGURATION: &str = "xtask/data/schemathesis.toml";

const REPORT: &str = "schemathesis.json";

/// Maximum number of random requests for each operation, besides those with extreme values.
const EXAMPLES: &str = "100";

#[derive(Deserialize)]
struct Report {
    operations: Operations,
    test_cases: TestCases,
}

#[derive(Deserialize)]
struct Operations {
    total: usize,
    tested: usize,
}

#[derive(Deserialize)]
struct TestCases {
    generated: usize,
}

/// Checks that every response, also to invalid requests, is as documented, and that none is an
/// error of the server. Returns a line for the report.
pub(super) fn check(python: &Environment, server: &Server) -> anyhow::Result<Vec<String>> {
    // It writes to the current folder which requests failed.
    let output = python
        .interpreter()
        .current_dir(FOLDER)
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(std::path::absolute(CONFIGURATION)?)
        .args(["run", "--checks", "all", "--no-color"])
        .args(["--max-examples", EXAMPLES, "--workers", "2", "--seed", "1"])
        .args(["--header", &format!("Authorization: Bearer {KEY}")])
        .args(["--report", "json", "--report-json-path", REPORT])
        .arg(format!("{}/openapi.json", server.url()))
        .output()?;
    let found = String::from_utf8_lossy(&output.stdout);
    succeeded(&output).with_context(|| found.into_owned())?;
    let Report {
        operations: Operations { total, tested },
        test_cases: TestCases { generated },
    } = serde_json::from_slice(&std::fs::read(Path::new(FOLDER).join(REPORT))?)?;
    ensure!(tested == total, "{tested} of {total} operations are tested");
    Ok(vec![format!(
        "{generated} requests to {tested} operations: no failure"
    )])
}
