//! Many judgments decided at once, each with its deciding arm and its reason.
//!
//! [`TierPolicy::evaluate`] tries rule after rule and puts a reason together from its parts. Here a grid finds
//! the arm, and of a reason only the two values differ between judgments: everything else is rendered once, when
//! the policy is compiled, and copied in blocks of one size. The words are the same to the letter.

use std::array;
use std::sync::LazyLock;

use super::grid::{Grid, Rectangle, balance_cuts, score_cuts, signal_sets};
use super::policy::Arm;
use super::reason::{Measure, NO_RULES, SEPARATOR, Spans};
use super::{AssetSignals, Cents, DecidedBy, JudgmentFacts, Score, Tier, TierOutcome, TierPolicy};

/// A [`TierPolicy`] compiled for deciding many judgments with arm and reason
///
/// Gives what [`TierPolicy::evaluate`] gives for every judgment.
#[derive(Debug, Clone)]
pub struct OutcomeGrid {
    assets: AssetSignals,
    /// Of each cell the arm that decides, from 1; 0 for the fallback.
    arms: Grid<u16>,
    deciders: Vec<(Decider, Words)>,
    fallback: Fallback,
}

#[derive(Debug, Clone)]
struct Decider {
    tier: Tier,
    decided_by: Option<DecidedBy>,
}

/// What stands in the reasons of an arm besides the values
#[derive(Debug, Clone)]
struct Words {
    /// What follows the score; `None` where the score is not spoken of.
    score: Option<Piece>,
    /// What follows the balance.
    balance: Option<Piece>,
    /// By the number of signals that count.
    signals: [Piece; 5],
}

#[derive(Debug, Clone)]
struct Fallback {
    decider: Decider,
    /// By band, what follows the score.
    score: Vec<Option<Piece>>,
    /// By band, what follows the balance.
    balance: Vec<Option<Piece>>,
    /// By balance band, then score band, the fewest signals with which an arm would hold; 0 where none would.
    needs: Vec<u8>,
    /// By the number of signals needed and the number that count.
    signals: [[Piece; 5]; 5],
}

/// What a policy says of many judgments, in their order
#[derive(Debug, Clone)]
pub struct TierOutcomes<'p> {
    grid: &'p OutcomeGrid,
    /// Of each judgment its decider, as the grid has it, and the end of its reason in `reasons`.
    rows: Vec<(u16, usize)>,
    reasons: String,
}

/// What a policy says of one judgment: a [`TierOutcome`] that borrows its words
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierOutcomeRef<'o> {
    /// The tier.
    pub tier: Tier,
    /// The rule and the arm that decided; `None` when the fallback did.
    pub decided_by: Option<&'o DecidedBy>,
    /// The conditions that held, or what the fallback missed.
    pub reason: &'o str,
}

impl TierPolicy {
    /// Compiles the policy for deciding many judgments with their reasons; takes microseconds at usual size.
    pub fn compile_outcomes(&self) -> OutcomeGrid {
        let (score_cuts, balance_cuts) =
            (score_cuts(self.score_bounds()), balance_cuts(self.balance_bounds()));
        let counts = signal_sets().map(|signals| signals.count_of(self.assets));
        let arms: Vec<(&Arm, u16)> = self.arms().map(|(_, arm)| arm).zip(1..).collect();
        let deciders = self.rules.iter().flat_map(|rule| {
            (0..).zip(&rule.arms).map(|(place, arm)| {
                let decided_by = Some(DecidedBy { rule: rule.id.clone(), arm: place });
                (Decider { tier: rule.tier, decided_by }, Words::of(arm))
            })
        });
        OutcomeGrid {
            assets: self.assets,
            deciders: deciders.collect(),
            fallback: Fallback::of(self, &score_cuts, &balance_cuts),
            arms: Grid::of_arms(&score_cuts, &balance_cuts, counts, 0, &arms),
        }
    }
}

impl Words {
    fn of(arm: &Arm) -> Words {
        let relation = |measure: Measure| {
            let span = measure.span(arm);
            (!span.is_open()).then(|| Piece::new(&measure.within_text(span)))
        };
        let (score, balance) = (relation(Measure::Score), relation(Measure::Balance));
        let separator = if score.is_some() || balance.is_some() { SEPARATOR } else { "" };
        let signals = match arm.signals_min {
            0 => [Piece::default(); 5],
            1 => [Piece::new(&format!("{separator}has_asset_hints")); 5],
            _ => COUNTS.map(|count| Piece::new(&format!("{separator}asset_signals={count}"))),
        };
        Words { score, balance, signals }
    }
}

impl Fallback {
    fn of(policy: &TierPolicy, score_cuts: &[u16], balance_cuts: &[i64]) -> Fallback {
        // Whatever holds where a band begins holds in all of it.
        let relations = |measure: Measure, starts: &mut dyn Iterator<Item = i64>| -> Vec<Option<Piece>> {
            let spans = Spans::of(policy, measure);
            std::iter::once(0)
                .chain(starts)
                .map(|value| spans.relation(measure, value).map(|relation| Piece::new(&relation)))
                .collect()
        };
        let score = relations(Measure::Score, &mut score_cuts.iter().copied().map(i64::from));
        let balance = relations(Measure::Balance, &mut balance_cuts.iter().copied());

        let is_spoken_of = |relations: &[Option<Piece>]| relations.iter().any(Option::is_some);
        let (separator, nothing) = match is_spoken_of(&score) || is_spoken_of(&balance) {
            true => (SEPARATOR, ""),
            false => ("", NO_RULES),
        };
        let needs = needs(policy, score_cuts, balance_cuts);
        let signals = COUNTS.map(|need| match need {
            0 => [Piece::new(nothing); 5],
            _ if !needs.contains(&need) => [Piece::default(); 5],
            _ => COUNTS.map(|count| Piece::new(&format!("{separator}asset_signals={count}<{need}"))),
        });
        Fallback {
            decider: Decider { tier: policy.fallback, decided_by: None },
            needs,
            score,
            balance,
            signals,
        }
    }
}

fn needs(policy: &TierPolicy, score_cuts: &[u16], balance_cuts: &[i64]) -> Vec<u8> {
    let mut arms: Vec<&Arm> = policy.arms().map(|(_, arm)| arm).collect();
    // What is filled last stands.
    arms.sort_by_key(|arm| std::cmp::Reverse(arm.signals_min));
    let width = score_cuts.len() + 1;
    let mut needs = vec![0; width * (balance_cuts.len() + 1)];
    for arm in arms {
        Rectangle::of(arm, score_cuts, balance_cuts).fill(&mut needs, width, arm.signals_min);
    }
    needs
}

impl OutcomeGrid {
    /// Decides every judgment.
    pub fn evaluate(&self, judgments: impl IntoIterator<Item = JudgmentFacts>) -> TierOutcomes<'_> {
        let judgments = judgments.into_iter();
        let mut rows = Vec::with_capacity(judgments.size_hint().0);
        let mut reasons = Text::with_room(judgments.size_hint().0);
        for facts in judgments {
            let decider = self.decide(&facts, &mut reasons);
            rows.push((decider, reasons.length));
        }
        TierOutcomes { grid: self, rows, reasons: reasons.into_string() }
    }

    /// Finds the decider and writes the reason.
    #[inline(always)]
    fn decide(&self, facts: &JudgmentFacts, reason: &mut Text) -> u16 {
        let score_band = self.arms.score_band(facts.score.map_or(0, Score::hundredths));
        let balance_band = self.arms.balance_band(facts.balance.map_or(0, Cents::cents));
        let decider = self.arms.code_at(score_band, balance_band, facts.signals.bits());
        let count = usize::from(facts.signals.count_of(self.assets));
        let (score, balance, signals) = match self.words(decider) {
            Some(words) => (words.score.as_ref(), words.balance.as_ref(), words.signals.get(count)),
            None => {
                let Fallback { score, balance, needs, signals, .. } = &self.fallback;
                let cell = balance_band as usize * score.len() + score_band as usize;
                let need = needs.get(cell).copied().unwrap_or(0);
                (
                    score.get(score_band as usize).and_then(Option::as_ref),
                    balance.get(balance_band as usize).and_then(Option::as_ref),
                    signals.get(usize::from(need)).and_then(|of_need| of_need.get(count)),
                )
            }
        };
        reason.make_room();
        if let Some(relation) = score {
            match facts.score {
                Some(score) => {
                    reason.push(&reason.stock.score);
                    reason.push_score(score);
                    reason.push(relation);
                }
                None => reason.push(&reason.stock.score_missing),
            }
        }
        if let Some(relation) = balance {
            if score.is_some() {
                reason.push(&reason.stock.separator);
            }
            match facts.balance {
                Some(balance) => {
                    reason.push(&reason.stock.balance);
                    reason.push_money(balance);
                    reason.push(relation);
                }
                None => reason.push(&reason.stock.balance_missing),
            }
        }
        if let Some(signals) = signals {
            reason.push(signals);
        }
        decider
    }

    /// `None` for the fallback.
    fn words(&self, decider: u16) -> Option<&Words> {
        self.deciders.get(usize::from(decider).checked_sub(1)?).map(|(_, words)| words)
    }

    fn decider(&self, decider: u16) -> &Decider {
        let of_arm = usize::from(decider).checked_sub(1).and_then(|place| self.deciders.get(place));
        of_arm.map_or(&self.fallback.decider, |(decider, _)| decider)
    }
}

impl TierOutcomes<'_> {
    /// How many judgments there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no judgment.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The outcomes in the order of the judgments.
    pub fn iter(&self) -> impl Iterator<Item = TierOutcomeRef<'_>> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|(_, end)| *end));
        starts.zip(&self.rows).map(|(start, (decider, end))| {
            let Decider { tier, decided_by } = self.grid.decider(*decider);
            let reason = self.reasons.get(start..*end).unwrap_or_default();
            TierOutcomeRef { tier: *tier, decided_by: decided_by.as_ref(), reason }
        })
    }
}

impl From<TierOutcomeRef<'_>> for TierOutcome {
    fn from(TierOutcomeRef { tier, decided_by, reason }: TierOutcomeRef<'_>) -> TierOutcome {
        TierOutcome { tier, decided_by: decided_by.cloned(), reason: reason.to_owned() }
    }
}

/// The numbers of signals that there may be.
const COUNTS: [u8; 5] = [0, 1, 2, 3, 4];

/// A short ASCII text in a block that is copied whole, since a copy of a fixed size is a few instructions
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    halves: [[u8; Piece::HALF]; 2],
    length: usize,
}

impl Piece {
    const HALF: usize = 32;

    /// Takes at most 64 bytes: the longest range of balances, ` in [999,999,999,998.99,999,999,999,999.99)`, has 43.
    fn new(text: &str) -> Piece {
        let mut halves = [[0; Piece::HALF]; 2];
        let places = halves.as_flattened_mut().iter_mut();
        let length = places.zip(text.bytes()).map(|(place, byte)| *place = byte).count();
        Piece { halves, length }
    }
}

/// Up to four characters of a number
#[derive(Debug, Clone, Copy, Default)]
struct Digits {
    text: [u8; 4],
    length: u8,
}

impl Digits {
    fn new(text: &str) -> Digits {
        let Piece { halves, length } = Piece::new(text);
        let text = halves.as_flattened().first_chunk().copied().unwrap_or_default();
        Digits { text, length: length as u8 }
    }
}

/// What reasons of every policy are made of
struct Stock {
    score: Piece,
    score_missing: Piece,
    balance: Piece,
    balance_missing: Piece,
    separator: Piece,
    /// `0` to `999`.
    whole: [Digits; 1000],
    /// `,000` to `,999`.
    group: [Digits; 1000],
    /// Of a score, nothing to `.99`.
    points: [Digits; 100],
    /// Of money, nothing to `.99`.
    cents: [Digits; 100],
}

static STOCK: LazyLock<Stock> = LazyLock::new(|| Stock {
    score: Piece::new(&format!("{}=", Measure::Score.name())),
    score_missing: Piece::new(&format!("{} missing", Measure::Score.name())),
    balance: Piece::new(&format!("{}=$", Measure::Balance.name())),
    balance_missing: Piece::new(&format!("{} missing", Measure::Balance.name())),
    separator: Piece::new(SEPARATOR),
    whole: array::from_fn(|number| Digits::new(&number.to_string())),
    group: array::from_fn(|number| Digits::new(&format!(",{number:03}"))),
    points: array::from_fn(|number| match (number / 10, number % 10) {
        (0, 0) => Digits::default(),
        (tenths, 0) => Digits::new(&format!(".{tenths}")),
        _ => Digits::new(&format!(".{number:02}")),
    }),
    cents: array::from_fn(|number| match number {
        0 => Digits::default(),
        _ => Digits::new(&format!(".{number:02}")),
    }),
});

/// Text that grows by blocks: each is copied whole, and the next one over what was too much of it
struct Text {
    stock: &'static Stock,
    /// At least as long as the text; what stands behind it is of no account.
    bytes: Vec<u8>,
    length: usize,
}

impl Text {
    /// More than the longest reason and a block.
    const ROOM: usize = 512;

    /// What most reasons are shorter than.
    const USUAL: usize = 64;

    fn with_room(reasons: usize) -> Text {
        Text { stock: &STOCK, bytes: vec![0; reasons.saturating_mul(Text::USUAL) + Text::ROOM], length: 0 }
    }

    /// Makes room for one reason; comes before each.
    #[inline(always)]
    fn make_room(&mut self) {
        if self.bytes.len() - self.length < Text::ROOM {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.bytes.resize(self.bytes.len() * 2 + 64 * Text::ROOM, 0);
    }

    #[inline(always)]
    fn push(&mut self, piece: &Piece) {
        let [first, second] = &piece.halves;
        self.copy(0, first);
        if piece.length > Piece::HALF {
            self.copy(Piece::HALF, second);
        }
        self.length += piece.length;
    }

    #[inline(always)]
    fn push_digits(&mut self, digits: Option<&Digits>) {
        if let Some(Digits { text, length }) = digits {
            self.copy(0, text);
            self.length += usize::from(*length);
        }
    }

    #[inline(always)]
    fn copy<const N: usize>(&mut self, ahead: usize, block: &[u8; N]) {
        let room = self.bytes.get_mut(self.length + ahead..).and_then(<[u8]>::first_chunk_mut);
        if let Some(room) = room {
            *room = *block;
        }
    }

    /// As [`Score`] displays: `79.6`.
    #[inline(always)]
    fn push_score(&mut self, score: Score) {
        let hundredths = usize::from(score.hundredths());
        self.push_digits(self.stock.whole.get(hundredths / 100));
        self.push_digits(self.stock.points.get(hundredths % 100));
    }

    /// As [`Cents`] displays: `49,999.99`.
    #[inline(always)]
    fn push_money(&mut self, money: Cents) {
        let stock = self.stock;
        let cents = money.cents().unsigned_abs();
        let (dollars, cents) = (cents / 100, cents % 100);
        let [thousands, millions, billions] = [dollars / 1_000, dollars / 1_000_000, dollars / 1_000_000_000];
        let group = |number: u64| stock.group.get((number % 1_000) as usize);
        // Nothing has more than 999 billions.
        self.push_digits(stock.whole.get(match (billions, millions, thousands) {
            (0, 0, 0) => dollars,
            (0, 0, thousands) => thousands,
            (0, millions, _) => millions,
            (billions, ..) => billions,
        } as usize));
        if billions > 0 {
            self.push_digits(group(millions));
        }
        if millions > 0 {
            self.push_digits(group(thousands));
        }
        if thousands > 0 {
            self.push_digits(group(dollars));
        }
        self.push_digits(stock.cents.get(cents as usize));
    }

    fn into_string(mut self) -> String {
        self.bytes.truncate(self.length);
        // Nothing but ASCII was pushed.
        String::from_utf8(self.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tier::TierPolicyDocument;

    #[track_caller]
    fn check(policy: &TierPolicy, facts: &[JudgmentFacts]) {
        let grid = policy.compile_outcomes();
        let outcomes = grid.evaluate(facts.iter().copied());
        assert_eq!(outcomes.len(), facts.len());
        for (facts, outcome) in facts.iter().zip(outcomes.iter()) {
            assert_eq!(TierOutcome::from(outcome), policy.evaluate(facts), "{facts:?}");
        }
    }

    #[test]
    fn outcomes_are_those_of_the_rules_at_every_limit() {
        for policy in [TierPolicy::revision_1(), TierPolicy::monotone_draft()] {
            check(&policy, &policy.boundary_facts().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_longest_words_fit() {
        let document: TierPolicyDocument = serde_json::from_str(
            r#"{"rules": [{"id": "a", "tier": 1, "any": [{"score_from": "10.01", "score_below": "99.98",
                "balance_from": "999999999998.99", "balance_below": "999999999999.99", "signals_min": 2}]}],
                "fallback": 0}"#,
        )
        .unwrap();
        let policy = TierPolicy::try_from(document).unwrap();
        let facts: Vec<JudgmentFacts> = policy.boundary_facts().collect();
        check(&policy, &facts);
        let grid = policy.compile_outcomes();
        let longest = grid.evaluate(facts).iter().map(|outcome| outcome.reason.len()).max();
        assert_eq!(longest, Some(134));
    }

    #[test]
    fn money_and_scores_are_written_as_they_display() {
        let mut text = Text::with_room(0);
        let mut expected = String::new();
        let powers = (0..14).map(|power| 10_i64.pow(power));
        let amounts = powers.flat_map(|power| [power - 1, power, power + 1, power * 7 + power / 3]);
        for cents in amounts.chain([Cents::MAX.cents()]).filter_map(Cents::from_cents) {
            text.make_room();
            text.push_money(cents);
            expected += &cents.to_string();
        }
        for score in (0..=10_000).filter_map(Score::from_hundredths) {
            text.make_room();
            text.push_score(score);
            expected += &score.to_string();
        }
        assert_eq!(text.into_string(), expected);
    }

    #[test]
    fn a_policy_without_rules_says_so() {
        let policy = TierPolicy::from_json(r#"{"rules": [], "fallback": 2}"#).unwrap();
        check(&policy, &[JudgmentFacts::default()]);
    }
}
