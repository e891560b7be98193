//! Random numbers: a fixed function of the seed.

/// xoshiro256++ by Blackman and Vigna (2018), seeded by SplitMix64 as its authors advise
#[derive(Debug, Clone)]
pub(super) struct Dice([u64; 4]);

impl Dice {
    /// `stream` tells apart what is drawn for different purposes from one seed.
    pub(super) fn new(seed: u64, stream: u64) -> Dice {
        let mut state = seed ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03);
        Dice([(); 4].map(|()| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        }))
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let answer = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        answer
    }

    /// 0 to below 1, in steps of 2^-53.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Normal with mean 0 and variance 1, by Box and Muller (1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * libm::cos(2.0 * core::f64::consts::PI * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_one_that_was_published() {
        // The first outputs of the authors' C program from the state 1, 2, 3, 4.
        let mut dice = Dice([1, 2, 3, 4]);
        let first: Vec<u64> = (0..5).map(|_| dice.next()).collect();
        assert_eq!(
            first,
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386, 9_228_616_714_210_784_205]
        );
    }

    #[test]
    fn draws_have_the_mean_and_variance_that_they_promise() {
        let mut dice = Dice::new(1, 0);
        let mut check = |draw: fn(&mut Dice) -> f64, mean: f64, variance: f64| {
            let draws: Vec<f64> = (0..100_000).map(|_| draw(&mut dice)).collect();
            let found = draws.iter().sum::<f64>() / 1e5;
            let spread = draws.iter().map(|draw| (draw - found) * (draw - found)).sum::<f64>() / 1e5;
            assert!((found - mean).abs() < 0.015, "{found}");
            assert!((spread - variance).abs() < 0.04, "{spread}");
        };
        check(Dice::uniform, 0.5, 1.0 / 12.0);
        check(Dice::exponential, 1.0, 1.0);
        check(Dice::normal, 0.0, 1.0);
    }
}
