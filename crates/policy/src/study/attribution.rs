//! How much of what a draft moves each of its edits causes.
//!
//! The share of an edit is its Shapley value: the mean of what it adds, over all orders in which the edits
//! could be made one by one. It is the only way of sharing out that is free of order, gives nothing to an edit
//! without effect and the same to edits of the same effect, and adds up to the whole. With *n* edits it takes
//! the 2ⁿ policies that have some of them; each is evaluated on the cells of a histogram, so that the portfolio
//! is read once however many there are. (L. S. Shapley, “A value for n-person games”, 1953.)

use serde::{Deserialize, Serialize};

use super::{Money, sort};
use crate::cells::{Axes, Table, limit_values, literal};
use crate::portfolio::Portfolio;
use crate::tier::{AssetSignal, AssetSignals, Tier, TierPolicy, TierPolicyDocument, TierRuleDocument};

/// So many edits are told apart: their subsets are 256.
const EDITS_MAX: usize = 8;

/// One difference between two policies
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Edit {
    /// A limit that both have has another value.
    LimitMoved {
        /// Its name.
        limit: String,
        /// Its value before.
        before: String,
        /// Its value after.
        after: String,
    },
    /// A signal counts as an asset, or no longer does.
    SignalToggled {
        /// The signal.
        signal: AssetSignal,
        /// Whether it counts after the edit.
        is_asset: bool,
    },
    /// A rule has another tier or other arms. To refer to another name, or to a number instead of a name, is a
    /// change too.
    RuleChanged {
        /// Its id.
        rule: String,
    },
    /// A rule is new.
    RuleAdded {
        /// Its id.
        rule: String,
    },
    /// A rule is gone.
    RuleRemoved {
        /// Its id.
        rule: String,
    },
    /// The rules that both have stand in another order.
    RulesReordered {
        /// The ids of these rules as they stand before.
        before: Vec<String>,
        /// And after.
        after: Vec<String>,
    },
    /// What no rule matches gets another tier.
    FallbackChanged {
        /// The tier before.
        before: Tier,
        /// The tier after.
        after: Tier,
    },
}

/// What a draft moves, shared out among its edits
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// What all edits move together: off its diagonal, the tier migration matrix.
    pub whole: Movement,
    /// The share of each edit. They add up to `whole` in every number.
    pub shares: Vec<EditShare>,
}

/// What is due to one edit, or to several of one kind that share it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditShare {
    /// More than one only where the draft has more than eight edits.
    pub edits: Vec<Edit>,
    /// A number may be negative: this edit holds back what others move.
    pub movement: Movement,
}

/// Judgments and money that go from one tier to another
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Movement {
    /// Judgments, by tier before and tier after; 0 where they are the same.
    pub counts: [[i64; 4]; 4],
    /// Their balances.
    pub balance: [[Money; 4]; 4],
    /// By how much each tier grows, which follows from the other two.
    pub tiers: [TierChange; 4],
}

/// By how much a tier grows
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TierChange {
    /// In judgments.
    pub count: i64,
    /// In money.
    pub balance: Money,
}

/// Derives the edits between two policies and shares out what they move in a portfolio
///
/// Shares are exact fractions, shown as whole judgments and whole cents. In each cell of the matrix every share
/// is first rounded down; of what is then left of the whole, one judgment or one cent each goes to the shares
/// that lost most, the earlier edit first where two lost the same. No share is off by one or more.
///
/// Of more than eight edits, those of the kind that has most are taken together as one, then those of the next
/// such kind, until no more than eight are left.
///
/// A policy with only some of the edits may be one that would be refused, such as when two limits pass each
/// other: an arm whose bounds cross then holds for no judgment, nor does one that asks for more signals than
/// there are.
pub fn attribute(before: &TierPolicy, after: &TierPolicy, portfolio: &Portfolio) -> Attribution {
    let draft = Draft { before: before.document(), after: after.document() };
    let groups = grouped(draft.edits());
    let group_count = groups.len();
    let tables: Vec<Table> = (0..1_u32 << group_count)
        .map(|subset| {
            let chosen = (0..).zip(&groups).filter(|(place, _)| subset >> place & 1 == 1);
            draft.table(&chosen.flat_map(|(_, group)| group).collect::<Vec<_>>())
        })
        .collect();
    let axes = Axes::of(&tables);
    let crowds = crowds(&axes, portfolio);
    let before = Table::of(before);
    let tiers_before = axes.tiers(&before);

    let factorials = factorials(group_count);
    let factorial = |number: usize| factorials.get(number).copied().unwrap_or(1);
    let mut whole = Cells::default();
    let mut parts = vec![Cells::default(); group_count];
    for (subset, table) in (0_u32..).zip(&tables) {
        let value = moved(table, &axes, &crowds, &tiers_before);
        let size = subset.count_ones() as usize;
        for (place, part) in parts.iter_mut().enumerate() {
            // Of all orders, those in which this group comes right after the others of `subset` have it add what
            // the subset with it has over the subset without.
            let weight = if subset >> place & 1 == 1 {
                factorial(size - 1) * factorial(group_count - size)
            } else {
                -(factorial(size) * factorial(group_count - size - 1))
            };
            part.add(&value, weight);
        }
        whole = value;
    }

    let mut shared = vec![Cells::default(); group_count];
    for cell in 0..Cells::LEN {
        let numerators: Vec<i128> = parts.iter().map(|part| part.get(cell)).collect();
        let rounded = shared_out(&numerators, factorial(group_count), whole.get(cell));
        for (share, value) in shared.iter_mut().zip(rounded) {
            share.set(cell, value);
        }
    }
    let shares = groups
        .into_iter()
        .zip(&shared)
        .map(|(edits, cells)| EditShare { edits, movement: cells.movement() })
        .collect();
    Attribution { whole: whole.movement(), shares }
}

/// Rounds `numerators / denominator` to whole numbers that add up to `whole`
fn shared_out(numerators: &[i128], denominator: i128, whole: i128) -> Vec<i128> {
    let mut shares: Vec<i128> =
        numerators.iter().map(|numerator| numerator.div_euclid(denominator)).collect();
    // What is lost is less than the denominator, which is at most 8!.
    let loss = |numerator: &i128| numerator.rem_euclid(denominator) as i64;
    let mut by_loss: Vec<(i64, u64)> =
        (0..).zip(numerators).map(|(place, numerator)| (-loss(numerator), place)).collect();
    sort(&mut by_loss);
    let left = whole - shares.iter().sum::<i128>();
    for (_, place) in by_loss.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        if let Some(share) = shares.get_mut(place as usize) {
            *share += 1;
        }
    }
    shares
}

/// The factorials of 0 to `number`
fn factorials(number: usize) -> Vec<i128> {
    let mut last = 1;
    let later = (1..=number as i128).map(|factor| {
        last *= factor;
        last
    });
    std::iter::once(1).chain(later).collect()
}

/// Counts and cents that move, by tier before and after; what stays is left out, since it follows
#[derive(Clone, Default)]
struct Cells {
    counts: [[i128; 4]; 4],
    cents: [[i128; 4]; 4],
}

impl Cells {
    const LEN: usize = 32;

    fn add(&mut self, other: &Cells, weight: i128) {
        for cell in 0..Cells::LEN {
            self.set(cell, self.get(cell) + weight * other.get(cell));
        }
    }

    fn get(&self, cell: usize) -> i128 {
        let (counts, cents) = (self.counts.as_flattened(), self.cents.as_flattened());
        counts.iter().chain(cents).nth(cell).copied().unwrap_or(0)
    }

    fn set(&mut self, cell: usize, value: i128) {
        let (counts, cents) = (self.counts.as_flattened_mut(), self.cents.as_flattened_mut());
        if let Some(cell) = counts.iter_mut().chain(cents).nth(cell) {
            *cell = value;
        }
    }

    fn movement(&self) -> Movement {
        // A share is never larger than all judgments, or all money, of the portfolio.
        let counts = self.counts.map(|row| row.map(|count| count as i64));
        let balance = self.cents.map(|row| row.map(|cents| Money(cents as i64)));
        let mut tiers = [TierChange::default(); 4];
        for (before, (counts, balance)) in counts.iter().zip(&balance).enumerate() {
            for (after, (count, money)) in counts.iter().zip(balance).enumerate() {
                for (tier, sign) in [(before, -1), (after, 1)] {
                    if let Some(change) = tiers.get_mut(tier) {
                        change.count += sign * count;
                        change.balance.0 += sign * money.0;
                    }
                }
            }
        }
        Movement { counts, balance, tiers }
    }
}

/// The judgments of a portfolio in one cell
struct Crowd {
    cell: usize,
    count: i64,
    balance_cents: i64,
}

/// Counts a portfolio by cell; gives the cells that are not empty.
fn crowds(axes: &Axes, portfolio: &Portfolio) -> Vec<Crowd> {
    let mut crowds: Vec<Crowd> =
        (0..axes.cells()).map(|cell| Crowd { cell, count: 0, balance_cents: 0 }).collect();
    for row in axes.rows(portfolio) {
        if let Some(crowd) = crowds.get_mut(axes.cell_of(&row)) {
            crowd.count += 1;
            crowd.balance_cents += row.balance_cents;
        }
    }
    crowds.retain(|crowd| crowd.count > 0);
    crowds
}

fn moved(table: &Table, axes: &Axes, crowds: &[Crowd], tiers_before: &[Tier]) -> Cells {
    let tiers_after = axes.tiers(table);
    let mut counts = [[0_i64; 4]; 4];
    let mut cents = [[0_i64; 4]; 4];
    for crowd in crowds {
        let tiers = (tiers_before.get(crowd.cell), tiers_after.get(crowd.cell));
        let (Some(before), Some(after)) = tiers else { continue };
        if before == after {
            continue;
        }
        let cell = usize::from(before.number() << 2 | after.number());
        let sums = (counts.as_flattened_mut().get_mut(cell), cents.as_flattened_mut().get_mut(cell));
        if let (Some(count), Some(sum)) = sums {
            *count += crowd.count;
            *sum += crowd.balance_cents;
        }
    }
    Cells { counts: counts.map(|row| row.map(i128::from)), cents: cents.map(|row| row.map(i128::from)) }
}

/// Takes edits together until there are few enough to tell apart
fn grouped(edits: Vec<Edit>) -> Vec<Vec<Edit>> {
    let mut groups: Vec<Vec<Edit>> = edits.into_iter().map(|edit| vec![edit]).collect();
    while groups.len() > EDITS_MAX {
        let kinds: Vec<u8> = groups.iter().filter_map(|group| group.first()).map(Edit::kind).collect();
        let most = |kind: u8| kinds.iter().filter(|other| **other == kind).count();
        // There are fewer kinds than edits that are told apart, so one kind has several.
        let Some(kind) = kinds.iter().copied().max_by_key(|kind| (most(*kind), u8::MAX - kind)) else {
            break;
        };
        let mut merged: Vec<Vec<Edit>> = Vec::new();
        for group in groups {
            let is_of_kind = |group: &Vec<Edit>| group.first().map(Edit::kind) == Some(kind);
            match merged.iter_mut().find(|known| is_of_kind(&group) && is_of_kind(known)) {
                Some(together) => together.extend(group),
                None => merged.push(group),
            }
        }
        groups = merged;
    }
    groups
}

impl Edit {
    /// The place of its kind among the seven.
    fn kind(&self) -> u8 {
        match self {
            Edit::LimitMoved { .. } => 0,
            Edit::SignalToggled { .. } => 1,
            Edit::RuleChanged { .. } => 2,
            Edit::RuleAdded { .. } => 3,
            Edit::RuleRemoved { .. } => 4,
            Edit::RulesReordered { .. } => 5,
            Edit::FallbackChanged { .. } => 6,
        }
    }
}

/// Two documents, and all that have some of the differences between them
struct Draft<'a> {
    before: &'a TierPolicyDocument,
    after: &'a TierPolicyDocument,
}

impl<'a> Draft<'a> {
    /// Every difference that can matter, by kind; limits that only one document has are none by themselves.
    fn edits(&self) -> Vec<Edit> {
        let Draft { before, after } = *self;
        let mut edits = Vec::new();
        for (limit, value) in &before.limits {
            if let Some(moved) = after.limits.get(limit).filter(|moved| *moved != value) {
                let (limit, before, after) = (limit.clone(), value.clone(), moved.clone());
                edits.push(Edit::LimitMoved { limit, before, after });
            }
        }
        for signal in AssetSignal::ALL {
            let [was_asset, is_asset] = [before, after].map(|side| side.asset_signals.contains(&signal));
            if was_asset != is_asset {
                edits.push(Edit::SignalToggled { signal, is_asset });
            }
        }
        let changed =
            before.rules.iter().filter(|rule| find(after, rule).is_some_and(|other| other != *rule));
        edits.extend(changed.map(|rule| Edit::RuleChanged { rule: rule.id.clone() }));
        let added = after.rules.iter().filter(|rule| find(before, rule).is_none());
        edits.extend(added.map(|rule| Edit::RuleAdded { rule: rule.id.clone() }));
        let removed = before.rules.iter().filter(|rule| find(after, rule).is_none());
        edits.extend(removed.map(|rule| Edit::RuleRemoved { rule: rule.id.clone() }));
        let common = |side: &TierPolicyDocument, other: &TierPolicyDocument| -> Vec<String> {
            side.rules.iter().filter(|rule| find(other, rule).is_some()).map(|rule| rule.id.clone()).collect()
        };
        let orders = (common(before, after), common(after, before));
        if orders.0 != orders.1 {
            edits.push(Edit::RulesReordered { before: orders.0, after: orders.1 });
        }
        if before.fallback != after.fallback {
            edits.push(Edit::FallbackChanged { before: before.fallback, after: after.fallback });
        }
        edits
    }

    /// The policy that has some of the edits
    fn table(&self, edits: &[&Edit]) -> Table {
        let Draft { before, after } = *self;
        let mut assets: AssetSignals = before.asset_signals.iter().copied().collect();
        let mut fallback = before.fallback;
        let mut limits = limit_values(after.limits.iter().chain(&before.limits));
        for edit in edits {
            match edit {
                Edit::LimitMoved { limit, after, .. } => {
                    limits.extend(literal(after).map(|value| (limit.as_str(), value)));
                }
                Edit::SignalToggled { signal, .. } => {
                    assets = AssetSignals::from_bits(assets.bits() ^ signal.bit());
                }
                Edit::FallbackChanged { after, .. } => fallback = *after,
                _ => {}
            }
        }
        let limit = |name: &str| limits.get(name).copied().unwrap_or(0);
        Table::from_rules(self.rules(edits), assets, fallback, limit)
    }

    /// The rules with some of the edits, in their order
    ///
    /// A rule that only the other document has stands behind the rule that it stands behind there, or behind the
    /// nearest one before that.
    fn rules(&self, edits: &[&Edit]) -> Vec<&'a TierRuleDocument> {
        let Draft { before, after } = *self;
        let is_reordered = edits.iter().any(|edit| matches!(edit, Edit::RulesReordered { .. }));
        let has = |wanted: Edit| edits.contains(&&wanted);
        let is_there = |rule: &&TierRuleDocument| {
            let id = || rule.id.clone();
            match (find(before, rule), find(after, rule)) {
                (Some(_), None) => !has(Edit::RuleRemoved { rule: id() }),
                (None, Some(_)) => has(Edit::RuleAdded { rule: id() }),
                _ => true,
            }
        };
        let (ordered, other) = if is_reordered { (after, before) } else { (before, after) };
        let mut rules: Vec<&TierRuleDocument> = ordered.rules.iter().filter(is_there).collect();
        let mut place = 0;
        for rule in other.rules.iter().filter(is_there) {
            match rules.iter().position(|known| known.id == rule.id) {
                Some(known) => place = known + 1,
                None => {
                    rules.insert(place, rule);
                    place += 1;
                }
            }
        }
        for rule in &mut rules {
            let is_changed = has(Edit::RuleChanged { rule: rule.id.clone() });
            let side = if is_changed { after } else { before };
            *rule = find(side, rule).unwrap_or(rule);
        }
        rules
    }
}

/// The rule of the same id
fn find<'a>(document: &'a TierPolicyDocument, rule: &TierRuleDocument) -> Option<&'a TierRuleDocument> {
    document.rules.iter().find(|other| other.id == rule.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rules: &[(&str, u8)]) -> TierPolicyDocument {
        let mut document = TierPolicy::monotone_draft().document().clone();
        let arm = document.rules[0].any[0].clone();
        document.rules = rules
            .iter()
            .map(|(id, tier)| TierRuleDocument {
                id: (*id).to_owned(),
                tier: Tier::try_from(*tier).unwrap(),
                any: vec![arm.clone()],
            })
            .collect();
        document
    }

    /// The ids of the rules for each subset of the edits, from none to all
    #[track_caller]
    fn check(before: &[(&str, u8)], after: &[(&str, u8)], expect: &[&str]) {
        let (before, after) = (document(before), document(after));
        let draft = Draft { before: &before, after: &after };
        let edits = draft.edits();
        let subsets: Vec<String> = (0..1_usize << edits.len())
            .map(|subset| {
                let some = (0..).zip(&edits).filter(|(place, _)| subset >> place & 1 == 1);
                let some: Vec<&Edit> = some.map(|(_, edit)| edit).collect();
                let rules = draft.rules(&some);
                let texts = rules.iter().map(|rule| format!("{}{}", rule.id, rule.tier.number()));
                texts.collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(subsets, expect);
    }

    #[test]
    fn rules_come_go_change_and_move_one_edit_at_a_time() {
        check(&[("a", 1)], &[("a", 1)], &["a1"]);
        check(&[("a", 1)], &[("a", 2)], &["a1", "a2"]);
        check(&[("a", 1), ("b", 1)], &[("x", 3), ("a", 1), ("b", 1)], &["a1 b1", "x3 a1 b1"]);
        check(
            &[("a", 1), ("r", 1), ("b", 1)],
            &[("a", 1), ("x", 3), ("b", 1)],
            &["a1 r1 b1", "a1 x3 r1 b1", "a1 b1", "a1 x3 b1"],
        );
        check(
            &[("a", 1), ("b", 1), ("c", 1)],
            &[("c", 1), ("a", 2), ("b", 1)],
            &["a1 b1 c1", "a2 b1 c1", "c1 a1 b1", "c1 a2 b1"],
        );
    }

    #[test]
    fn what_is_left_goes_to_those_that_lost_most() {
        assert_eq!(shared_out(&[5, 5, 8], 6, 3), [1, 1, 1]);
        assert_eq!(shared_out(&[1, 1, 1], 3, 1), [1, 0, 0]);
        assert_eq!(shared_out(&[-1, 1, 3], 3, 1), [0, 0, 1]);
        assert_eq!(shared_out(&[], 1, 0), []);
    }

    #[test]
    fn nine_edits_are_taken_together_by_kind() {
        let limit = |name: usize| Edit::LimitMoved {
            limit: format!("l{name}"),
            before: "1".to_owned(),
            after: "2".to_owned(),
        };
        let rule = |name: usize| Edit::RuleAdded { rule: format!("r{name}") };
        let edits =
            |limits: usize, rules: usize| (0..limits).map(limit).chain((0..rules).map(rule)).collect();
        let sizes = |edits| grouped(edits).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(edits(5, 3)), [1; 8]);
        assert_eq!(sizes(edits(5, 4)), [5, 1, 1, 1, 1]);
        assert_eq!(sizes(edits(9, 40)), [9, 40]);
    }
}
