//! A scale of money on which the same way multiplies by the same factor.

/// Below it, balances lie at the foot of every scale.
pub const FLOOR_CENTS: i64 = 10_000;

/// From one balance to a greater one, in cents, both above nothing
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogScale {
    pub from: i64,
    pub to: i64,
}

impl LogScale {
    /// 0 at its foot and below, 1 at its top and above. For pixels only: money itself is never a float.
    pub fn share(self, cents: i64) -> f64 {
        let cents = cents.clamp(self.from, self.to);
        (cents as f64 / self.from as f64).ln() / (self.to as f64 / self.from as f64).ln()
    }

    /// The balance that lies at a share.
    pub fn cents(self, share: f64) -> i64 {
        let cents = self.from as f64 * (self.to as f64 / self.from as f64).powf(share.clamp(0.0, 1.0));
        (cents.round() as i64).clamp(self.from, self.to)
    }

    /// The same in three digits, which is all that a place on the screen can say.
    pub fn rounded(self, share: f64) -> i64 {
        let cents = self.cents(share);
        let unit = 10_i64.pow(cents.max(1).ilog10().saturating_sub(2)).max(100);
        ((cents + unit / 2) / unit * unit).clamp(self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_lie_where_their_logarithm_does() {
        let scale = LogScale { from: FLOOR_CENTS, to: 1_000_000_00 };
        assert!((scale.share(10_000_00) - 0.5).abs() < 1e-9);
        assert_eq!((scale.share(0), scale.share(5_000_000_00)), (0.0, 1.0));
        assert_eq!((scale.cents(0.0), scale.cents(0.5), scale.cents(2.0)), (100_00, 10_000_00, 1_000_000_00));
        assert_eq!(scale.rounded(0.6), 25_100_00);
    }
}
