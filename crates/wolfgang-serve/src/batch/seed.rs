//! Seeds of requests without one.

use sha2::{Digest, Sha256};

/// Returns the seed of a request: the first 52 bits of the SHA-256 of `SEED:CUSTOM_ID`, where SEED
/// is in decimal. Numbers of 52 bits are exact in JSON numbers that are parsed as doubles.
/// `wolfgang.bulk.row_seed` of the Python package is the same for keys that are strings.
pub(super) fn derived(seed: u64, custom_id: &str) -> u64 {
    let hash = Sha256::digest(format!("{seed}:{custom_id}"));
    let first = hash.iter().take(8);
    first.fold(0, |bits, byte| bits << 8 | u64::from(*byte)) >> 12
}

#[cfg(test)]
mod tests {
    use super::derived;
    use serde_json::Value;

    /// The tests of the Python package read the same file. It was written in Python:
    /// `int(hashlib.sha256(b"7:a").hexdigest()[:13], 16)`.
    #[test]
    fn seeds_are_those_of_the_fixture() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/row_seeds.json"
        );
        let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let strings = cases.iter().filter(|case| case["key"].is_string());
        assert_eq!(strings.clone().count(), 10);
        for case in strings {
            let [run, seed] = ["run", "seed"].map(|name| case[name].as_u64().unwrap());
            let key = case["key"].as_str().unwrap();
            assert_eq!(derived(run, key), seed, "{case}");
        }
    }
}
