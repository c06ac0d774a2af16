//! The default random number generator, stable across releases.

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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439's own test vector for an all-zero key (appendix A.1, test vector 1) begins 76 b8 e0 ad a0 f1 3d 90.
    #[test]
    fn the_stream_is_that_of_rfc_8439() {
        let first = u64::from_le_bytes([0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
        assert_eq!(
            ChaChaRng::new(0).uniform(),
            (first >> 11) as f64 / (1u64 << 53) as f64
        );
    }

    /// What the first release drew, in units of 2⁻⁵³. These numbers must never change.
    #[test]
    fn the_stream_is_that_of_the_first_release() {
        let golden: [(u64, [u64; 4]); 4] = [
            (
                0,
                [
                    0x0012_07be_3415_bc17,
                    0x0005_17b0_ca7c_ad4b,
                    0x0003_5db1_b417_033a,
                    0x0018_e1ae_f179_9de6,
                ],
            ),
            (
                1,
                [
                    0x0012_623d_9c2f_815a,
                    0x0010_ab4e_efa9_09f9,
                    0x000a_b291_4479_c7de,
                    0x0017_ab7d_11b1_13c4,
                ],
            ),
            (
                42,
                [
                    0x000d_5c61_4a24_dcae,
                    0x0016_9d6f_eb2b_916b,
                    0x0016_7136_a7b9_c580,
                    0x0004_ccd5_149e_f510,
                ],
            ),
            (
                u64::MAX,
                [
                    0x001d_682a_7b4d_7dd4,
                    0x0007_06dc_a55f_9148,
                    0x0008_69d6_877e_6472,
                    0x0002_c809_a953_9fda,
                ],
            ),
        ];
        for (seed, numbers) in golden {
            let mut rng = ChaChaRng::new(seed);
            let found = numbers.map(|_| rng.uniform());
            let expected = numbers.map(|n| n as f64 / (1u64 << 53) as f64);
            assert_eq!(found, expected, "seed {seed}");
        }
    }

    #[test]
    fn seeds_differ_in_every_bit() {
        let mut first: Vec<_> = (0..64)
            .map(|bit| ChaChaRng::new(1 << bit).uniform().to_bits())
            .collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 64);
    }
}
