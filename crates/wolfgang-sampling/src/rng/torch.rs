//! The random number generator of PyTorch on the CPU.

use rand_mt::Mt;

/// PyTorch's CPU generator: the draws of `torch.multinomial` after `torch.manual_seed`, for PyTorch
/// 2.7 and later.
///
/// Some earlier builds of PyTorch used another library for these draws. The generator is MT19937
/// (Matsumoto and Nishimura 1998), initialised with `init_genrand` from the low 32 bits of the
/// seed; the upper 32 bits are ignored. A number combines two outputs, the upper half first, and
/// uses the lower 53 bits.
///
/// The logarithm is that of the system's math library. Libraries may differ in the last of 53 bits,
/// of which 24 are used.
#[derive(Clone, Debug)]
pub struct TorchRng(Mt);

impl TorchRng {
    /// Creates a generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mt::new(seed as u32))
    }

    /// Returns the next number, in `0.0..1.0`, a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let bits = u64::from(self.0.next_u32()) << 32 | u64::from(self.0.next_u32());
        (bits & ((1 << 53) - 1)) as f64 * UNIT
    }

    /// Samples an id with probability proportional to its weight. Weights must not be negative or
    /// NaN.
    ///
    /// Each weight is divided by an exponential variate, and the id with the largest quotient is
    /// returned, the first of several. Consumes one number per weight, including those of 0. An id
    /// of weight 0 is never drawn, unless all are 0; then id 0 is returned.
    pub fn multinomial(&mut self, weights: &[f32]) -> u32 {
        self.exponential_race(weights, |_, _| {})
    }

    /// [`multinomial`](Self::multinomial), with a call of `on_quotient` for each id of positive
    /// weight.
    pub(crate) fn exponential_race(
        &mut self,
        weights: &[f32],
        mut on_quotient: impl FnMut(u32, f32),
    ) -> u32 {
        let mut largest = f32::NEG_INFINITY;
        let mut chosen = 0;
        for (id, &weight) in (0..).zip(weights) {
            let u = self.uniform();
            if weight > 0.0 {
                let quotient = weight / -(-u).ln_1p() as f32;
                on_quotient(id, quotient);
                if quotient > largest {
                    (largest, chosen) = (quotient, id);
                }
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The C++ standard (`[rand.predef]`) specifies the 10,000th output of `mt19937` with seed
    /// 5489.
    #[test]
    fn the_generator_is_that_of_the_cpp_standard() {
        let mut rng = TorchRng::new(5489);
        let mut last = 0;
        for _ in 0..10_000 {
            last = rng.0.next_u32();
        }
        assert_eq!(last, 4_123_659_995);
    }

    #[test]
    fn only_the_low_32_bits_of_a_seed_are_used() {
        let first = |seed| TorchRng::new(seed).uniform();
        assert_eq!(first(5), first((1 << 32) + 5));
        assert_ne!(first(5), first(6));
    }

    #[test]
    fn ids_of_weight_zero_consume_a_number() {
        let mut with = TorchRng::new(3);
        let mut without = TorchRng::new(3);
        assert_eq!(with.multinomial(&[0.0, 0.0, 1.0, 0.0]), 2);
        assert_eq!(without.multinomial(&[0.0; 4]), 0);
        assert_eq!(with.uniform(), without.uniform());
    }

    #[test]
    fn draws_equal_those_of_torch() {
        let fixture = include_str!("../../tests/fixtures/torch_multinomial.txt");
        let mut draws = 0;
        for line in fixture.lines().filter(|line| !line.starts_with('#')) {
            let (case, ids) = line.split_once(": ").unwrap();
            let case: Vec<u64> = case.split(' ').map(|n| n.parse().unwrap()).collect();
            let [seed, n, period] = case[..] else {
                panic!("expected seed, number and period: {line}");
            };
            let weight = |i| if i % period == 0 { i * 7919 % 101 } else { 0 };
            let weights: Vec<f32> = (0..n).map(|i| weight(i) as f32).collect();
            let mut rng = TorchRng::new(seed);
            for id in ids.split(' ') {
                assert_eq!(rng.multinomial(&weights), id.parse().unwrap(), "{case:?}");
                draws += 1;
            }
        }
        assert_eq!(draws, 1000);
    }
}
