//! What a draft does to every judgment of a snapshot: computed here, in the browser, on every edit.

use contract::SnapshotMeta;
use policy::portfolio::{Portfolio, StaleTiers, TierMigration, TierTotal};
use policy::tier::{
    AssetSignals, Cents, JudgmentFacts, MapCell, Score, Tier, TierGrid, TierPolicy, TierPolicyDocument,
};
use std::sync::{Arc, OnceLock};

/// The portfolio of one moment, and its rows in the orders in which lists show them
#[derive(Debug)]
pub struct Snapshot {
    pub meta: SnapshotMeta,
    pub portfolio: Portfolio,
    by_balance: OnceLock<Order>,
    by_score: OnceLock<Order>,
}

/// Rows in the order of a column, sorted once: an edit only has to put the few that move in their places
#[derive(Debug)]
struct Order {
    rows: Vec<u32>,
    /// The place of each row in `rows`.
    places: Vec<u32>,
}

impl Snapshot {
    pub fn new(meta: SnapshotMeta, portfolio: Portfolio) -> Self {
        Self { meta, portfolio, by_balance: OnceLock::new(), by_score: OnceLock::new() }
    }

    /// `None` is the order of the rows.
    fn order(&self, key: &str) -> Option<&Order> {
        let columns = self.portfolio.columns();
        match key {
            "balance" => {
                Some(self.by_balance.get_or_init(|| Order::of(columns.balance_cents.iter().copied())))
            }
            "score" => {
                Some(self.by_score.get_or_init(|| Order::of(columns.score.iter().copied().map(i64::from))))
            }
            _ => None,
        }
    }
}

impl Order {
    /// Ascending.
    fn of(column: impl Iterator<Item = i64>) -> Self {
        let mut keyed: Vec<(i64, u32)> = column.zip(0..).collect();
        keyed.sort_unstable();
        let rows: Vec<u32> = keyed.into_iter().map(|(_, row)| row).collect();
        let mut places = vec![0; rows.len()];
        for (place, row) in (0..).zip(&rows) {
            if let Some(slot) = places.get_mut(*row as usize) {
                *slot = place;
            }
        }
        Self { rows, places }
    }

    /// Puts rows in order, each of which comes once: marks their places and walks these, 64 at a time.
    fn sort(&self, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut marks = vec![0_u64; self.rows.len().div_ceil(64)];
        for row in rows {
            let place = self.places.get(row as usize).copied().unwrap_or_default() as usize;
            if let Some(mark) = marks.get_mut(place / 64) {
                *mark |= 1 << (place % 64);
            }
        }
        let mut sorted = Vec::new();
        for (mut mark, rows) in marks.into_iter().zip(self.rows.chunks(64)) {
            while mark != 0 {
                sorted.extend(rows.get(mark.trailing_zeros() as usize));
                mark &= mark - 1;
            }
        }
        sorted
    }
}

/// The published policy over a snapshot: what every edit is compared with, evaluated once
#[derive(Debug)]
pub struct Before {
    pub snapshot: Arc<Snapshot>,
    pub policy: TierPolicy,
    pub effective: [TierTotal; 4],
    pub stale: StaleTiers,
    grid: TierGrid,
    tiers: Vec<u8>,
}

impl Before {
    pub fn new(snapshot: Arc<Snapshot>, policy: TierPolicy) -> Self {
        let grid = policy.compile();
        Self {
            tiers: grid.evaluate(&snapshot.portfolio),
            effective: TierMigration::effective_totals(&grid, &snapshot.portfolio),
            stale: TierMigration::stale(&grid, &snapshot.portfolio),
            snapshot,
            policy,
            grid,
        }
    }
}

/// The outcome of one edit
#[derive(Debug)]
pub struct Simulation {
    pub before: Arc<Before>,
    pub after: TierPolicy,
    pub migration: TierMigration,
    pub before_totals: [TierTotal; 4],
    pub after_totals: [TierTotal; 4],
    pub effective: [TierTotal; 4],
    grid: TierGrid,
}

impl Simulation {
    pub fn run(before: Arc<Before>, after: TierPolicy) -> Self {
        let grid = after.compile();
        let portfolio = &before.snapshot.portfolio;
        let migration = TierMigration::between(&before.grid, &grid, portfolio);
        Self {
            before_totals: migration.before_totals(),
            after_totals: migration.after_totals(),
            effective: migration.effective_after_totals(&grid, portfolio),
            migration,
            before,
            after,
            grid,
        }
    }

    pub fn portfolio(&self) -> &Portfolio {
        &self.before.snapshot.portfolio
    }

    /// The tier number that the draft gives each row.
    pub fn tiers(&self) -> Vec<u8> {
        self.grid.evaluate(self.portfolio())
    }

    /// Judgments that change tier, and their balance in cents.
    pub fn moved(&self) -> (u64, i64) {
        let cents = &self.portfolio().columns().balance_cents;
        let total = self.migration.moved.iter().filter_map(|row| cents.get(*row as usize)).sum();
        (self.migration.moved.len() as u64, total)
    }

    /// The rows that move and that `filter` keeps, in the order of `sort` (a key; a leading `-` descends).
    pub fn swap_set(&self, filter: SwapFilter, sort: &str) -> Vec<u32> {
        let (key, descends) = sort.strip_prefix('-').map_or((sort, false), |key| (key, true));
        let counted = self.after.assets();
        let kept = |row: u32| {
            let pair = |holds: &dyn Fn(Tier, Tier) -> bool| {
                self.pair(row).is_some_and(|(before, after)| holds(before, after))
            };
            match filter {
                SwapFilter::All => true,
                SwapFilter::Up => pair(&|before, after| after > before),
                SwapFilter::Down => pair(&|before, after| after < before),
                SwapFilter::Cell(from, to) => pair(&|before, after| (before, after) == (from, to)),
                SwapFilter::Area(area) => {
                    self.portfolio().facts(row).is_some_and(|facts| area.contains(&facts, counted))
                }
            }
        };
        let kept = self.migration.moved.iter().copied().filter(|row| kept(*row));
        let mut rows = match self.before.snapshot.order(key) {
            None => kept.collect(),
            Some(order) => order.sort(kept),
        };
        if descends {
            rows.reverse();
        }
        rows
    }

    /// The tiers of a row before and after.
    fn pair(&self, row: u32) -> Option<(Tier, Tier)> {
        let before = Tier::try_from(*self.before.tiers.get(row as usize)?).ok()?;
        Some((before, self.grid.tier_of(&self.portfolio().facts(row)?)))
    }

    /// The policy map for judgments with so many assets: both policies' tiers over score × balance.
    pub fn map(&self, assets: u8) -> Vec<MapCell> {
        let signals = self.after.document().asset_signals.iter().copied().take(assets.into()).collect();
        TierGrid::map(&self.before.grid, &self.grid, signals)
    }

    /// The snapshot's facts of the published policy against the draft, for a row that is looked at.
    pub fn row(&self, row: u32) -> Option<SwapRow> {
        let facts = self.portfolio().facts(row)?;
        let (before, after) = (self.before.policy.evaluate(&facts), self.after.evaluate(&facts));
        Some(SwapRow {
            judgment_no: self.portfolio().judgment_no(row)?,
            before: (before.tier, before.reason),
            after: (after.tier, after.reason),
            facts,
        })
    }
}

/// Which moves a list shows
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapFilter {
    All,
    Up,
    Down,
    Cell(Tier, Tier),
    Area(MapArea),
}

/// A rectangle of the policy map: scores in hundredths, balances in cents, ends excluded, and a number of assets
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapArea {
    pub score: (u16, u16),
    pub balance: (i64, i64),
    pub assets: u8,
}

impl MapArea {
    fn contains(&self, facts: &JudgmentFacts, counted: AssetSignals) -> bool {
        let score = facts.score.map_or(0, Score::hundredths);
        let balance = facts.balance.map_or(0, Cents::cents);
        (self.score.0..self.score.1).contains(&score)
            && (self.balance.0..self.balance.1).contains(&balance)
            && facts.signals.count_of(counted) == self.assets
    }
}

/// A judgment that moves
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapRow {
    pub judgment_no: u64,
    pub facts: JudgmentFacts,
    pub before: (Tier, String),
    pub after: (Tier, String),
}

/// One difference between the published policy and the draft
#[derive(Debug, Clone)]
pub struct PolicyEdit {
    /// `rule t2 score 60→58`.
    pub label: String,
    /// The draft without this edit, where that is a policy.
    without: Option<TierGrid>,
    /// The published policy with this edit alone, where that is a policy.
    alone: Option<TierGrid>,
}

/// Every difference between two documents, each of which can be taken back by itself
pub fn edits(published: &TierPolicyDocument, draft: &TierPolicyDocument) -> Vec<PolicyEdit> {
    let mut edits = Vec::new();
    let mut push = |label: String, take: &dyn Fn(&mut TierPolicyDocument, &TierPolicyDocument)| {
        let changed = |onto: &TierPolicyDocument, from: &TierPolicyDocument| {
            let mut document = onto.clone();
            take(&mut document, from);
            TierPolicy::try_from(document).ok().map(|policy| policy.compile())
        };
        edits.push(PolicyEdit {
            label,
            without: changed(draft, published),
            alone: changed(published, draft),
        });
    };
    for (name, after) in &draft.limits {
        match published.limits.get(name) {
            Some(before) if !same_number(before, after) => {
                push(format!("{} {before}→{after}", limit_label(draft, name)), &|document, from| {
                    if let Some(value) = from.limits.get(name) {
                        document.limits.insert(name.clone(), value.clone());
                    }
                })
            }
            Some(_) => {}
            None => push(format!("limit {name}"), &|document, from| match from.limits.get(name) {
                Some(value) => drop(document.limits.insert(name.clone(), value.clone())),
                None => drop(document.limits.remove(name)),
            }),
        }
    }
    if published.asset_signals != draft.asset_signals {
        push("what counts as an asset".to_owned(), &|document, from| {
            document.asset_signals.clone_from(&from.asset_signals)
        });
    }
    for rule in &draft.rules {
        let Some(base) = published.rules.iter().find(|base| base.id == rule.id) else {
            push(format!("rule {}", rule.id), &|document, from| document.rules.clone_from(&from.rules));
            continue;
        };
        if base == rule {
            continue;
        }
        let take = |document: &mut TierPolicyDocument, from: &TierPolicyDocument| {
            let theirs = from.rules.iter().find(|theirs| theirs.id == rule.id);
            if let (Some(ours), Some(theirs)) =
                (document.rules.iter_mut().find(|ours| ours.id == rule.id), theirs)
            {
                ours.clone_from(theirs);
            }
        };
        push(format!("rule {} {}", rule.id, rule_change(base, rule)), &take);
    }
    if published.fallback != draft.fallback {
        push("everything else".to_owned(), &|document, from| document.fallback = from.fallback);
    }
    edits
}

fn same_number(a: &str, b: &str) -> bool {
    a == b
        || matches!((crate::format::parse_cents(a), crate::format::parse_cents(b)), (Some(a), Some(b)) if a == b)
}

/// `rule t2 score` for the limit from which a rule's arm begins, else the limit's own name.
fn limit_label(document: &TierPolicyDocument, name: &str) -> String {
    let named = |bound: &Option<String>| bound.as_deref() == Some(name);
    document
        .rules
        .iter()
        .find_map(|rule| {
            let fact = rule.any.iter().find_map(|arm| {
                if named(&arm.score_from) {
                    Some("score")
                } else {
                    named(&arm.balance_from).then_some("balance")
                }
            })?;
            Some(format!("rule {} {fact}", rule.id))
        })
        .unwrap_or_else(|| format!("limit {name}"))
}

fn rule_change(before: &policy::tier::TierRuleDocument, after: &policy::tier::TierRuleDocument) -> String {
    if before.any.len() != after.any.len() {
        return "conditions".to_owned();
    }
    let mut changes = Vec::new();
    for (before, after) in before.any.iter().zip(&after.any) {
        if before.signals_min != after.signals_min {
            let shown =
                |signals: Option<u8>| signals.map_or_else(|| "any".to_owned(), |signals| signals.to_string());
            changes.push(format!("assets {}→{}", shown(before.signals_min), shown(after.signals_min)));
        }
        if before.score_below.is_some() && after.score_below.is_none() {
            changes.push("score no longer capped".to_owned());
        }
        if before.balance_below.is_some() && after.balance_below.is_none() {
            changes.push("balance no longer capped".to_owned());
        }
    }
    if changes.is_empty() { "conditions".to_owned() } else { changes.join(", ") }
}

/// Which edits move a judgment: those without which it would stay out of its new tier
///
/// Where no single edit is needed, those that move it by themselves; where none does, they do it together.
pub fn moved_by(edits: &[PolicyEdit], facts: &JudgmentFacts, before: Tier, after: Tier) -> String {
    let needed =
        edits.iter().filter(|edit| edit.without.as_ref().is_some_and(|grid| grid.tier_of(facts) != after));
    let enough =
        edits.iter().filter(|edit| edit.alone.as_ref().is_some_and(|grid| grid.tier_of(facts) != before));
    let labels =
        |edits: Vec<&PolicyEdit>| edits.iter().map(|edit| edit.label.as_str()).collect::<Vec<_>>().join("; ");
    let needed: Vec<_> = needed.collect();
    if !needed.is_empty() {
        return labels(needed);
    }
    let enough: Vec<_> = enough.collect();
    if enough.is_empty() { "several edits together".to_owned() } else { labels(enough) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::portfolio::PortfolioColumns;

    fn facts(score: u16, cents: i64, signals: u8) -> JudgmentFacts {
        JudgmentFacts {
            score: Score::from_hundredths(score),
            balance: Cents::from_cents(cents),
            signals: AssetSignals::from_bits(signals),
        }
    }

    fn simulation(rows: &[JudgmentFacts], edit: impl Fn(&mut TierPolicyDocument)) -> Simulation {
        let mut columns = PortfolioColumns::default();
        for (judgment_no, facts) in (1..).zip(rows) {
            columns.push(judgment_no, facts, None, None);
        }
        let portfolio = Portfolio::from_columns(columns).unwrap();
        let meta = SnapshotMeta {
            snapshot: String::new(),
            digest: portfolio.digest(),
            taken_at: String::new(),
            rows: portfolio.len(),
        };
        let before = Before::new(Arc::new(Snapshot::new(meta, portfolio)), TierPolicy::revision_1());
        let mut document = TierPolicy::revision_1().document().clone();
        edit(&mut document);
        Simulation::run(Arc::new(before), document.try_into().unwrap())
    }

    fn set(document: &mut TierPolicyDocument, name: &str, value: &str) {
        document.limits.insert(name.to_owned(), value.to_owned());
    }

    #[test]
    fn the_swap_set_is_what_moves_in_the_order_asked_for() {
        let rows =
            [facts(5_800, 100, 0), facts(2_000, 5_000_00, 0), facts(5_900, 900_00, 0), facts(9_000, 100, 0)];
        let outcome = simulation(&rows, |document| set(document, "score_2", "58"));
        assert_eq!(outcome.swap_set(SwapFilter::All, "judgment"), [0, 2]);
        assert_eq!(outcome.swap_set(SwapFilter::All, "-balance"), [2, 0]);
        assert_eq!(outcome.swap_set(SwapFilter::Up, "score"), [0, 2]);
        assert_eq!(outcome.swap_set(SwapFilter::Down, "score"), [0_u32; 0]);
        assert_eq!(
            outcome.swap_set(SwapFilter::Cell(Tier::WarmProspects, Tier::ActiveEnforcement), "-score"),
            [2, 0]
        );
        assert_eq!(outcome.moved(), (2, 901_00));
    }

    #[test]
    fn a_move_names_the_edit_that_it_needs() {
        let outcome = simulation(&[facts(5_800, 100, 0)], |document| {
            set(document, "score_2", "58");
            set(document, "balance_1", "4000");
        });
        let edits = edits(outcome.before.policy.document(), outcome.after.document());
        assert_eq!(
            edits.iter().map(|edit| edit.label.as_str()).collect::<Vec<_>>(),
            ["rule t1 balance 5000→4000", "rule t2 score 60→58"]
        );
        let row = outcome.row(0).unwrap();
        assert_eq!(moved_by(&edits, &row.facts, row.before.0, row.after.0), "rule t2 score 60→58");
    }

    #[test]
    fn a_number_spelled_differently_is_no_edit() {
        let published = TierPolicy::revision_1().document().clone();
        let mut draft = published.clone();
        set(&mut draft, "score_2", "60.00");
        assert!(edits(&published, &draft).is_empty());
    }
}
