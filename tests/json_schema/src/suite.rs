//! The JSON-Schema-Test-Suite.

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wolfgang_constrain::{Grammar, GrammarCompiler};
use wolfgang_sampling::{Constraint, ConstraintProgress, History, TokenMask};
use wolfgang_tokenize::Tokenizer;

#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Value,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    description: String,
    data: Value,
    valid: bool,
}

/// The result of a case that the baseline does not have.
const NEW: &str = "not in the baseline";

/// Draft → file → group → test → result.
type Baseline = BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>>;

pub(crate) fn check(
    folder: &Path,
    baseline: &Path,
    compiler: &GrammarCompiler,
    tokenizer: &Tokenizer,
) -> anyhow::Result<()> {
    let baseline: Baseline = serde_json::from_str(&std::fs::read_to_string(baseline)?)?;
    let baseline = baseline
        .get("draft2020-12")
        .context("draft2020-12 is missing")?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for (file, path) in files(folder)? {
        let groups: Vec<Group> = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        for group in groups {
            let compiles = compiler.compile(&Grammar::JsonSchema(group.schema.clone()), &[0]);
            for test in &group.tests {
                let expected = baseline
                    .get(&file)
                    .and_then(|groups| groups.get(&group.description)?.get(&test.description));
                let found = match &compiles {
                    Err(_) => "not compiled",
                    Ok(_) => match (
                        accepts(compiler, tokenizer, &group.schema, &test.data)?,
                        test.valid,
                    ) {
                        (true, true) | (false, false) => "pass",
                        (true, false) => "false_positive",
                        (false, true) => "false_negative",
                    },
                };
                let expected = expected.map_or(NEW, String::as_str);
                *counts.entry(format!("{expected} -> {found}")).or_default() += 1;
                // The baseline is of an earlier version of the suite.
                let is_worse = expected != NEW
                    && (expected == "pass" && found != "pass"
                        || found == "false_positive" && expected != "false_positive");
                if is_worse {
                    problems.push(format!(
                        "{file} / {} / {}: {expected}, here {found}",
                        group.description, test.description
                    ));
                }
            }
        }
    }
    for (change, n) in counts {
        println!("{n:5}  {change}");
    }
    problems.iter().for_each(|problem| println!("{problem}"));
    ensure!(
        problems.is_empty(),
        "{} cases are worse than the baseline",
        problems.len()
    );
    Ok(())
}

/// The files of a draft; those in subfolders with the names that the baseline has.
fn files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for (prefix, folder) in [
        ("", folder.to_path_buf()),
        ("optional/", folder.join("optional")),
        ("optional/format/", folder.join("optional/format")),
    ] {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if let (Some(stem), Some("json")) = (stem, path.extension().and_then(|e| e.to_str())) {
                found.push((format!("{prefix}{stem}"), path));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn accepts(
    compiler: &GrammarCompiler,
    tokenizer: &Tokenizer,
    schema: &Value,
    data: &Value,
) -> anyhow::Result<bool> {
    let mut constraint = compiler.compile(&Grammar::JsonSchema(schema.clone()), &[0])?;
    let ids = tokenizer.encode(&data.to_string())?;
    for n in 0..ids.len() {
        let mut mask = TokenMask::new(tokenizer.vocab_size());
        let history = History::new(&[], &ids[..n]);
        constraint.allow(history, &mut mask)?;
        if !mask.contains(ids[n]) {
            return Ok(false);
        }
    }
    let progress = constraint.progress(History::new(&[], &ids))?;
    Ok(progress != ConstraintProgress::Incomplete)
}
