//! Seeds of requests without one.

use sha2::{Digest, Sha256};

/// Returns the seed of a request: the first 52 bits of the SHA-256 of `SEED:CUSTOM_ID`, where SEED
/// is in decimal. Numbers of 52 bits are exact in JSON numbers that are parsed as doubles.
pub(super) fn derived(seed: u64, custom_id: &str) -> u64 {
    let hash = Sha256::digest(format!("{seed}:{custom_id}"));
    let first = hash.iter().take(8);
    first.fold(0, |bits, byte| bits << 8 | u64::from(*byte)) >> 12
}

#[cfg(test)]
mod tests {
    use super::derived;

    /// Python: `int(hashlib.sha256(b"7:a").hexdigest()[:13], 16)`.
    #[test]
    fn seeds_are_those_of_the_documentation() {
        assert_eq!(derived(7, "a"), 2301953803200167);
        assert_eq!(derived(0, "Anfrage-ä"), 3024326704624836);
    }
}
