//! The judgments that everything is measured on.

use policy::portfolio::{
    MISSING_BALANCE, MISSING_SCORE, NO_TIER, Portfolio, PortfolioColumns, PortfolioError,
};

/// Made-up judgments: scores evenly spread, balances over five orders of magnitude, some facts missing
///
/// tests/e2e/bench/portfolio.mjs makes the same ones, and tests/peers measures on them too.
pub(crate) fn portfolio(count: u32) -> Result<Portfolio, PortfolioError> {
    let mut columns = PortfolioColumns::default();
    let mut state: u32 = 1;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(state) * u64::from(below)) >> 32) as u32
    };
    for number in 1..=u64::from(count) {
        let has_score = next(20) > 0;
        let has_balance = next(50) > 0;
        let score = next(10_001);
        let magnitude = 10_i64.pow(next(5));
        let balance = i64::from(next(100_000)) * magnitude / 100;
        let missing =
            if has_score { 0 } else { MISSING_SCORE } | if has_balance { 0 } else { MISSING_BALANCE };
        columns.judgment_no.push(number);
        columns.score.push(if has_score { score as u16 } else { 0 });
        columns.balance_cents.push(if has_balance { balance } else { 0 });
        columns.bits.push(next(16) as u8 | missing);
        columns.stored_tier.push(NO_TIER);
        columns.override_tier.push(NO_TIER);
    }
    Portfolio::from_columns(columns)
}
