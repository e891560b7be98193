//! What a draft does to every judgment of a snapshot: computed here, in the browser, on every edit.

use super::decision_table::{is_same_number, rule_change, unused};
use contract::SnapshotMeta;
use policy::portfolio::{NO_TIER, Portfolio, Shelves, StaleTiers, TierFlow, TierMigration, TierTotal};
use policy::tier::{
    AssetSignals, Cents, JudgmentFacts, MapCell, Score, Tier, TierGrid, TierPolicy, TierPolicyDocument,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// The portfolio of one moment, and its rows in the orders in which lists show them
#[derive(Debug)]
pub struct Snapshot {
    pub meta: SnapshotMeta,
    pub portfolio: Portfolio,
    by_balance: OnceLock<Order>,
    by_score: OnceLock<Order>,
    /// By which an edit finds the judgments that it can move.
    shelves: Shelves,
    /// Until when the rows that have an override have it.
    override_ends: BTreeMap<u32, String>,
}

/// Rows in the order of a column, sorted once: an edit only has to put the few that move in their places
#[derive(Debug)]
struct Order {
    rows: Vec<u32>,
    /// The place of each row in `rows`.
    places: Vec<u32>,
}

impl Snapshot {
    pub fn new(mut meta: SnapshotMeta, portfolio: Portfolio) -> Self {
        let tiers = (0..).zip(&portfolio.columns().override_tier);
        let rows = tiers.filter(|(_, tier)| **tier != NO_TIER).map(|(row, _)| row);
        Self {
            override_ends: rows.zip(std::mem::take(&mut meta.override_ends)).collect(),
            meta,
            portfolio,
            by_balance: OnceLock::new(),
            by_score: OnceLock::new(),
            shelves: Shelves::default(),
        }
    }

    /// The row of a judgment, if it is among them.
    pub fn row_of(&self, judgment_no: u64) -> Option<u32> {
        let row = self.portfolio.columns().judgment_no.binary_search(&judgment_no).ok()?;
        u32::try_from(row).ok()
    }

    /// The tier that somebody has given a row, and until when.
    pub fn overriding(&self, row: u32) -> Option<Override> {
        let tier = self.portfolio.override_tier(row)?;
        Some(Override { tier, until: self.override_ends.get(&row).cloned() })
    }

    /// Rows, each of which comes once and in their own order, in that of a column.
    fn sort(&self, key: &str, rows: Vec<u32>) -> Vec<u32> {
        let columns = self.portfolio.columns();
        match key {
            "balance" => self.sort_by(&self.by_balance, &columns.balance_cents, rows),
            "score" => self.sort_by(&self.by_score, &columns.score, rows),
            _ => rows,
        }
    }

    fn sort_by<T: Copy + Into<i64>>(
        &self,
        order: &OnceLock<Order>,
        column: &[T],
        rows: Vec<u32>,
    ) -> Vec<u32> {
        // To sort the portfolio takes a tenth of a second for a million: a drag is not kept waiting for it.
        if order.get().is_none() && rows.len() < column.len() / 8 {
            let value = |row: &u32| column.get(*row as usize).map(|value| (*value).into());
            let mut keyed: Vec<(Option<i64>, u32)> = rows.iter().map(|row| (value(row), *row)).collect();
            keyed.sort_unstable();
            return keyed.into_iter().map(|(_, row)| row).collect();
        }
        order.get_or_init(|| Order::of(column.iter().map(|value| (*value).into()))).sort(rows)
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
    fn sort(&self, rows: Vec<u32>) -> Vec<u32> {
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

/// The outcome of one edit; equal to itself alone
#[derive(Debug)]
pub struct Simulation {
    pub before: Arc<Before>,
    pub after: TierPolicy,
    pub flow: TierFlow,
    grid: TierGrid,
    /// The rows that change tier; a drag asks for them only when it rests.
    moved_rows: OnceLock<Vec<u32>>,
    /// The tier of every row; only a publish and lists that show more than what moves ask for it.
    after_tiers: OnceLock<Vec<u8>>,
}

impl PartialEq for Simulation {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Simulation {
    pub fn run(before: Arc<Before>, after: TierPolicy) -> Self {
        let grid = after.compile();
        let migration = TierMigration::between(&before.grid, &grid, &before.snapshot.portfolio);
        let flow = TierFlow::of(&migration, &grid, &before.snapshot.portfolio);
        let moved_rows = OnceLock::from(migration.moved);
        Self { before, after, flow, grid, moved_rows, after_tiers: OnceLock::new() }
    }

    /// The outcome of the next edit: the same as [`run`](Self::run) gives, from what this edit changes in the last
    pub fn next(&self, after: TierPolicy) -> Self {
        let grid = after.compile();
        let Snapshot { portfolio, shelves, .. } = &*self.before.snapshot;
        let flow = self.flow.step(&self.before.grid, [&self.grid, &grid], portfolio, shelves);
        let before = Arc::clone(&self.before);
        Self { before, after, flow, grid, moved_rows: OnceLock::new(), after_tiers: OnceLock::new() }
    }

    pub fn portfolio(&self) -> &Portfolio {
        &self.before.snapshot.portfolio
    }

    /// The tier number that the draft gives each row.
    pub fn tiers(&self) -> &[u8] {
        self.after_tiers.get_or_init(|| self.grid.evaluate(self.portfolio()))
    }

    /// The rows that change tier, ascending.
    pub fn moved_rows(&self) -> &[u32] {
        self.moved_rows
            .get_or_init(|| TierMigration::between(&self.before.grid, &self.grid, self.portfolio()).moved)
    }

    /// Until when the judgments that move, but keep their effective tier by an override, have it
    pub fn overridden_moves(&self) -> Vec<&str> {
        let ends = &self.before.snapshot.override_ends;
        let moves = |row: u32| self.pair_alone(row).is_some_and(|(before, after)| before != after);
        ends.iter().filter(|(row, _)| moves(**row)).map(|(_, until)| until.as_str()).collect()
    }

    /// The tiers of a row before and after, without tiering all the others.
    fn pair_alone(&self, row: u32) -> Option<(Tier, Tier)> {
        let before = Tier::try_from(*self.before.tiers.get(row as usize)?).ok()?;
        Some((before, self.grid.tier_of(&self.portfolio().facts(row)?)))
    }

    /// The rows that `filter` keeps, in the order of `sort` (a key; a leading `-` descends).
    pub fn swap_set(&self, filter: &SwapFilter, sort: &str) -> Vec<u32> {
        let (key, descends) = sort.strip_prefix('-').map_or((sort, false), |key| (key, true));
        let keeps = self.keeps(filter);
        let candidates: Box<dyn Iterator<Item = u32>> = if filter.has_stays() {
            Box::new(0..self.portfolio().len())
        } else {
            Box::new(self.moved_rows().iter().copied())
        };
        let mut rows = self.before.snapshot.sort(key, candidates.filter(|row| keeps(*row)).collect());
        if descends {
            rows.reverse();
        }
        rows
    }

    /// Whether a row, one that moves unless the filter has those that stay, is kept.
    fn keeps<'a>(&'a self, filter: &'a SwapFilter) -> Box<dyn Fn(u32) -> bool + 'a> {
        let pair = move |holds: Box<dyn Fn(Tier, Tier) -> bool + 'a>| -> Box<dyn Fn(u32) -> bool + 'a> {
            Box::new(move |row| self.pair(row).is_some_and(|(before, after)| holds(before, after)))
        };
        match filter {
            SwapFilter::All | SwapFilter::Everything => Box::new(|_| true),
            SwapFilter::Up => pair(Box::new(|before, after| after > before)),
            SwapFilter::Down => pair(Box::new(|before, after| after < before)),
            SwapFilter::Cell(from, to) => {
                pair(Box::new(move |before, after| (before, after) == (*from, *to)))
            }
            SwapFilter::Before(tier) => pair(Box::new(move |before, _| before == *tier)),
            SwapFilter::After(tier) => pair(Box::new(move |_, after| after == *tier)),
            SwapFilter::InOrOut(tier) => {
                pair(Box::new(move |before, after| (before == *tier) != (after == *tier)))
            }
            SwapFilter::Effective(tier) => Box::new(move |row| {
                let overriding = self.portfolio().override_tier(row);
                overriding.or_else(|| Some(self.pair(row)?.1)) == Some(*tier)
            }),
            SwapFilter::Overridden => Box::new(move |row| self.portfolio().override_tier(row).is_some()),
            SwapFilter::Rules(pair) => {
                let place = |policy: &TierPolicy, id: &Option<String>| match id {
                    None => Some(None),
                    Some(id) => rule_ids(policy).position(|rule| rule == id).map(|place| Some(place as u32)),
                };
                let (before, after) = (&self.before.policy, &self.after);
                // A rule that is gone decides nothing.
                let Some((from, to)) = place(before, &pair.before).zip(place(after, &pair.after)) else {
                    return Box::new(|_| false);
                };
                Box::new(move |row| {
                    self.portfolio().facts(row).is_some_and(|facts| {
                        before.deciding_rule(&facts) == from && after.deciding_rule(&facts) == to
                    })
                })
            }
            SwapFilter::Area(area) => {
                let counted = self.after.assets();
                Box::new(move |row| {
                    self.portfolio().facts(row).is_some_and(|facts| area.contains(&facts, counted))
                })
            }
        }
    }

    /// The pairs of rules that move judgments, and how many each, most first
    pub fn rule_pairs(&self) -> Vec<(RulePair, u32)> {
        let (before, after) = (&self.before.policy, &self.after);
        // The last place of each is the fallback's.
        let (from_count, to_count) = (rule_ids(before).count(), rule_ids(after).count());
        let mut counts = vec![0_u32; (from_count + 1) * (to_count + 1)];
        for facts in self.moved_rows().iter().filter_map(|row| self.portfolio().facts(*row)) {
            let from = before.deciding_rule(&facts).map_or(from_count, |place| place as usize);
            let to = after.deciding_rule(&facts).map_or(to_count, |place| place as usize);
            if let Some(count) = counts.get_mut(from * (to_count + 1) + to) {
                *count += 1;
            }
        }
        let id = |policy: &TierPolicy, place: usize| rule_ids(policy).nth(place).map(str::to_owned);
        let mut pairs: Vec<(RulePair, u32)> = (0..)
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .map(|(place, count): (usize, u32)| {
                let (from, to) = (place / (to_count + 1), place % (to_count + 1));
                (RulePair { before: id(before, from), after: id(after, to) }, count)
            })
            .collect();
        pairs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        pairs
    }

    /// The tiers of a row before and after.
    fn pair(&self, row: u32) -> Option<(Tier, Tier)> {
        let tier = |tiers: &[u8]| Tier::try_from(*tiers.get(row as usize)?).ok();
        Some((tier(&self.before.tiers)?, tier(self.tiers())?))
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
            rules: RulePair {
                before: before.decided_by.map(|by| by.rule),
                after: after.decided_by.map(|by| by.rule),
            },
            before: (before.tier, before.reason),
            after: (after.tier, after.reason),
            overriding: self.before.snapshot.overriding(row),
            facts,
        })
    }
}

fn rule_ids(policy: &TierPolicy) -> impl Iterator<Item = &str> {
    policy.document().rules.iter().map(|rule| rule.id.as_str())
}

/// The rules that decide before and after; without one, the fallback does
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePair {
    pub before: Option<String>,
    pub after: Option<String>,
}

impl std::fmt::Display for RulePair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [before, after] =
            [&self.before, &self.after].map(|rule| rule.as_deref().unwrap_or("everything else"));
        write!(f, "{before} → {after}")
    }
}

/// Which judgments a list shows: some of those that move, or of all
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwapFilter {
    /// Those that move.
    All,
    Up,
    Down,
    /// From a tier to a tier; those that stay where the two are one.
    Cell(Tier, Tier),
    /// Of a tier before, moving or not.
    Before(Tier),
    /// Of a tier after, moving or not.
    After(Tier),
    /// That come to a tier or leave it.
    InOrOut(Tier),
    /// Of an effective tier after, moving or not.
    Effective(Tier),
    /// Those that move under an override, which keeps their effective tier.
    Overridden,
    /// That two rules move.
    Rules(RulePair),
    Area(MapArea),
    /// Moving or not.
    Everything,
}

impl SwapFilter {
    /// Whether it shows judgments that do not move.
    pub fn has_stays(&self) -> bool {
        match self {
            SwapFilter::Cell(from, to) => from == to,
            SwapFilter::Before(_)
            | SwapFilter::After(_)
            | SwapFilter::Effective(_)
            | SwapFilter::Everything => true,
            SwapFilter::All
            | SwapFilter::Up
            | SwapFilter::Down
            | SwapFilter::InOrOut(_)
            | SwapFilter::Overridden
            | SwapFilter::Rules(_)
            | SwapFilter::Area(_) => false,
        }
    }

    /// What it shows, where no other control says so.
    pub fn words(&self) -> Option<String> {
        let of = |tier: &Tier, when: &str| format!("tier {} {when}", tier.number());
        Some(match self {
            SwapFilter::All | SwapFilter::Up | SwapFilter::Down | SwapFilter::Overridden => return None,
            SwapFilter::Cell(from, to) if from == to => of(from, "before and after"),
            SwapFilter::Cell(from, to) => format!("{} → {}", from.number(), to.number()),
            SwapFilter::Before(tier) => of(tier, "before"),
            SwapFilter::After(tier) => of(tier, "after"),
            SwapFilter::InOrOut(tier) => format!("in or out of tier {}", tier.number()),
            SwapFilter::Effective(tier) => format!("effective tier {}", tier.number()),
            SwapFilter::Rules(pair) => pair.to_string(),
            SwapFilter::Area(_) => "area of the map".to_owned(),
            SwapFilter::Everything => "every judgment".to_owned(),
        })
    }
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

/// The tier that somebody has given a judgment
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub tier: Tier,
    pub until: Option<String>,
}

/// A judgment of a list
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapRow {
    pub judgment_no: u64,
    pub facts: JudgmentFacts,
    pub rules: RulePair,
    pub before: (Tier, String),
    pub after: (Tier, String),
    /// What takes effect instead of either.
    pub overriding: Option<Override>,
}

impl SwapRow {
    /// The tier that takes effect under the draft.
    pub fn effective(&self) -> Tier {
        self.overriding.as_ref().map_or(self.after.0, |overriding| overriding.tier)
    }
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
        if let Some(before) = published.limits.get(name).filter(|before| !is_same_number(before, after)) {
            push(format!("{} {before}→{after}", limit_label(draft, name)), &|document, from| {
                if let Some(value) = from.limits.get(name) {
                    document.limits.insert(name.clone(), value.clone());
                }
            });
        }
    }
    if published.asset_signals != draft.asset_signals {
        push("what counts as an asset".to_owned(), &|document, from| {
            document.asset_signals.clone_from(&from.asset_signals)
        });
    }
    let find = |document: &TierPolicyDocument, id: &str| document.rules.iter().position(|rule| rule.id == id);
    for rule in &draft.rules {
        let base = find(published, &rule.id).and_then(|base| published.rules.get(base));
        let change = match base {
            None => "added".to_owned(),
            Some(base) if base == rule => continue,
            Some(base) => rule_change((published, base), (draft, rule)),
        };
        push(format!("rule {} {change}", rule.id), &|document, from| take_rule(document, from, &rule.id));
    }
    for rule in published.rules.iter().filter(|rule| find(draft, &rule.id).is_none()) {
        push(format!("rule {} removed", rule.id), &|document, from| take_rule(document, from, &rule.id));
    }
    let shared = |of: &TierPolicyDocument, with: &TierPolicyDocument| -> Vec<String> {
        let ids = of.rules.iter().map(|rule| rule.id.clone());
        ids.filter(|id| find(with, id).is_some()).collect()
    };
    if shared(published, draft) != shared(draft, published) {
        push("order of the rules".to_owned(), &take_order);
    }
    if published.fallback != draft.fallback {
        push("everything else".to_owned(), &|document, from| document.fallback = from.fallback);
    }
    let spare = [unused(published), unused(draft)];
    for name in spare.iter().flatten() {
        if published.limits.contains_key(name) != draft.limits.contains_key(name) {
            push(format!("unused limit {name}"), &|document, from| match from.limits.get(name) {
                Some(value) => drop(document.limits.insert(name.clone(), value.clone())),
                None => drop(document.limits.remove(name)),
            });
        }
    }
    edits
}

/// Makes a rule what another document has of it: the same, absent, or behind the rules that it stands behind there.
fn take_rule(document: &mut TierPolicyDocument, from: &TierPolicyDocument, id: &str) {
    let own = document.rules.iter().position(|rule| rule.id == id);
    let Some((place, rule)) = (0..).zip(&from.rules).find(|(_, rule)| rule.id == id) else {
        document.rules.retain(|rule| rule.id != id);
        return;
    };
    // What it names goes with it.
    for arm in &rule.any {
        for name in
            [&arm.score_from, &arm.score_below, &arm.balance_from, &arm.balance_below].into_iter().flatten()
        {
            if let Some(value) = from.limits.get(name) {
                document.limits.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    match own.and_then(|own| document.rules.get_mut(own)) {
        Some(own) => own.clone_from(rule),
        None => {
            let earlier: BTreeSet<&str> =
                from.rules.iter().take(place).map(|rule| rule.id.as_str()).collect();
            let behind = document.rules.iter().rposition(|rule| earlier.contains(rule.id.as_str()));
            document.rules.insert(behind.map_or(0, |behind| behind + 1), rule.clone());
        }
    }
}

/// Puts the rules that both have in the order of the other document.
fn take_order(document: &mut TierPolicyDocument, from: &TierPolicyDocument) {
    let own = document.rules.clone();
    let mut wanted = from.rules.iter().filter_map(|theirs| own.iter().find(|rule| rule.id == theirs.id));
    for rule in &mut document.rules {
        if from.rules.iter().any(|theirs| theirs.id == rule.id)
            && let Some(next) = wanted.next()
        {
            rule.clone_from(next);
        }
    }
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
                } else if named(&arm.balance_from) {
                    Some("balance")
                } else if named(&arm.score_below) {
                    Some("score below")
                } else {
                    named(&arm.balance_below).then_some("balance below")
                }
            })?;
            Some(format!("rule {} {fact}", rule.id))
        })
        .unwrap_or_else(|| format!("limit {name}"))
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
    use crate::state::decision_table::{Item, Step};
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
            // The second and every fourth after it are overridden.
            let overriding = (judgment_no % 4 == 2).then_some(Tier::Monitor);
            columns.push(judgment_no, facts, None, overriding);
        }
        let override_ends =
            (1..=columns.judgment_no.len().div_ceil(4)).map(|day| format!("2026-01-{day:02}"));
        let portfolio = Portfolio::from_columns(columns).unwrap();
        let meta = SnapshotMeta {
            snapshot: String::new(),
            digest: portfolio.digest(),
            taken_at: String::new(),
            rows: portfolio.len(),
            as_of: None,
            override_ends: override_ends.collect(),
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
        assert_eq!(outcome.swap_set(&SwapFilter::All, "judgment"), [0, 2]);
        assert_eq!(outcome.swap_set(&SwapFilter::All, "-balance"), [2, 0]);
        assert_eq!(outcome.swap_set(&SwapFilter::Up, "score"), [0, 2]);
        assert_eq!(outcome.swap_set(&SwapFilter::Down, "score"), [0_u32; 0]);
        assert_eq!(
            outcome.swap_set(&SwapFilter::Cell(Tier::WarmProspects, Tier::ActiveEnforcement), "-score"),
            [2, 0]
        );
        assert_eq!(outcome.flow.moved(), TierTotal { count: 2, balance_cents: 901_00 });
    }

    #[test]
    fn what_moves_under_an_override_is_told_apart_and_keeps_its_effective_tier() {
        let rows: Vec<_> = (0..8).map(|row| facts(5_800 + row, 100, 0)).collect();
        let outcome = simulation(&rows, |document| set(document, "score_2", "58.03"));
        assert_eq!(outcome.swap_set(&SwapFilter::All, "judgment"), [3, 4, 5, 6, 7]);
        assert_eq!(outcome.swap_set(&SwapFilter::Overridden, "judgment"), [5]);
        assert_eq!(outcome.overridden_moves(), ["2026-01-02"]);
        let row = outcome.row(5).unwrap();
        assert_eq!((row.after.0, row.effective()), (Tier::ActiveEnforcement, Tier::Monitor));
        assert_eq!(row.overriding.unwrap().until.as_deref(), Some("2026-01-02"));
        let other = outcome.row(4).unwrap();
        assert_eq!((other.effective(), other.overriding), (Tier::ActiveEnforcement, None));
        assert_eq!(outcome.before.snapshot.row_of(6), Some(5));
        assert_eq!(outcome.before.snapshot.row_of(9), None);
    }

    #[test]
    fn the_next_edit_gives_what_running_anew_gives() {
        let rows: Vec<_> = (0..500)
            .map(|row| facts(row * 37 % 10_000, i64::from(row * 7 % 900) * 10_000, row as u8 % 16))
            .collect();
        let edited = |score: &'static str| simulation(&rows, move |document| set(document, "score_2", score));
        let last = edited("58");
        for score in ["58.5", "60", "40"] {
            let (next, anew) = (last.next(edited(score).after), edited(score));
            assert_eq!(next.flow, anew.flow);
            assert_eq!(next.swap_set(&SwapFilter::All, "score"), anew.swap_set(&SwapFilter::All, "score"));
            assert_eq!(next.tiers(), anew.tiers());
        }
    }

    #[test]
    fn few_rows_of_many_are_in_the_order_of_all() {
        let rows: Vec<_> =
            (0..200).map(|row| facts(row * 37 % 100, i64::from(row * 7 % 50) * 100, 0)).collect();
        let outcome = simulation(&rows, |_| ());
        let few = || (0..200).step_by(17).collect::<Vec<u32>>();
        for key in ["balance", "score", "judgment"] {
            let alone = outcome.before.snapshot.sort(key, few());
            let all = outcome.before.snapshot.sort(key, (0..200).collect());
            let kept: Vec<u32> = all.into_iter().filter(|row| row % 17 == 0).collect();
            assert_eq!(alone, kept);
            assert_eq!(outcome.before.snapshot.sort(key, few()), kept, "and so once all are in order");
        }
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
    fn a_list_may_have_those_that_stay() {
        let rows =
            [facts(5_800, 100, 0), facts(2_000, 5_000_00, 0), facts(5_900, 900_00, 0), facts(9_000, 100, 0)];
        let outcome = simulation(&rows, |document| set(document, "score_2", "59"));
        let of = |filter: SwapFilter| outcome.swap_set(&filter, "score");
        assert_eq!(of(SwapFilter::Cell(Tier::WarmProspects, Tier::WarmProspects)), [1, 0]);
        assert_eq!(of(SwapFilter::Before(Tier::WarmProspects)), [1, 0, 2]);
        assert_eq!(of(SwapFilter::After(Tier::ActiveEnforcement)), [2]);
        assert_eq!(of(SwapFilter::InOrOut(Tier::ActiveEnforcement)), [2]);
        assert_eq!(of(SwapFilter::Effective(Tier::StrategicPriority)), [3]);
        assert_eq!(of(SwapFilter::Everything), [1, 0, 2, 3]);
    }

    #[test]
    fn a_move_names_the_rules_that_decide_before_and_after() {
        let rows = [facts(5_800, 100, 0), facts(5_900, 100, 0), facts(3_000, 6_000_00, 0)];
        let outcome = simulation(&rows, |document| {
            set(document, "score_2", "58");
            set(document, "balance_1", "7000");
        });
        let pair = |before: &str, after: Option<&str>| RulePair {
            before: Some(before.to_owned()),
            after: after.map(str::to_owned),
        };
        assert_eq!(outcome.rule_pairs(), [(pair("t1", Some("t2")), 2), (pair("t1", None), 1)]);
        assert_eq!(outcome.swap_set(&SwapFilter::Rules(pair("t1", Some("t2"))), "score"), [0, 1]);
        assert_eq!(outcome.swap_set(&SwapFilter::Rules(pair("gone", None)), "score"), [0_u32; 0]);
        assert_eq!(outcome.row(2).unwrap().rules.to_string(), "t1 → everything else");
    }

    #[test]
    fn every_step_of_the_editor_is_an_edit_that_can_be_taken_back() {
        let published = TierPolicy::revision_1().document().clone();
        let mut draft = published.clone();
        let labels = |draft: &TierPolicyDocument| -> Vec<String> {
            let edits = edits(&published, draft);
            assert!(edits.iter().all(|edit| edit.without.is_some() && edit.alone.is_some()));
            edits.into_iter().map(|edit| edit.label).collect()
        };
        Item::Rule(0).apply(Step::Down, &mut draft).unwrap();
        assert_eq!(labels(&draft), ["order of the rules"]);
        Item::Rule(0).apply(Step::Duplicate, &mut draft).unwrap();
        assert_eq!(labels(&draft), ["rule t2-copy added", "order of the rules"]);
        Item::Rule(2).apply(Step::Remove, &mut draft).unwrap();
        assert_eq!(labels(&draft), ["rule t2-copy added", "rule t3 removed"]);
        draft.fallback = Tier::WarmProspects;
        draft.rules[2].any[0].score_below = None;
        assert_eq!(
            labels(&draft),
            ["rule t2-copy added", "rule t1 score no longer capped", "rule t3 removed", "everything else"]
        );
    }

    #[test]
    fn a_number_spelled_differently_is_no_edit() {
        let published = TierPolicy::revision_1().document().clone();
        let mut draft = published.clone();
        set(&mut draft, "score_2", "60.00");
        assert!(edits(&published, &draft).is_empty());
    }
}
