//! The columns of a portfolio and what must hold of them.

use sha2::{Digest, Sha256};

use crate::tier::{AssetSignals, Cents, JudgmentFacts, Score, Tier, hex};

/// Stands in a tier column where there is no tier.
pub const NO_TIER: u8 = 255;

/// The bit of `bits` that says that the score is missing.
pub const MISSING_SCORE: u8 = 0x10;

/// The bit of `bits` that says that the balance is missing.
pub const MISSING_BALANCE: u8 = 0x20;

/// The largest `judgment_no`: numbers above it are not exact in JavaScript.
const JUDGMENT_NO_MAX: u64 = (1 << 53) - 1;

/// The columns of a [`Portfolio`], not yet checked; one entry a judgment in each
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortfolioColumns {
    /// Ascending, each number once, below 2^53.
    pub judgment_no: Vec<u64>,
    /// Hundredths of a point, 0 to 10,000; 0 where missing.
    pub score: Vec<u16>,
    /// Cents, 0 to 99,999,999,999,999; 0 where missing.
    pub balance_cents: Vec<i64>,
    /// The asset signals in the four low bits, [`MISSING_SCORE`] and [`MISSING_BALANCE`].
    pub bits: Vec<u8>,
    /// 0 to 3, [`NO_TIER`] where the judgment was never tiered.
    pub stored_tier: Vec<u8>,
    /// 0 to 3, [`NO_TIER`] where no override is in force.
    pub override_tier: Vec<u8>,
}

impl PortfolioColumns {
    /// Appends one judgment.
    pub fn push(
        &mut self,
        judgment_no: u64,
        facts: &JudgmentFacts,
        stored: Option<Tier>,
        overriding: Option<Tier>,
    ) {
        let missing_score = if facts.score.is_none() { MISSING_SCORE } else { 0 };
        let missing_balance = if facts.balance.is_none() { MISSING_BALANCE } else { 0 };
        self.judgment_no.push(judgment_no);
        self.score.push(facts.score.map_or(0, Score::hundredths));
        self.balance_cents.push(facts.balance.map_or(0, Cents::cents));
        self.bits.push(facts.signals.bits() | missing_score | missing_balance);
        self.stored_tier.push(stored.map_or(NO_TIER, Tier::number));
        self.override_tier.push(overriding.map_or(NO_TIER, Tier::number));
    }
}

/// Why columns or bytes are not a portfolio
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortfolioError {
    /// The columns are not equally long.
    #[error("column `{column}` has {length} rows instead of {expected}")]
    UnequalLength {
        /// The column's name.
        column: &'static str,
        /// Its length.
        length: u64,
        /// The length of `judgment_no`.
        expected: u64,
    },
    /// A row holds what its column cannot.
    #[error("column `{column}`, row {row}: {message}")]
    Row {
        /// The column's name.
        column: &'static str,
        /// From 0.
        row: u32,
        /// What is wrong.
        message: &'static str,
    },
    /// The balances add up to more than 64 bits hold.
    #[error("the balances add up to more than 92,233,720,368,547,758.07")]
    TotalTooLarge,
    /// More rows than a row number can name.
    #[error("{0} rows are more than 4,294,967,295")]
    TooManyRows(u64),
    /// Bytes that [`Portfolio::encode`] does not write.
    #[error("not an encoded portfolio: {0}")]
    Malformed(&'static str),
}

/// Judgments in columns, sorted by their number, checked once at construction
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    // INVARIANT: `PortfolioColumns` says what each column holds; all are equally long, and every sum of
    // balances fits an i64.
    columns: PortfolioColumns,
}

impl Portfolio {
    /// Checks the columns.
    pub fn from_columns(columns: PortfolioColumns) -> Result<Portfolio, PortfolioError> {
        let rows = columns.judgment_no.len();
        if u32::try_from(rows).is_err() {
            return Err(PortfolioError::TooManyRows(rows as u64));
        }
        for (column, length) in [
            ("score", columns.score.len()),
            ("balance_cents", columns.balance_cents.len()),
            ("bits", columns.bits.len()),
            ("stored_tier", columns.stored_tier.len()),
            ("override_tier", columns.override_tier.len()),
        ] {
            if length != rows {
                return Err(PortfolioError::UnequalLength {
                    column,
                    length: length as u64,
                    expected: rows as u64,
                });
            }
        }
        let ascends = columns
            .judgment_no
            .iter()
            .zip(columns.judgment_no.iter().skip(1))
            .map(|(number, next)| number < next);
        let bits = &columns.bits;
        let is_tier = |tier: &u8| *tier <= 3 || *tier == NO_TIER;
        check(
            "judgment_no",
            columns.judgment_no.iter().map(|number| *number <= JUDGMENT_NO_MAX),
            "is not below 2^53",
        )?;
        check("judgment_no", ascends, "is not below the next")?;
        check(
            "score",
            columns.score.iter().map(|score| *score <= Score::MAX.hundredths()),
            "is outside 0 to 10000 hundredths",
        )?;
        check(
            "balance_cents",
            columns.balance_cents.iter().map(|cents| Cents::from_cents(*cents).is_some()),
            "is outside 0 to 99999999999999 cents",
        )?;
        check("bits", bits.iter().map(|bits| *bits < 0x40), "has a bit above 0x20")?;
        check(
            "score",
            columns.score.iter().zip(bits).map(|(score, bits)| *score == 0 || bits & MISSING_SCORE == 0),
            "is missing but not 0",
        )?;
        check(
            "balance_cents",
            columns
                .balance_cents
                .iter()
                .zip(bits)
                .map(|(cents, bits)| *cents == 0 || bits & MISSING_BALANCE == 0),
            "is missing but not 0",
        )?;
        check("stored_tier", columns.stored_tier.iter().map(is_tier), "is neither 0 to 3 nor 255")?;
        check("override_tier", columns.override_tier.iter().map(is_tier), "is neither 0 to 3 nor 255")?;
        let total = columns.balance_cents.iter().try_fold(0_i64, |total, cents| total.checked_add(*cents));
        total.ok_or(PortfolioError::TotalTooLarge)?;
        Ok(Portfolio { columns })
    }

    /// How many judgments there are.
    pub fn len(&self) -> u32 {
        self.columns.judgment_no.len() as u32
    }

    /// Whether there is no judgment.
    pub fn is_empty(&self) -> bool {
        self.columns.judgment_no.is_empty()
    }

    /// The columns, to read.
    pub fn columns(&self) -> &PortfolioColumns {
        &self.columns
    }

    /// The columns, to take apart.
    pub fn into_columns(self) -> PortfolioColumns {
        self.columns
    }

    /// The facts of a row; `None` behind the last.
    pub fn facts(&self, row: u32) -> Option<JudgmentFacts> {
        let bits = get(&self.columns.bits, row)?;
        let score = get(&self.columns.score, row).filter(|_| bits & MISSING_SCORE == 0);
        let balance = get(&self.columns.balance_cents, row).filter(|_| bits & MISSING_BALANCE == 0);
        Some(JudgmentFacts {
            score: score.and_then(Score::from_hundredths),
            balance: balance.and_then(Cents::from_cents),
            signals: AssetSignals::from_bits(bits),
        })
    }

    /// The number of a row's judgment; `None` behind the last.
    pub fn judgment_no(&self, row: u32) -> Option<u64> {
        get(&self.columns.judgment_no, row)
    }

    /// The tier that is stored for a row, if any.
    pub fn stored_tier(&self, row: u32) -> Option<Tier> {
        Tier::try_from(get(&self.columns.stored_tier, row)?).ok()
    }

    /// The override in force for a row, if any.
    pub fn override_tier(&self, row: u32) -> Option<Tier> {
        Tier::try_from(get(&self.columns.override_tier, row)?).ok()
    }

    /// SHA-256 over the facts, as 64 lower-case hexadecimal digits
    ///
    /// Over numbers, scores, balances and bits, not over tiers: a snapshot is current while its facts are.
    pub fn digest(&self) -> String {
        let PortfolioColumns { judgment_no, score, balance_cents, bits, .. } = &self.columns;
        let mut digest = Sha256::new();
        digest.update(self.len().to_le_bytes());
        update(&mut digest, judgment_no, |number| number.to_le_bytes());
        update(&mut digest, score, |score| score.to_le_bytes());
        update(&mut digest, balance_cents, |cents| cents.to_le_bytes());
        digest.update(bits);
        hex(&digest.finalize())
    }
}

fn get<T: Copy>(column: &[T], row: u32) -> Option<T> {
    column.get(usize::try_from(row).ok()?).copied()
}

/// Reports the first row that is not in order
fn check(
    column: &'static str,
    mut in_order: impl Iterator<Item = bool>,
    message: &'static str,
) -> Result<(), PortfolioError> {
    match in_order.position(|row_is_in_order| !row_is_in_order) {
        Some(row) => Err(PortfolioError::Row { column, row: row as u32, message }),
        None => Ok(()),
    }
}

/// Feeds a column in pieces: hashing value by value is several times slower
fn update<T: Copy, const N: usize>(digest: &mut Sha256, column: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let mut buffer = Vec::with_capacity(1024 * N);
    for piece in column.chunks(1024) {
        buffer.clear();
        buffer.extend(piece.iter().flat_map(|value| bytes(*value)));
        digest.update(&buffer);
    }
}
