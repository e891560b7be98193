//! The rules of a draft as a table that is edited: what each step does to the document, what was there before,
//! and every problem at its field.

use crate::format;
use policy::tier::{PolicyError, TierArmDocument, TierPolicy, TierPolicyDocument, TierRuleDocument};
use std::collections::{BTreeMap, BTreeSet};

/// Problems that are shown at once.
const PROBLEMS_MAX: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    Score,
    Balance,
}

impl Fact {
    pub fn name(self) -> &'static str {
        match self {
            Fact::Score => "score",
            Fact::Balance => "balance",
        }
    }

    /// What a new bound begins with, where its range has no other end.
    fn first_value(self) -> i64 {
        match self {
            Fact::Score => 50,
            Fact::Balance => 10_000,
        }
    }
}

/// Where an arm stands: rule and arm, from 0
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub rule: usize,
    pub arm: usize,
}

impl Place {
    /// As errors name it: `rules[1].any[0]`.
    pub fn path(self) -> String {
        format!("rules[{}].any[{}]", self.rule, self.arm)
    }

    pub fn read(self, document: &TierPolicyDocument) -> Option<&TierArmDocument> {
        document.rules.get(self.rule)?.any.get(self.arm)
    }

    pub fn slot(self, document: &mut TierPolicyDocument) -> Option<&mut TierArmDocument> {
        document.rules.get_mut(self.rule)?.any.get_mut(self.arm)
    }
}

/// One end of an arm's range on one fact: a cell of the table
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bound {
    pub place: Place,
    pub fact: Fact,
    pub is_upper: bool,
}

impl Bound {
    /// The four of an arm: by fact, the lower bound first.
    pub fn of(place: Place) -> [Bound; 4] {
        [(Fact::Score, false), (Fact::Score, true), (Fact::Balance, false), (Fact::Balance, true)]
            .map(|(fact, is_upper)| Bound { place, fact, is_upper })
    }

    /// The field's name in the document: `score_from`.
    pub fn field(self) -> &'static str {
        match (self.fact, self.is_upper) {
            (Fact::Score, false) => "score_from",
            (Fact::Score, true) => "score_below",
            (Fact::Balance, false) => "balance_from",
            (Fact::Balance, true) => "balance_below",
        }
    }

    fn text(self, arm: &TierArmDocument) -> Option<&str> {
        match (self.fact, self.is_upper) {
            (Fact::Score, false) => &arm.score_from,
            (Fact::Score, true) => &arm.score_below,
            (Fact::Balance, false) => &arm.balance_from,
            (Fact::Balance, true) => &arm.balance_below,
        }
        .as_deref()
    }

    fn set(self, document: &mut TierPolicyDocument, text: Option<String>) {
        if let Some(arm) = self.place.slot(document) {
            *match (self.fact, self.is_upper) {
                (Fact::Score, false) => &mut arm.score_from,
                (Fact::Score, true) => &mut arm.score_below,
                (Fact::Balance, false) => &mut arm.balance_from,
                (Fact::Balance, true) => &mut arm.balance_below,
            } = text;
        }
    }

    /// The limit that it names; nothing where it is a literal or absent.
    pub fn limit(self, document: &TierPolicyDocument) -> Option<&str> {
        let text = self.text(self.place.read(document)?)?;
        document.limits.contains_key(text).then_some(text)
    }

    /// What it says, its limit looked up.
    pub fn value(self, document: &TierPolicyDocument) -> Option<&str> {
        value(document, self.text(self.place.read(document)?))
    }

    /// Gives it a value: its limit's, which others may share, its literal's, or that of a limit of its own.
    pub fn write(self, document: &mut TierPolicyDocument, value: String) {
        match (self.limit(document).map(str::to_owned), self.value(document).is_some()) {
            (Some(limit), _) => drop(document.limits.insert(limit, value)),
            (None, true) => self.set(document, Some(value)),
            (None, false) => self.own(document, value),
        }
    }

    pub fn clear(self, document: &mut TierPolicyDocument) {
        self.set(document, None);
    }

    /// Gives it a limit of its own with the value that it has.
    pub fn split(self, document: &mut TierPolicyDocument) {
        if let Some(value) = self.value(document).map(str::to_owned) {
            self.own(document, value);
        }
    }

    /// Adds the bound with a value that leaves its range open to something.
    pub fn add(self, document: &mut TierPolicyDocument) {
        let other = Bound { is_upper: !self.is_upper, ..self };
        let other = other.value(document).and_then(format::parse_cents).map(|cents| cents / 100);
        let first = self.fact.first_value();
        let value = match (other, self.is_upper) {
            (Some(from), true) => match self.fact {
                Fact::Score => (from + 100) / 2 + 1,
                Fact::Balance => from * 2,
            },
            (Some(below), false) => below / 2,
            (None, _) => first,
        };
        self.own(document, value.to_string());
    }

    /// Names a new limit, such as `score_2` for the lower end of a rule of tier 2.
    fn own(self, document: &mut TierPolicyDocument, value: String) {
        let tier = document.rules.get(self.place.rule).map_or(0, |rule| rule.tier.number());
        let end = if self.is_upper { "_below" } else { "" };
        let name = free(&format!("{}_{tier}{end}", self.fact.name()), '_', |name| {
            document.limits.contains_key(name)
        });
        document.limits.insert(name.clone(), value);
        self.set(document, Some(name));
    }

    /// Whether an error is about this cell.
    pub fn owns(self, document: &TierPolicyDocument, error: &PolicyError) -> bool {
        match error.field.strip_prefix("limits.") {
            Some(limit) => self.limit(document) == Some(limit),
            None => error.field == format!("{}.{}", self.place.path(), self.field()),
        }
    }
}

fn value<'a>(document: &'a TierPolicyDocument, text: Option<&'a str>) -> Option<&'a str> {
    text.map(|text| document.limits.get(text).map_or(text, String::as_str))
}

/// `stem`, or `stem_2`, `stem_3` … where that is taken
fn free(stem: &str, joint: char, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = stem.to_owned();
    let mut number = 2;
    while is_taken(&name) {
        name = format!("{stem}{joint}{number}");
        number += 1;
    }
    name
}

/// Every cell that names a limit, by the limit, in the order of the table
pub fn uses(document: &TierPolicyDocument) -> BTreeMap<String, Vec<Bound>> {
    let mut uses = BTreeMap::<String, Vec<Bound>>::new();
    for bound in places(document).flat_map(Bound::of) {
        if let Some(limit) = bound.limit(document) {
            uses.entry(limit.to_owned()).or_default().push(bound);
        }
    }
    uses
}

fn places(document: &TierPolicyDocument) -> impl Iterator<Item = Place> {
    let rules = (0..).zip(&document.rules);
    rules.flat_map(|(rule, document)| (0..document.any.len()).map(move |arm| Place { rule, arm }))
}

/// Changes the table and drops the limits that nothing uses any more
pub fn change(document: &mut TierPolicyDocument, change: &mut dyn FnMut(&mut TierPolicyDocument)) {
    let before = uses(document);
    change(document);
    let after = uses(document);
    document.limits.retain(|limit, _| after.contains_key(limit) || !before.contains_key(limit));
}

/// What is moved, duplicated and removed
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Rule(usize),
    Arm(Place),
}

/// What is done to an item
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Up,
    Down,
    /// To a place among its like, from 0.
    To(usize),
    Duplicate,
    Remove,
}

impl Item {
    /// Its place among its like.
    pub fn at(self) -> usize {
        match self {
            Item::Rule(rule) => rule,
            Item::Arm(place) => place.arm,
        }
    }

    /// The same kind of item at another place.
    pub fn like(self, at: usize) -> Item {
        match self {
            Item::Rule(_) => Item::Rule(at),
            Item::Arm(place) => Item::Arm(Place { arm: at, ..place }),
        }
    }

    /// How many of its like there are.
    pub fn count(self, document: &TierPolicyDocument) -> usize {
        match self {
            Item::Rule(_) => document.rules.len(),
            Item::Arm(place) => document.rules.get(place.rule).map_or(0, |rule| rule.any.len()),
        }
    }

    /// `rule t2`, `condition 1 of rule t2`.
    pub fn words(self, document: &TierPolicyDocument) -> String {
        let id = |rule: usize| document.rules.get(rule).map_or("", |rule| rule.id.as_str());
        match self {
            Item::Rule(rule) => format!("rule {}", id(rule)),
            Item::Arm(place) => format!("condition {} of rule {}", place.arm + 1, id(place.rule)),
        }
    }

    /// For ids of elements: `1`, `1-0`.
    pub fn key(self) -> String {
        match self {
            Item::Rule(rule) => rule.to_string(),
            Item::Arm(Place { rule, arm }) => format!("{rule}-{arm}"),
        }
    }

    pub fn can(self, step: Step, document: &TierPolicyDocument) -> bool {
        let (at, count) = (self.at(), self.count(document));
        match step {
            Step::Up => at > 0,
            Step::Down => at + 1 < count,
            Step::To(to) => to != at && to < count,
            Step::Duplicate => self.has_room(document),
            // A rule without a condition is none.
            Step::Remove => matches!(self, Item::Rule(_)) || count > 1,
        }
    }

    /// Whether a policy may have one more of its like.
    pub fn has_room(self, document: &TierPolicyDocument) -> bool {
        let arms: usize = document.rules.iter().map(|rule| rule.any.len()).sum();
        let (more, is_narrow) = match self {
            Item::Rule(rule) => (
                document.rules.get(rule).map_or(1, |rule| rule.any.len()),
                document.rules.len() >= TierPolicy::RULES_MAX,
            ),
            Item::Arm(_) => (1, self.count(document) >= TierPolicy::ARMS_PER_RULE_MAX),
        };
        !is_narrow && arms + more <= TierPolicy::ARMS_MAX
    }

    /// Does a step; gives where the item, or what took its place, stands now, and what to say of it.
    pub fn apply(self, step: Step, document: &mut TierPolicyDocument) -> Option<(Item, String)> {
        if !self.can(step, document) {
            return None;
        }
        let (words, at) = (self.words(document), self.at());
        match step {
            Step::Up => self.apply(Step::To(at - 1), document),
            Step::Down => self.apply(Step::To(at + 1), document),
            Step::To(to) => {
                match self {
                    Item::Rule(_) => shift(&mut document.rules, at, to),
                    Item::Arm(place) => shift(&mut document.rules.get_mut(place.rule)?.any, at, to),
                }
                Some((self.like(to), format!("{words} is now number {} of {}", to + 1, self.count(document))))
            }
            Step::Duplicate => {
                let copy = self.like(at + 1);
                match self {
                    Item::Rule(rule) => {
                        let mut rule = document.rules.get(rule)?.clone();
                        let stem: String = rule.id.chars().take(48).chain("-copy".chars()).collect();
                        rule.id = free_id(&stem, document);
                        document.rules.insert(at + 1, rule);
                    }
                    Item::Arm(place) => {
                        let arm = place.read(document)?.clone();
                        document.rules.get_mut(place.rule)?.any.insert(at + 1, arm);
                    }
                }
                // Its limits are its own, so that the original stays when the copy is changed.
                let copied = places(document).filter(|place| match copy {
                    Item::Rule(rule) => place.rule == rule,
                    Item::Arm(copy) => *place == copy,
                });
                let named = |bound: &Bound| bound.limit(document).is_some();
                let bounds: Vec<Bound> = copied.flat_map(Bound::of).filter(named).collect();
                bounds.into_iter().for_each(|bound| bound.split(document));
                Some((copy, format!("{} added: a copy of {words}", copy.words(document))))
            }
            Step::Remove => {
                match self {
                    Item::Rule(rule) => drop(document.rules.remove(rule)),
                    Item::Arm(place) => drop(document.rules.get_mut(place.rule)?.any.remove(place.arm)),
                }
                let next = self.like(at.min(self.count(document).saturating_sub(1)));
                Some((next, format!("{words} removed; undo brings it back")))
            }
        }
    }
}

fn shift<T>(list: &mut Vec<T>, from: usize, to: usize) {
    if from < list.len() && to < list.len() {
        let item = list.remove(from);
        list.insert(to, item);
    }
}

fn free_id(stem: &str, document: &TierPolicyDocument) -> String {
    free(stem, '-', |id| document.rules.iter().any(|rule| rule.id == id))
}

/// Adds a rule that changes nothing yet: last, with the fallback's tier
pub fn add_rule(document: &mut TierPolicyDocument) -> (Item, String) {
    let id = free_id("new-rule", document);
    let rule = TierRuleDocument { id, tier: document.fallback, any: vec![TierArmDocument::default()] };
    document.rules.push(rule);
    let item = Item::Rule(document.rules.len() - 1);
    Bound { place: Place { rule: item.at(), arm: 0 }, fact: Fact::Score, is_upper: false }.add(document);
    (item, format!("{} added", item.words(document)))
}

/// Adds an alternative to a rule, on a fact that its other ones leave open where there is one
pub fn add_arm(document: &mut TierPolicyDocument, rule: usize) -> Option<(Item, String)> {
    let arms = &mut document.rules.get_mut(rule)?.any;
    let has_score = arms.iter().any(|arm| arm.score_from.is_some());
    arms.push(TierArmDocument::default());
    let place = Place { rule, arm: arms.len() - 1 };
    let fact = if has_score { Fact::Balance } else { Fact::Score };
    Bound { place, fact, is_upper: false }.add(document);
    let item = Item::Arm(place);
    Some((item, format!("{} added", item.words(document))))
}

// ---- what was there before ----

/// The published rule that one of the draft's was: that of its id, else the one at its place whose id is gone
pub fn base_rule<'a>(
    published: &'a TierPolicyDocument,
    document: &TierPolicyDocument,
    rule: usize,
) -> Option<&'a TierRuleDocument> {
    let id = &document.rules.get(rule)?.id;
    published.rules.iter().find(|base| base.id == *id).or_else(|| {
        published.rules.get(rule).filter(|base| !document.rules.iter().any(|rule| rule.id == base.id))
    })
}

/// The arm of a published rule that one of the draft's was: an equal one, else the one at its place
pub fn base_arm<'a>(
    base: &'a TierRuleDocument,
    rule: &TierRuleDocument,
    arm: usize,
) -> Option<&'a TierArmDocument> {
    let own = rule.any.get(arm)?;
    let is_own = |base: &&TierArmDocument| *base == own;
    base.any.iter().find(is_own).or_else(|| base.any.get(arm).filter(|base| !rule.any.contains(base)))
}

/// What a cell said in the published policy, `any` for nothing, where it says something else now; `base` is the arm
/// that its own was
pub fn was(
    published: &TierPolicyDocument,
    document: &TierPolicyDocument,
    bound: Bound,
    base: Option<&TierArmDocument>,
) -> Option<String> {
    let now = bound.value(document);
    let before = match bound.limit(document).and_then(|limit| published.limits.get(limit)) {
        Some(value) => Some(value.as_str()),
        None => value(published, bound.text(base?)),
    };
    match (before, now) {
        (Some(before), Some(now)) if is_same_number(before, now) => None,
        (None, None) => None,
        (before, _) => Some(before.unwrap_or("any").to_owned()),
    }
}

/// Whether two decimals are spelled differently at most.
pub fn is_same_number(a: &str, b: &str) -> bool {
    a == b || matches!((format::parse_cents(a), format::parse_cents(b)), (Some(a), Some(b)) if a == b)
}

/// What a rule asks for that another does not, in few words: `tier 2→1, score 60→58`
pub fn rule_change(
    (published, before): (&TierPolicyDocument, &TierRuleDocument),
    (document, after): (&TierPolicyDocument, &TierRuleDocument),
) -> String {
    let mut changes = Vec::new();
    if before.tier != after.tier {
        changes.push(format!("tier {}→{}", before.tier.number(), after.tier.number()));
    }
    if before.any.len() != after.any.len() {
        changes.push("conditions".to_owned());
        return changes.join(", ");
    }
    for (before, after) in before.any.iter().zip(&after.any) {
        for bound in Bound::of(Place { rule: 0, arm: 0 }) {
            let texts = (value(published, bound.text(before)), value(document, bound.text(after)));
            let fact = bound.fact.name();
            changes.push(match texts {
                (Some(before), Some(after)) if is_same_number(before, after) => continue,
                (None, None) => continue,
                (Some(_), None) if bound.is_upper => format!("{fact} no longer capped"),
                (before, after) => format!(
                    "{fact}{} {}→{}",
                    if bound.is_upper { " below" } else { "" },
                    before.unwrap_or("any"),
                    after.unwrap_or("any")
                ),
            });
        }
        if before.signals_min != after.signals_min {
            changes.push(format!(
                "assets {}→{}",
                signals_text(before.signals_min),
                signals_text(after.signals_min)
            ));
        }
    }
    if changes.is_empty() { "conditions".to_owned() } else { changes.join(", ") }
}

/// `any` for no number.
pub fn signals_text(signals: Option<u8>) -> String {
    signals.map_or_else(|| "any".to_owned(), |signals| signals.to_string())
}

/// Limits that no cell names.
pub fn unused(document: &TierPolicyDocument) -> Vec<String> {
    let used = uses(document);
    document.limits.keys().filter(|limit| !used.contains_key(*limit)).cloned().collect()
}

// ---- problems ----

/// Every problem of a document, one a field at most
///
/// Reading a document as a policy ends at its first problem. Each is noted and mended in a copy, until nothing is
/// left or nothing can be mended; a second problem of one arm shows when the first is mended.
pub fn problems(document: &TierPolicyDocument) -> Vec<PolicyError> {
    let mut copy = document.clone();
    let mut problems = Vec::new();
    while problems.len() < PROBLEMS_MAX {
        let Err(error) = TierPolicy::try_from(copy.clone()) else { break };
        let is_mended = mend(&mut copy, &error.field, problems.len());
        problems.push(error);
        if !is_mended {
            break;
        }
    }
    problems
}

/// Puts something harmless where an error is; `false` where there is nothing to put.
fn mend(document: &mut TierPolicyDocument, field: &str, turn: usize) -> bool {
    let harmless = || TierArmDocument { score_from: Some("0".to_owned()), ..TierArmDocument::default() };
    if let Some(limit) = field.strip_prefix("limits.") {
        let users: BTreeSet<Place> =
            uses(document).remove(limit).unwrap_or_default().into_iter().map(|bound| bound.place).collect();
        for place in users {
            if let Some(arm) = place.slot(document) {
                *arm = harmless();
            }
        }
        return document.limits.remove(limit).is_some();
    }
    let number =
        |after: &str| -> Option<usize> { field.split_once(after)?.1.split_once(']')?.0.parse().ok() };
    let Some(rule) = number("rules[").and_then(|rule| document.rules.get_mut(rule)) else { return false };
    match number(".any[").and_then(|arm| rule.any.get_mut(arm)) {
        Some(arm) => *arm = harmless(),
        None if field.ends_with(".id") => rule.id = format!("mended.{turn}"),
        None => rule.any = vec![harmless()],
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::tier::Tier;

    fn document() -> TierPolicyDocument {
        TierPolicy::revision_1().document().clone()
    }

    fn bound(rule: usize, arm: usize, fact: Fact, is_upper: bool) -> Bound {
        Bound { place: Place { rule, arm }, fact, is_upper }
    }

    #[track_caller]
    fn apply(document: &mut TierPolicyDocument, item: Item, step: Step) -> (Item, String) {
        let mut done = None;
        change(document, &mut |document| done = item.apply(step, document));
        done.unwrap()
    }

    fn ids(document: &TierPolicyDocument) -> Vec<&str> {
        document.rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    #[test]
    fn a_written_cell_moves_its_limit_for_all_who_share_it_until_it_is_split() {
        let mut document = document();
        let lower = bound(0, 0, Fact::Score, false);
        let upper = bound(1, 0, Fact::Score, true);
        upper.write(&mut document, "75".to_owned());
        assert_eq!(lower.value(&document), Some("75"));
        assert_eq!(uses(&document)["score_3"], [lower, upper]);
        change(&mut document, &mut |document| upper.split(document));
        upper.write(&mut document, "70".to_owned());
        assert_eq!((lower.value(&document), upper.value(&document)), (Some("75"), Some("70")));
        assert_eq!(upper.limit(&document), Some("score_2_below"));
    }

    #[test]
    fn a_new_bound_gets_a_limit_and_a_limit_without_use_goes() {
        let mut document = document();
        let balance = bound(2, 0, Fact::Balance, false);
        change(&mut document, &mut |document| balance.add(document));
        // `balance_1` is taken by the rule's other arm.
        assert_eq!(balance.limit(&document), Some("balance_1_2"));
        assert_eq!(balance.value(&document), Some("10000"));
        let upper = bound(2, 0, Fact::Balance, true);
        change(&mut document, &mut |document| upper.add(document));
        assert_eq!(upper.value(&document), Some("20000"));
        TierPolicy::try_from(document.clone()).unwrap();
        for bound in [balance, upper] {
            change(&mut document, &mut |document| bound.clear(document));
        }
        assert_eq!(document, self::document());
        // A limit that nothing used before is left alone.
        document.limits.insert("spare".to_owned(), "1".to_owned());
        change(&mut document, &mut |document| bound(2, 0, Fact::Score, false).clear(document));
        assert_eq!(unused(&document), ["spare"]);
        assert!(!document.limits.contains_key("score_1"));
    }

    #[test]
    fn rules_and_arms_move_are_copied_and_removed() {
        let mut document = document();
        assert_eq!(
            apply(&mut document, Item::Rule(0), Step::Down),
            (Item::Rule(1), "rule t3 is now number 2 of 3".to_owned())
        );
        assert_eq!(ids(&document), ["t2", "t3", "t1"]);
        apply(&mut document, Item::Rule(2), Step::To(0));
        assert_eq!(ids(&document), ["t1", "t2", "t3"]);
        let (copy, _) = apply(&mut document, Item::Rule(1), Step::Duplicate);
        assert_eq!(ids(&document), ["t1", "t2", "t2-copy", "t3"]);
        // The copy can be moved without the original.
        bound(copy.at(), 0, Fact::Score, false).write(&mut document, "10".to_owned());
        assert_eq!(bound(1, 0, Fact::Score, false).value(&document), Some("60"));
        apply(&mut document, copy, Step::Remove);
        assert_eq!(document.limits, self::document().limits);

        let arm = Item::Arm(Place { rule: 0, arm: 0 });
        apply(&mut document, arm, Step::Down);
        assert!(document.rules[0].any[0].balance_from.is_some());
        apply(&mut document, arm, Step::Remove);
        assert_eq!(document.rules[0].any.len(), 1);
        assert!(!arm.can(Step::Remove, &document), "a rule keeps a condition");
        assert!(arm.apply(Step::Up, &mut document).is_none());
    }

    #[test]
    fn a_new_rule_changes_nothing_and_is_valid_at_once() {
        let mut document = document();
        let before = TierPolicy::revision_1();
        add_rule(&mut document);
        let (second, _) = add_rule(&mut document);
        assert_eq!(ids(&document), ["t3", "t2", "t1", "new-rule", "new-rule-2"]);
        let after = TierPolicy::try_from(document.clone()).unwrap();
        assert!(before.boundary_facts().all(|facts| before.tier_of(&facts) == after.tier_of(&facts)));
        add_arm(&mut document, second.at()).unwrap();
        TierPolicy::try_from(document).unwrap();
    }

    #[test]
    fn a_table_never_grows_beyond_what_a_policy_may_have() {
        let mut document = document();
        while Item::Rule(usize::MAX).has_room(&document) {
            add_rule(&mut document);
        }
        assert_eq!(document.rules.len(), TierPolicy::RULES_MAX);
        assert!(!Item::Rule(0).can(Step::Duplicate, &document));
        let arm = |arm: usize| Item::Arm(Place { rule: 3, arm });
        while arm(0).has_room(&document) {
            add_arm(&mut document, 3).unwrap();
        }
        assert_eq!(arm(0).count(&document), TierPolicy::ARMS_PER_RULE_MAX);
        TierPolicy::try_from(document).unwrap();
    }

    #[test]
    fn what_a_cell_was_follows_its_limit_and_its_arm() {
        let published = document();
        let mut document = published.clone();
        let was = |published: &TierPolicyDocument, document: &TierPolicyDocument, bound: Bound| {
            let base = base_rule(published, document, bound.place.rule).unwrap();
            let base = base_arm(base, &document.rules[bound.place.rule], bound.place.arm);
            super::was(published, document, bound, base)
        };
        let score = bound(1, 0, Fact::Score, false);
        score.write(&mut document, "60.00".to_owned());
        assert_eq!(was(&published, &document, score), None, "spelled differently");
        score.write(&mut document, "58".to_owned());
        assert_eq!(was(&published, &document, score), Some("60".to_owned()));
        // An arm that has moved is still what it was.
        Item::Arm(Place { rule: 1, arm: 0 }).apply(Step::Down, &mut document).unwrap();
        assert_eq!(was(&published, &document, bound(1, 1, Fact::Score, false)), Some("60".to_owned()));
        assert_eq!(was(&published, &document, bound(1, 0, Fact::Score, false)), None);
        bound(0, 0, Fact::Balance, false).add(&mut document);
        assert_eq!(was(&published, &document, bound(0, 0, Fact::Balance, false)), Some("any".to_owned()));
        document.rules[2].id = "warm".to_owned();
        assert_eq!(base_rule(&published, &document, 2).unwrap().id, "t1");
    }

    #[test]
    fn every_problem_is_found_at_its_field() {
        let mut document = document();
        document.limits.insert("score_3".to_owned(), "much".to_owned());
        document.rules[2].id = "two words".to_owned();
        document.rules[2].any[1].balance_below = Some("1".to_owned());
        document.rules[1].any[1].signals_min = Some(9);
        let fields: Vec<String> = problems(&document).into_iter().map(|problem| problem.field).collect();
        assert_eq!(
            fields,
            ["limits.score_3", "rules[1].any[1].signals_min", "rules[2].id", "rules[2].any[1].balance_below"]
        );
        assert!(problems(&self::document()).is_empty());
    }

    #[test]
    fn a_change_of_a_rule_is_named_by_its_values() {
        let published = document();
        let mut document = published.clone();
        bound(1, 0, Fact::Score, true).split(&mut document);
        bound(1, 0, Fact::Score, true).write(&mut document, "75".to_owned());
        document.rules[1].tier = Tier::WarmProspects;
        document.rules[1].any[1].signals_min = None;
        assert_eq!(
            rule_change((&published, &published.rules[1]), (&document, &document.rules[1])),
            "tier 2→1, score below 80→75, assets 1→any"
        );
    }
}
