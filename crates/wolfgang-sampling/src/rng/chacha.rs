//! The default random number generator, stable across releases.

#[cfg(test)]
mod tests;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// ChaCha20 random number generator (RFC 8439) with a 64-bit seed; the same on every machine and in
/// every release.
///
/// The first eight bytes of the key are the seed, little-endian; the rest of the key, the nonce and
/// the counter are zero. Each number consumes 64 bits of the key stream and uses the upper 53.
#[derive(Clone, Debug)]
pub struct ChaChaRng(ChaCha20Rng);

impl ChaChaRng {
    /// Creates a generator from a seed.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha20Rng::from_seed(key))
    }

    /// Returns the next number, in `0.0..1.0`, a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * UNIT
    }
}
