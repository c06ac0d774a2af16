//! The fuzz targets on the inputs kept in the repository, and on some thousand changes to them.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fs;
use wolfgang_fuzzed::{TARGETS, Target, Verdict};

/// Changed inputs for each target.
const CHANGED: usize = 2000;

/// The inputs in a folder, sorted by name.
fn inputs(folder: &str, target: &Target) -> Vec<(String, Vec<u8>)> {
    let path = crate::fixtures::repository(&format!("fuzz/{folder}/{}", target.name));
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut inputs: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// Runs one input; a panic names it.
fn run(target: &Target, name: &str, input: &[u8]) -> Verdict {
    std::panic::catch_unwind(|| (target.run)(input))
        .unwrap_or_else(|_| panic!("{} panicked on {name}", target.name))
}

#[test]
fn targets_accept_and_refuse_seeds_and_survive_regressions() {
    for target in &TARGETS {
        let seeds = inputs("seeds", target);
        let accepted = seeds
            .iter()
            .filter(|(name, input)| {
                assert!(input.len() <= target.max_len, "{name} is never tried whole");
                run(target, name, input) == Verdict::Accepted
            })
            .count();
        assert!(accepted >= 2, "{}: {accepted} seeds accepted", target.name);
        assert!(accepted < seeds.len(), "{}: no seed refused", target.name);
        for (name, input) in inputs("regressions", target) {
            run(target, &name, &input);
        }
    }
}

/// Every regression has its line, and every line its regression.
#[test]
fn every_regression_is_described_in_the_readme() {
    let path = crate::fixtures::repository("fuzz/regressions/README.md");
    let told = fs::read_to_string(path).unwrap();
    let mut kept = 0;
    for target in &TARGETS {
        for (path, _) in inputs("regressions", target) {
            let name = path.rsplit('/').next().unwrap();
            let line = format!("- `{}/{name}`: ", target.name);
            assert!(told.contains(&line), "{line:?} is missing");
            kept += 1;
        }
    }
    let lines = told.lines().filter(|line| line.starts_with("- `"));
    assert_eq!(lines.count(), kept, "a line for a file that is not there");
}

#[test]
fn mutated_seeds_break_no_rule_of_a_target() {
    for target in &TARGETS {
        let seeds = inputs("seeds", target);
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut refused = 0;
        for n in 0..CHANGED {
            let (name, seed) = &seeds[n % seeds.len()];
            let other = &seeds[below(&mut random, seeds.len())].1;
            let input = changed(seed, other, &mut random);
            let name = format!("change {n}, of {name}");
            refused += usize::from(run(target, &name, &input) == Verdict::Refused);
        }
        // Were all of them accepted or refused, the changes would be too small or too large to show
        // anything.
        assert!(
            (1..CHANGED).contains(&refused),
            "{}: {refused}",
            target.name
        );
    }
}

/// `seed` after a few changes of the kinds that break readers: bytes, lengths, cuts, and pieces of
/// another input.
fn changed(seed: &[u8], other: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'.', b'0'];
    let mut input = seed.to_vec();
    for _ in 0..=below(random, 3) {
        let at = below(random, input.len());
        let end = (at + below(random, 16)).min(input.len());
        match below(random, 6) {
            0 if !input.is_empty() => input[at] ^= 1 << below(random, 8),
            1 if !input.is_empty() => input[at] = EDGES[below(random, EDGES.len())],
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                drop(input.splice(at..at, piece));
            }
            4 => {
                let from = below(random, other.len());
                let piece = &other[from..(from + 16).min(other.len())];
                drop(input.splice(at..end, piece.iter().copied()));
            }
            _ => input.truncate(input.len() - below(random, 8).min(input.len())),
        }
    }
    input
}

/// A number below `n`, or 0 for 0; its small bias does not matter here.
fn below(random: &mut ChaCha8Rng, n: usize) -> usize {
    random.next_u32() as usize % n.max(1)
}
