//! What a policy promises about itself: examples, guardrails and laws.
//!
//! They are stored and versioned with the policy. The browser checks them on every edit, the server in the
//! transaction that publishes; this module is what both run.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::portfolio::{Portfolio, TierMigration};
use crate::tier::only_objects;
use crate::tier::{
    AssetSignal, Cents, FactAxis, JudgmentFacts, PolicyError, Score, Tier, TierGrid, TierPolicy,
};

/// The most examples, and the most guardrails, of one policy.
pub const ASSERTIONS_MAX: usize = 200;
const NAME_LENGTH_MAX: usize = 120;

/// The assertions that a policy carries; none by default
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct PolicyAssertions {
    /// Judgments with the tier that they must get.
    pub examples: Vec<ExpectedTier>,
    /// What must hold for the portfolio.
    pub guardrails: Vec<Guardrail>,
    /// What must hold for every judgment that there could be.
    pub laws: Vec<Law>,
}

/// A judgment, real or made up, with the tier that it must get
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ExpectedTier {
    /// What people call it: 1 to 120 characters.
    pub name: String,
    /// Its score; missing ones compare as 0.
    #[serde(default)]
    pub collectability_score: Option<Score>,
    /// Its balance; missing ones compare as 0.
    #[serde(default)]
    pub balance: Option<Cents>,
    /// Its signals.
    #[serde(default)]
    pub signals: Vec<AssetSignal>,
    /// The tier that it must get.
    pub tier: Tier,
}

/// What must hold for the active judgments of the organisation
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Guardrail {
    /// Judgments that have at least this much get at least this tier.
    LowestTier {
        /// The lowest tier that they may get.
        tier: Tier,
        /// Judgments of this balance or more; any where it is missing.
        #[serde(default)]
        balance_from: Option<Cents>,
        /// Judgments of this score or more; any where it is missing.
        #[serde(default)]
        score_from: Option<Score>,
    },
    /// So many judgments at most in a tier.
    TierAtMost {
        /// The tier.
        tier: Tier,
        /// The most judgments.
        count: u32,
    },
    /// So much of the money at most moves to a lower tier, against the published policy.
    MoneyDownAtMost {
        /// In per cent of the whole balance, 0 to 100, at most two decimals.
        percent: Decimal,
    },
    /// So many of the judgments at most change tier, against the published policy.
    MovedAtMost {
        /// In per cent of all judgments, 0 to 100, at most two decimals.
        percent: Decimal,
    },
}

/// What must hold for every judgment that there could be
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// More score never lowers the tier.
    MonotoneInScore,
    /// More balance never lowers the tier.
    MonotoneInBalance,
    /// One more asset signal never lowers the tier.
    MonotoneInSignals,
}

/// What became of one assertion
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedAssertion {
    /// Which one, such as `guardrails[1]`.
    pub place: String,
    /// What it asks for, as a sentence without its full stop.
    pub words: String,
    /// Whether the policy does it.
    pub holds: bool,
    /// What was found, as a sentence without its full stop.
    pub found: String,
    /// A judgment of the portfolio that breaks it, where there is one.
    pub judgment_no: Option<u64>,
}

/// Those of `checked` that fail and are not among the places that a note overrules
pub fn failing_besides<'a>(
    checked: &'a [CheckedAssertion],
    overruled: &[String],
) -> Vec<&'a CheckedAssertion> {
    checked.iter().filter(|assertion| !assertion.holds && !overruled.contains(&assertion.place)).collect()
}

/// What they ask for and what was found, such as `Tier 3 has at most 200 judgments: It has 214`
pub fn in_words(assertions: &[&CheckedAssertion]) -> String {
    let words = assertions.iter().map(|assertion| format!("{}: {}", assertion.words, assertion.found));
    words.collect::<Vec<_>>().join("; ")
}

only_objects!(PolicyAssertions, "assertions", and Serialize);
only_objects!(ExpectedTier, "an example", and Serialize);

impl Law {
    /// Every law.
    pub const ALL: [Law; 3] = [Law::MonotoneInScore, Law::MonotoneInBalance, Law::MonotoneInSignals];

    /// Such as `More balance never lowers the tier`.
    pub const fn words(self) -> &'static str {
        match self {
            Law::MonotoneInScore => "More score never lowers the tier",
            Law::MonotoneInBalance => "More balance never lowers the tier",
            Law::MonotoneInSignals => "One more asset signal never lowers the tier",
        }
    }

    const fn axis(self) -> FactAxis {
        match self {
            Law::MonotoneInScore => FactAxis::Score,
            Law::MonotoneInBalance => FactAxis::Balance,
            Law::MonotoneInSignals => FactAxis::Signals,
        }
    }
}

impl Guardrail {
    /// Such as `Every judgment of $50,000 or more gets tier 1 or higher`.
    pub fn words(&self) -> String {
        match self {
            Guardrail::LowestTier { tier, balance_from, score_from } => {
                let bounds: Vec<String> = [
                    balance_from.map(|balance| format!("of ${balance} or more")),
                    score_from.map(|score| format!("with a score of {score} or more")),
                ]
                .into_iter()
                .flatten()
                .collect();
                let which =
                    if bounds.is_empty() { String::new() } else { format!(" {}", bounds.join(" and ")) };
                format!("Every judgment{which} gets tier {} or higher", tier.number())
            }
            Guardrail::TierAtMost { tier, count } => {
                format!("Tier {} has at most {} judgments", tier.number(), grouped(u64::from(*count)))
            }
            Guardrail::MoneyDownAtMost { percent } => {
                format!("At most {} % of the money moves to a lower tier", percent.normalize())
            }
            Guardrail::MovedAtMost { percent } => {
                format!("At most {} % of the judgments change tier", percent.normalize())
            }
        }
    }
}

impl PolicyAssertions {
    /// Refuses what cannot be checked; the error names the field.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let refuse = |field: String, message: String| Err(PolicyError { field, message });
        for (field, count) in [("examples", self.examples.len()), ("guardrails", self.guardrails.len())] {
            if count > ASSERTIONS_MAX {
                return refuse(field.to_owned(), format!("are {count}, more than {ASSERTIONS_MAX}"));
            }
        }
        for (place, example) in self.examples.iter().enumerate() {
            if !(1..=NAME_LENGTH_MAX).contains(&example.name.trim().chars().count()) {
                let message = format!("is not text of 1 to {NAME_LENGTH_MAX} characters");
                return refuse(format!("examples[{place}].name"), message);
            }
        }
        for (place, guardrail) in self.guardrails.iter().enumerate() {
            if let Guardrail::MoneyDownAtMost { percent } | Guardrail::MovedAtMost { percent } = guardrail
                && !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent)
            {
                return refuse(format!("guardrails[{place}].percent"), "is not between 0 and 100".to_owned());
            }
        }
        if (1..self.laws.len())
            .any(|place| self.laws.iter().take(place).any(|law| self.laws.get(place) == Some(law)))
        {
            return refuse("laws".to_owned(), "name a law twice".to_owned());
        }
        Ok(())
    }

    /// Checks every assertion of `after`: examples first, then guardrails, then laws
    ///
    /// `migration` is that from the published policy to `after` over `portfolio`.
    pub fn check(
        &self,
        after: &TierPolicy,
        portfolio: &Portfolio,
        migration: &TierMigration,
    ) -> Vec<CheckedAssertion> {
        let examples = (0..).zip(&self.examples).map(|(place, example)| example.check(place, after));
        let grid = after.compile();
        // One look at every row serves all guardrails that ask for one.
        let asks_rows = self.guardrails.iter().any(|it| matches!(it, Guardrail::LowestTier { .. }));
        let tiers = if asks_rows { grid.evaluate(portfolio) } else { Vec::new() };
        let guardrails = (0..)
            .zip(&self.guardrails)
            .map(|(place, guardrail)| guardrail.check(place, &tiers, portfolio, migration));
        let laws = (0..).zip(&self.laws).map(|(place, law)| law.check(place, after, &grid));
        examples.chain(guardrails).chain(laws).collect()
    }
}

impl ExpectedTier {
    /// What policies evaluate.
    pub fn facts(&self) -> JudgmentFacts {
        JudgmentFacts {
            score: self.collectability_score,
            balance: self.balance,
            signals: self.signals.iter().copied().collect(),
        }
    }

    fn check(&self, place: usize, after: &TierPolicy) -> CheckedAssertion {
        let outcome = after.evaluate(&self.facts());
        CheckedAssertion {
            place: format!("examples[{place}]"),
            words: format!("{} gets tier {}", self.name.trim(), self.tier.number()),
            holds: outcome.tier == self.tier,
            found: format!("It gets tier {}: {}", outcome.tier.number(), outcome.reason),
            judgment_no: None,
        }
    }
}

impl Guardrail {
    fn check(
        &self,
        place: usize,
        tiers: &[u8],
        portfolio: &Portfolio,
        migration: &TierMigration,
    ) -> CheckedAssertion {
        let (holds, found, judgment_no) = match self {
            Guardrail::LowestTier { tier, balance_from, score_from } => {
                let (balance_from, score_from) =
                    (balance_from.map_or(0, Cents::cents), score_from.map_or(0, Score::hundredths));
                let columns = portfolio.columns();
                let broken = (0_u32..)
                    .zip(tiers)
                    .zip(columns.score.iter().zip(&columns.balance_cents))
                    .filter(|((_, given), (score, balance))| {
                        **given < tier.number() && **score >= score_from && **balance >= balance_from
                    })
                    .map(|((row, _), _)| row);
                let (mut count, mut first) = (0_u64, None);
                for row in broken {
                    count += 1;
                    first = first.or(Some(row));
                }
                let found = match count {
                    0 => "No judgment is below".to_owned(),
                    1 => "1 judgment is below".to_owned(),
                    _ => format!("{} judgments are below", grouped(count)),
                };
                (count == 0, found, first.and_then(|row| portfolio.judgment_no(row)))
            }
            Guardrail::TierAtMost { tier, count } => {
                let totals = migration.after_totals();
                let has = totals.get(usize::from(tier.number())).map_or(0, |total| total.count);
                (has <= *count, format!("It has {}", grouped(u64::from(has))), None)
            }
            Guardrail::MoneyDownAtMost { percent } => {
                let cents = pairs(&migration.balance_cents);
                let whole = cents.clone().map(|(_, _, cents)| i128::from(cents)).sum();
                let down =
                    cents.filter(|(from, to, _)| to < from).map(|(_, _, cents)| i128::from(cents)).sum();
                share(down, whole, *percent, "of the money moves down")
            }
            Guardrail::MovedAtMost { percent } => {
                let moved = i128::try_from(migration.moved.len()).unwrap_or(i128::MAX);
                share(moved, i128::from(portfolio.len()), *percent, "of the judgments change tier")
            }
        };
        CheckedAssertion {
            place: format!("guardrails[{place}]"),
            words: self.words(),
            holds,
            found,
            judgment_no,
        }
    }
}

/// Compares `part / whole` with a limit in per cent, exactly, and says it with two decimals
fn share(part: i128, whole: i128, limit: Decimal, words: &str) -> (bool, String, Option<u64>) {
    let exact = |number: i128| Decimal::try_from_i128_with_scale(number, 0).unwrap_or(Decimal::MAX);
    let holds = match exact(part).checked_mul(Decimal::ONE_HUNDRED).zip(exact(whole).checked_mul(limit)) {
        Some((part, most)) => part <= most,
        None => false,
    };
    let hundredths = if whole == 0 { 0 } else { (part * 10_000 + whole / 2) / whole };
    let percent = Decimal::try_from_i128_with_scale(hundredths, 2).unwrap_or(Decimal::MAX);
    (holds, format!("{percent:.2} % {words}"), None)
}

fn pairs<T: Copy>(matrix: &[[T; 4]; 4]) -> impl Iterator<Item = (usize, usize, T)> + Clone {
    matrix
        .iter()
        .enumerate()
        .flat_map(|(from, row)| row.iter().enumerate().map(move |(to, value)| (from, to, *value)))
}

impl Law {
    fn check(self, place: usize, after: &TierPolicy, grid: &TierGrid) -> CheckedAssertion {
        let drop = grid.first_drop(self.axis());
        let found = match drop {
            None => "Proved for every judgment that there could be".to_owned(),
            Some((below, past)) => format!(
                "{} gets tier {}, but {} gets tier {}",
                described(&below),
                after.tier_of(&below).number(),
                described(&past),
                after.tier_of(&past).number(),
            ),
        };
        CheckedAssertion {
            place: format!("laws[{place}]"),
            words: self.words().to_owned(),
            holds: drop.is_none(),
            found,
            judgment_no: None,
        }
    }
}

fn described(facts: &JudgmentFacts) -> String {
    let score = facts.score.map_or_else(|| "0".to_owned(), |score| score.to_string());
    let balance = facts.balance.map_or_else(|| "0".to_owned(), |balance| balance.to_string());
    let signals = match facts.signals.iter().count() {
        0 => "no asset signal".to_owned(),
        1 => "1 asset signal".to_owned(),
        count => format!("{count} asset signals"),
    };
    format!("score {score}, ${balance}, {signals}")
}

fn grouped(count: u64) -> String {
    // Whole dollars of as many cents are grouped as counts are.
    i64::try_from(count)
        .ok()
        .and_then(|count| Cents::from_cents(count.checked_mul(100)?))
        .map_or_else(|| count.to_string(), |grouped| grouped.to_string())
}
