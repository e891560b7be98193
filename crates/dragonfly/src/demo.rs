//! A made-up portfolio: every name, number and address is invented, and a fixed function of the seed

use anyhow::Context;
use chrono::{Duration, NaiveDate};
use db::demo::{self as tables, DemoCase, DemoJudgment, DemoOverride};
use policy::tier::{Cents, Score, Tier};
use uuid::Uuid;

use crate::failure::Failure;
use crate::store::Store;

/// Judgments that are sent at once.
const BATCH: u32 = 5_000;
/// The day that the youngest judgments are of: fixed, so that a seed makes the same portfolio on any day.
const TODAY: (i32, u32, u32) = (2026, 11, 1);

/// Adds `count` judgments of `seed` to the organisation, in one transaction and without queueing them
pub(crate) async fn load(store: &Store, count: u32, seed: u64) -> Result<(), Failure> {
    let mut tx = store.begin().await?;
    tables::skip_queue(&mut tx).await?;
    let plaintiffs = tables::load_plaintiffs(&mut tx, store.org_id, &plaintiff_names()).await?;
    let first = u64::try_from(tables::highest_no(&mut tx).await?).unwrap_or(0) + 1;
    let today = NaiveDate::from_ymd_opt(TODAY.0, TODAY.1, TODAY.2).context("no such day")?;
    let mut maker = Maker { dice: Dice(seed), plaintiffs, today, serial: first };
    let mut left = count;
    while left > 0 {
        let batch: Vec<DemoJudgment> = (0..left.min(BATCH)).filter_map(|_| maker.judgment()).collect();
        left = left.saturating_sub(BATCH);
        tables::load_judgments(&mut tx, store.org_id, &batch).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Court, county, state, code in case numbers, weight.
const COURTS: [(&str, &str, &str, &str, u64); 9] = [
    ("Queens Supreme Court", "Queens", "NY", "DQS", 18),
    ("Kings County Court", "Kings", "NY", "DKC", 20),
    ("Bronx Civil Court", "Bronx", "NY", "DBX", 14),
    ("New York Civil Court", "New York", "NY", "DNY", 16),
    ("Nassau District Court", "Nassau", "NY", "DND", 9),
    ("Suffolk District Court", "Suffolk", "NY", "DSD", 7),
    ("Erie County Court", "Erie", "NY", "DEC", 4),
    ("LA Superior Court", "Los Angeles", "CA", "DLA", 8),
    ("SF Superior Court", "San Francisco", "CA", "DSF", 4),
];
const CASE_TYPES: [(&str, u64); 3] = [("Civil", 6), ("Small Claims", 3), ("Commercial", 1)];
const STATUSES: [(&str, u64); 5] =
    [("unsatisfied", 72), ("in_progress", 14), ("satisfied", 9), ("expired", 4), ("vacated", 1)];
const STAGES: [(&str, u64); 9] = [
    ("pre_enforcement", 20),
    ("contact_validation", 22),
    ("asset_discovery", 20),
    ("action_planning", 12),
    ("bank_levy", 8),
    ("wage_garnishment", 8),
    ("subpoena", 4),
    ("marshal_execution", 2),
    ("recovery_monitoring", 4),
];
const NOTES: [&str; 4] = [
    "Debtor has offered a settlement; hold until it is signed",
    "Counsel asks to move first: assets may leave the state",
    "Bankruptcy is being checked",
    "Client wants this one worked now",
];
const FIRST_NAMES: [&str; 24] = [
    "Ana", "Ben", "Chi", "Dee", "Eli", "Fay", "Gus", "Hana", "Ivy", "Jo", "Kim", "Lía", "Max", "Noor", "Ola",
    "Pim", "Rui", "Sam", "Tess", "Uma", "Vik", "Wren", "Yusuf", "Zoë",
];
const LAST_NAMES: [&str; 30] = [
    "Abara",
    "Brandt",
    "Castro",
    "Dunn",
    "Eze",
    "Fujita",
    "Grau",
    "Holm",
    "Ito",
    "Jansen",
    "Kaur",
    "Lind",
    "Moreau",
    "Ng",
    "Ortega",
    "Price",
    "Quist",
    "Rossi",
    "Sato",
    "Tran",
    "Ueda",
    "Varga",
    "Weiss",
    "Xu",
    "Yilmaz",
    "Zielinski",
    "Okafor",
    "Nyström",
    "Delacroix",
    "Haddad",
];
const FIRM_NAMES: [&str; 16] = [
    "Harborview",
    "Granite State",
    "Bluebird",
    "Tidewater",
    "Meridian",
    "Castor & Pollux",
    "Larkspur",
    "Ökonom",
    "Northgate",
    "Silver Birch",
    "Copperfield",
    "Red Hook",
    "Stonebridge",
    "Evergreen",
    "Lantern",
    "Quayside",
];
const FIRM_KINDS: [&str; 4] = ["Funding LLC", "Receivables", "Recovery Partners", "Credit LP"];
const EMPLOYERS: [&str; 6] = [
    "Example Works",
    "Sample Logistics",
    "Placeholder Foods",
    "Specimen Hospital",
    "Model School District",
    "Demo Transit",
];
const BANKS: [&str; 4] =
    ["First Example Bank", "Second Example Credit Union", "Sample Savings", "Bank of Nowhere"];
const PROPERTIES: [&str; 3] = ["Lot 12, Sample County", "2 Example Plaza, unit 4", "Deed in Sample Township"];
const VEHICLES: [&str; 4] = ["2019 sedan", "2021 pickup", "2016 van", "2023 motorcycle"];

fn plaintiff_names() -> Vec<String> {
    FIRM_NAMES.iter().flat_map(|name| FIRM_KINDS.map(|kind| format!("{name} {kind}"))).collect()
}

struct Maker {
    dice: Dice,
    plaintiffs: Vec<Uuid>,
    today: NaiveDate,
    serial: u64,
}

impl Maker {
    fn judgment(&mut self) -> Option<DemoJudgment> {
        let dice = &mut self.dice;
        let (court, county, state, code, _) = *dice.weighted(&COURTS, |court| court.4)?;
        let (case_type, _) = *dice.weighted(&CASE_TYPES, |kind| kind.1)?;
        let (status, _) = *dice.weighted(&STATUSES, |status| status.1)?;
        // More young judgments than old ones.
        let age_days = (dice.below(4_400) * dice.below(4_400) / 4_400) as i64 + 20;
        let judgment_date = self.today - Duration::days(age_days);
        let filing_date = judgment_date - Duration::days(60 + dice.below(400) as i64);
        let judgment_amount = dice.amount();
        let balance_due = match status {
            "satisfied" => Some(0),
            _ => match dice.below(100) {
                0 => None,
                1..=27 => Some(judgment_amount * (5 + dice.below(90) as i64) / 100),
                // Nine per cent a year, as New York's statute has it.
                28..=40 => Some(judgment_amount + judgment_amount * 9 * age_days / 36_500),
                _ => Some(judgment_amount),
            },
        };
        let score = (dice.below(20) > 0).then(|| dice.score());
        let signals = [
            dice.signal(34, &EMPLOYERS),
            dice.signal(30, &BANKS),
            dice.signal(14, &PROPERTIES),
            dice.signal(20, &VEHICLES),
        ];
        let is_active = matches!(status, "unsatisfied" | "in_progress");
        let open_case = if is_active && dice.below(50) == 0 { dice.open_case() } else { None };
        let plaintiff_id = *dice.any(&self.plaintiffs)?;
        let defendant_name = format!("{} {}", dice.any(&FIRST_NAMES)?, dice.any(&LAST_NAMES)?);
        let case_number = format!("{code}-{}-{:06}", judgment_date.format("%Y"), self.serial);
        self.serial += 1;
        Some(DemoJudgment {
            case_number,
            court,
            county,
            state,
            case_type,
            plaintiff_id,
            defendant_name,
            filing_date,
            judgment_date,
            judgment_amount: Cents::from_cents(judgment_amount)?,
            balance_due: balance_due.and_then(Cents::from_cents),
            status,
            score,
            signals,
            open_case,
        })
    }
}

/// SplitMix64: the same on every machine and in every release
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Exponentially distributed around `mean`, in whole numbers; at most some twenty times as much.
    pub(crate) fn exponential(&mut self, mean: u32) -> i64 {
        let roll = (self.below(1 << 30) + 1) as f64 / f64::from(1 << 30);
        (-roll.ln() * f64::from(mean)) as i64
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.below(u64::MAX), self.below(u64::MAX))
    }

    /// 0 to `sides` - 1; 0 for no side.
    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).checked_rem(sides).unwrap_or(0)
    }

    fn any<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len() as u64) as usize)
    }

    pub(crate) fn weighted<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> u64) -> Option<&'a T> {
        let mut at = self.below(of.iter().map(&weight).sum());
        of.iter().find(|each| {
            let is_here = at < weight(each);
            at = at.saturating_sub(weight(each));
            is_here
        })
    }

    /// Cents: many small judgments, a long tail of large ones.
    fn amount(&mut self) -> i64 {
        let (from, to) = match self.below(100) {
            0..=39 => (50_000, 500_000),
            40..=71 => (500_000, 1_500_000),
            72..=90 => (1_500_000, 5_000_000),
            _ => (5_000_000, 40_000_000),
        };
        // The lower of two rolls: amounts thin out upwards within each class too.
        let cents = from + self.below(to - from).min(self.below(to - from));
        let cents = if self.below(4) == 0 { cents / 10_000 * 10_000 } else { cents };
        cents as i64
    }

    fn score(&mut self) -> Score {
        let hundredths = (self.below(10_001) + self.below(10_001)) / 2;
        let hundredths = if self.below(3) == 0 { hundredths / 50 * 50 } else { hundredths };
        u16::try_from(hundredths).ok().and_then(Score::from_hundredths).unwrap_or(Score::MAX)
    }

    fn signal(&mut self, percent: u64, texts: &[&'static str]) -> Option<&'static str> {
        let is_known = self.below(100) < percent;
        self.any(texts).copied().filter(|_| is_known)
    }

    fn open_case(&mut self) -> Option<DemoCase> {
        let (stage, _) = *self.weighted(&STAGES, |stage| stage.1)?;
        let overriding = if self.below(12) == 0 {
            Some(DemoOverride {
                tier: *self.any(&Tier::ALL)?,
                note: self.any(&NOTES)?,
                expires_in_days: self.below(60) as i32 - 10,
            })
        } else {
            None
        };
        Some(DemoCase { stage, next_action_in_hours: self.below(24 * 20) as i32 - 24 * 4, overriding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::tier::{AssetSignals, JudgmentFacts, TierPolicy};

    fn make(seed: u64, count: usize) -> Vec<DemoJudgment> {
        let today = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let mut maker = Maker { dice: Dice(seed), plaintiffs: vec![Uuid::nil()], today, serial: 1 };
        (0..count).map(|_| maker.judgment().unwrap()).collect()
    }

    #[test]
    fn a_seed_makes_the_same_portfolio_every_time() {
        assert_eq!(make(1, 500), make(1, 500));
        assert_ne!(make(1, 500), make(2, 500));
    }

    #[test]
    fn every_tier_is_well_filled() {
        let policy = TierPolicy::revision_1();
        let mut counts = [0; 4];
        for judgment in make(1, 20_000) {
            let bits =
                (0..).zip(judgment.signals).map(|(place, signal)| u8::from(signal.is_some()) << place).sum();
            let facts = JudgmentFacts {
                score: judgment.score,
                balance: judgment.balance_due,
                signals: AssetSignals::from_bits(bits),
            };
            counts[usize::from(policy.tier_of(&facts).number())] += 1;
        }
        assert!(counts.iter().all(|count| *count > 1_000), "{counts:?}");
    }

    #[test]
    fn case_numbers_differ_and_a_few_hundred_cases_are_open() {
        let judgments = make(1, 20_000);
        let numbers: std::collections::BTreeSet<&str> =
            judgments.iter().map(|row| row.case_number.as_str()).collect();
        assert_eq!(numbers.len(), judgments.len());
        let open = judgments.iter().filter(|row| row.open_case.is_some()).count();
        assert!((200..600).contains(&open), "{open}");
    }
}
