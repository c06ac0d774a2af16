use super::*;

/// Test vector 1 of RFC 8439, appendix A.1 (a key of zeros), begins with 76 b8 e0 ad a0 f1 3d 90.
#[test]
fn the_stream_is_that_of_rfc_8439() {
    let first = u64::from_le_bytes([0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    assert_eq!(
        ChaChaRng::new(0).uniform(),
        (first >> 11) as f64 / (1u64 << 53) as f64
    );
}

/// The numbers of the first release, in units of 2⁻⁵³. They must never change.
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
fn every_bit_of_the_seed_changes_the_stream() {
    let mut first: Vec<_> = (0..64)
        .map(|bit| ChaChaRng::new(1 << bit).uniform().to_bits())
        .collect();
    first.sort_unstable();
    first.dedup();
    assert_eq!(first.len(), 64);
}
