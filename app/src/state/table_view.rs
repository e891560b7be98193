//! What the table of rules shows, made of the whole draft at once.
//!
//! Each row follows its own part of it. If every cell followed the document, a table of a thousand conditions would
//! give one signal tens of thousands of subscribers, each of which leaves and joins it again with every edit, at a
//! cost that grows with their number.

use super::decision_table::{Bound, Fact, Item, Place, base_arm, base_rule, signals_text, uses, was};
use policy::tier::{PolicyError, Tier, TierArmDocument, TierPolicyDocument};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    pub id: String,
    pub tier: Tier,
    /// `rule t2`.
    pub words: String,
    /// `new`, or what tier and id were.
    pub was: Option<String>,
    /// Of the rule itself.
    pub problem: Option<PolicyError>,
    /// Whether it may have one more condition.
    pub has_room: bool,
    pub arms: Vec<ArmView>,
}

/// What a row shows that is about to go.
impl Default for RuleView {
    fn default() -> Self {
        Self {
            id: String::new(),
            tier: Tier::Monitor,
            words: String::new(),
            was: None,
            problem: None,
            has_room: false,
            arms: Vec::new(),
        }
    }
}

impl RuleView {
    /// Whether anything in it is wrong.
    pub fn has_problem(&self) -> bool {
        let of_arm =
            |arm: &ArmView| arm.problem.is_some() || arm.cells.iter().any(|cell| cell.problem.is_some());
        self.problem.is_some() || self.arms.iter().any(of_arm)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArmView {
    /// `condition 1 of rule t2`.
    pub words: String,
    pub signals: Option<u8>,
    /// What it asked of the assets.
    pub was: Option<String>,
    /// Of the condition itself.
    pub problem: Option<PolicyError>,
    /// By fact, the lower bound first.
    cells: [CellView; 4],
}

impl ArmView {
    pub fn cell(&self, fact: Fact, is_upper: bool) -> &CellView {
        let [score_from, score_below, balance_from, balance_below] = &self.cells;
        match (fact, is_upper) {
            (Fact::Score, false) => score_from,
            (Fact::Score, true) => score_below,
            (Fact::Balance, false) => balance_from,
            (Fact::Balance, true) => balance_below,
        }
    }

    pub fn has(&self, fact: Fact) -> bool {
        [false, true].into_iter().any(|is_upper| self.cell(fact, is_upper).value.is_some())
    }
}

/// One end of a range
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellView {
    pub value: Option<String>,
    /// What it said in the policy that the draft is compared with, where it says something else now.
    pub was: Option<String>,
    /// Its limit's name where the limit is first used here, else its place: unique, for tests.
    pub key: String,
    pub problem: Option<PolicyError>,
    /// The rules, besides this cell, that use its limit.
    pub shared_with: Vec<String>,
}

/// The rows of a table; those that are as they were are the same ones
pub fn rows(
    document: &TierPolicyDocument,
    published: &TierPolicyDocument,
    problems: &[PolicyError],
    previous: &[Arc<RuleView>],
) -> Vec<Arc<RuleView>> {
    let maker = Maker { document, published, problems, uses: uses(document) };
    let row = |rule: usize| {
        let view = maker.rule(rule);
        match previous.get(rule) {
            Some(known) if **known == view => Arc::clone(known),
            _ => Arc::new(view),
        }
    };
    (0..document.rules.len()).map(row).collect()
}

struct Maker<'a> {
    document: &'a TierPolicyDocument,
    published: &'a TierPolicyDocument,
    problems: &'a [PolicyError],
    uses: BTreeMap<String, Vec<Bound>>,
}

impl Maker<'_> {
    fn rule(&self, rule: usize) -> RuleView {
        let Some(own) = self.document.rules.get(rule) else { return RuleView::default() };
        let item = Item::Rule(rule);
        let base = base_rule(self.published, self.document, rule);
        let was = match base {
            None => Some("new".to_owned()),
            Some(base) => {
                let tier = (base.tier != own.tier).then(|| base.tier.number().to_string());
                let parts: Vec<String> =
                    tier.into_iter().chain((base.id != own.id).then(|| base.id.clone())).collect();
                (!parts.is_empty()).then(|| format!("was {}", parts.join(" ")))
            }
        };
        let arms = (0..own.any.len()).map(|arm| {
            let base = base.and_then(|base| base_arm(base, own, arm));
            self.arm(Place { rule, arm }, base)
        });
        RuleView {
            id: own.id.clone(),
            tier: own.tier,
            words: item.words(self.document),
            was,
            problem: self.problem(|field| {
                field
                    .strip_prefix("rules[")
                    .is_some_and(|rest| rest == format!("{rule}].id") || rest == format!("{rule}].any"))
            }),
            has_room: Item::Arm(Place { rule, arm: 0 }).has_room(self.document),
            arms: arms.collect(),
        }
    }

    fn arm(&self, place: Place, base: Option<&TierArmDocument>) -> ArmView {
        let Some(own) = place.read(self.document) else { return ArmView::default() };
        let was = base.filter(|base| base.signals_min != own.signals_min);
        let path = place.path();
        ArmView {
            words: Item::Arm(place).words(self.document),
            signals: own.signals_min,
            was: was.map(|base| format!("was {}", signals_text(base.signals_min))),
            problem: self.problem(|field| {
                field.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest == ".signals_min")
            }),
            cells: Bound::of(place).map(|bound| self.cell(bound, base)),
        }
    }

    fn cell(&self, bound: Bound, base: Option<&TierArmDocument>) -> CellView {
        let Place { rule, arm } = bound.place;
        let limit = bound.limit(self.document);
        let users = limit.and_then(|limit| self.uses.get(limit)).map(Vec::as_slice).unwrap_or_default();
        let mut shared_with: Vec<String> = Vec::new();
        for other in users.iter().filter(|other| **other != bound) {
            let user = match self.document.rules.get(other.place.rule) {
                Some(_) if other.place.rule == rule => "this rule",
                Some(rule) => rule.id.as_str(),
                None => continue,
            };
            if !shared_with.iter().any(|known| known == user) {
                shared_with.push(user.to_owned());
            }
        }
        let key = match limit.filter(|_| users.first() == Some(&bound)) {
            Some(limit) => limit.to_owned(),
            None => format!("{rule}-{arm}-{}", bound.field()),
        };
        CellView {
            value: bound.value(self.document).map(str::to_owned),
            was: was(self.published, self.document, bound, base),
            key,
            problem: self.problems.iter().find(|problem| bound.owns(self.document, problem)).cloned(),
            shared_with,
        }
    }

    fn problem(&self, is_of: impl Fn(&str) -> bool) -> Option<PolicyError> {
        self.problems.iter().find(|problem| is_of(&problem.field)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::decision_table::{Step, problems};
    use super::*;
    use policy::tier::TierPolicy;

    fn published() -> TierPolicyDocument {
        TierPolicy::revision_1().document().clone()
    }

    fn bound(rule: usize, arm: usize, fact: Fact, is_upper: bool) -> Bound {
        Bound { place: Place { rule, arm }, fact, is_upper }
    }

    #[test]
    fn a_row_says_what_its_rule_says_and_who_shares_its_limits() {
        let rows = rows(&published(), &published(), &[], &[]);
        let second = &rows[1];
        assert_eq!((second.id.as_str(), second.words.as_str(), &second.was), ("t2", "rule t2", &None));
        let upper = second.arms[0].cell(Fact::Score, true);
        assert_eq!(upper.value.as_deref(), Some("80"));
        // The limit is first used by the rule above.
        assert_eq!(
            (upper.key.as_str(), upper.shared_with.as_slice()),
            ("1-0-score_below", &["t3".to_owned()][..])
        );
        assert_eq!(rows[0].arms[0].cell(Fact::Score, false).key, "score_3");
        assert!(second.arms[0].has(Fact::Score) && !second.arms[0].has(Fact::Balance));
        assert_eq!(second.arms[1].signals, Some(1));
    }

    #[test]
    fn an_edit_leaves_the_rows_alone_that_it_does_not_concern() {
        let before = rows(&published(), &published(), &[], &[]);
        let mut document = published();
        bound(2, 0, Fact::Score, false).write(&mut document, "30".to_owned());
        let after = rows(&document, &published(), &[], &before);
        let is_same: Vec<bool> =
            before.iter().zip(&after).map(|(before, after)| Arc::ptr_eq(before, after)).collect();
        assert_eq!(is_same, [true, true, false]);
        assert_eq!(after[2].arms[0].cell(Fact::Score, false).was.as_deref(), Some("35"));
    }

    #[test]
    fn a_new_rule_says_so_and_a_changed_one_what_it_was() {
        let mut document = published();
        Item::Rule(0).apply(Step::Duplicate, &mut document).unwrap();
        document.rules[2].tier = Tier::Monitor;
        document.rules[3].any[1].signals_min = Some(3);
        let rows = rows(&document, &published(), &[], &[]);
        let was: Vec<Option<&str>> = rows.iter().map(|row| row.was.as_deref()).collect();
        assert_eq!(was, [None, Some("new"), Some("was 2"), None]);
        assert_eq!(rows[3].arms[1].was.as_deref(), Some("was any"));
    }

    #[test]
    fn each_problem_stands_at_its_own_field() {
        let mut document = published();
        document.limits.insert("score_3".to_owned(), "much".to_owned());
        document.rules[2].id = "two words".to_owned();
        document.rules[1].any[1].signals_min = Some(9);
        let rows = rows(&document, &published(), &problems(&document), &[]);
        assert!(rows.iter().all(|row| row.has_problem()));
        assert!(rows[0].problem.is_none() && rows[0].arms[0].cell(Fact::Score, false).problem.is_some());
        assert!(rows[1].arms[1].problem.is_some() && rows[1].arms[0].problem.is_none());
        assert!(rows[1].arms[0].cell(Fact::Score, true).problem.is_some(), "it uses the same limit");
        assert_eq!(rows[2].problem.as_ref().unwrap().field, "rules[2].id");
    }
}
