//! The random stream behind a seed.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Uniform numbers from a 64-bit seed: ChaCha20 (RFC 8439), the same on every machine and in every release.
///
/// The seed's eight bytes, little-endian, are the beginning of the key; the rest of the key, the nonce and the
/// counter are zero. Each number takes 64 bits of the key stream, of which the upper 53 count.
#[derive(Clone, Debug)]
pub struct SeededRng(ChaCha20Rng);

impl SeededRng {
    /// The stream of `seed`, from its beginning.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha20Rng::from_seed(key))
    }

    /// The next number, in [0, 1), a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439's own test vector for an all-zero key (appendix A.1, test vector 1) begins 76 b8 e0 ad a0 f1 3d 90.
    #[test]
    fn the_stream_is_that_of_rfc_8439() {
        let first = u64::from_le_bytes([0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
        assert_eq!(
            SeededRng::new(0).uniform(),
            (first >> 11) as f64 / (1u64 << 53) as f64
        );
    }

    #[test]
    fn seeds_differ_in_every_bit() {
        let mut first: Vec<_> = (0..64)
            .map(|bit| SeededRng::new(1 << bit).uniform().to_bits())
            .collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 64);
    }
}
