//! What is wrong with a policy in itself.

mod limits;
mod order;
mod reach;
mod subject;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Region;
use crate::tier::{AssetSignal, Cents, DecidedBy, Score, Tier, TierPolicy};
use reach::Reach;
use subject::Subject;

/// Regions that a finding lists; what is left out is counted.
const REGIONS_LISTED_MAX: usize = 50;

/// Something that the author of a policy may want to mend
///
/// A valid policy works whatever its findings are; they tell where it does what nobody may have meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How likely it is a fault.
    pub severity: Severity,
    /// What it is, for programs.
    pub code: FindingCode,
    /// What it is and where, in a sentence that needs no knowledge of programs.
    pub message: String,
    /// The rules that it names, those to mend first.
    pub rules: Vec<NamedRule>,
    /// The fields of the document to look at, such as `rules[1].any[0].score_below` or `limits.score_2`.
    pub fields: Vec<String>,
    /// The smallest judgment that shows it: the fewest signals, then the smallest balance, then the smallest score
    ///
    /// A cliff has two, the one below and the one past it; an unused limit and an unreachable tier have none.
    pub examples: Vec<ExampleJudgment>,
    /// Where it is: all judgments of a gap; of a cliff those right past it, which lost. Disjoint, at most 50.
    pub regions: Vec<Region>,
    /// How many regions are not listed.
    pub regions_left_out: u32,
}

/// How likely a finding is a fault
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No policy should have it.
    Error,
    /// Look at it before you publish.
    Warning,
    /// Harmless as the policy stands; it may surprise when a limit or a rule moves.
    Note,
}

/// What a finding is; its name in JSON is stable
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// More score, more balance or one more signal gives a lower tier. An error.
    Cliff,
    /// A rule that never decides, because earlier ones take all that it matches: an error where they give another
    /// tier, else a warning.
    ShadowedRule,
    /// The same of one arm, while others of its rule decide: a warning where the tier is another one, else a note.
    ShadowedArm,
    /// Only the fallback takes them, although rules take judgments that have no more and others that have no less
    /// of score, balance and signals: a warning where its tier is below the one or above the other, else a note.
    Gap,
    /// No judgment can have this tier. A warning.
    UnreachableTier,
    /// Rules with different tiers, both of which decide somewhere, match the same judgment and the first one wins: a
    /// warning where that gives the lower tier, else a note. One finding has all rules of a tier that win so.
    Overlap,
    /// Limits each of which can stand anywhere between its neighbours without changing a tier. A warning.
    IdleLimit,
    /// Conditions of arms, each of which could go and every judgment would keep its tier. A note.
    IdleCondition,
    /// Limits that no rule refers to. A note.
    UnusedLimit,
}

/// A rule that a finding names
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRule {
    /// Its id.
    pub rule: String,
    /// The places of its arms that matter, from 0, ascending.
    pub arms: Vec<u32>,
}

/// A judgment that shows a finding, and what the policy makes of it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleJudgment {
    /// Its score.
    pub collectability_score: Score,
    /// Its balance.
    pub balance: Cents,
    /// Its signals.
    pub signals: Vec<AssetSignal>,
    /// Its tier.
    pub tier: Tier,
    /// The rule and the arm that decide; `None` where the fallback does.
    pub decided_by: Option<DecidedBy>,
}

impl Finding {
    /// Whether no policy should have it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Finds what is wrong with a policy in itself, the worst first
///
/// Exact: what is not found is not there. Takes well under a second for the largest policy.
pub fn analyze(policy: &TierPolicy) -> Vec<Finding> {
    let subject = Subject::new(policy);
    let reach = Reach::new(&subject);
    // In the order of their codes.
    let mut findings = order::cliffs(&subject);
    findings.extend(reach::shadowed_rules(&reach));
    findings.extend(reach::shadowed_arms(&reach));
    findings.extend(order::gaps(&subject));
    findings.extend(reach::unreachable_tiers(&subject));
    findings.extend(reach::overlaps(&reach));
    findings.extend(limits::idle_limits(&subject));
    findings.extend(limits::idle_conditions(&subject));
    findings.extend(limits::unused_limits(&subject));
    let mut ordered = Vec::with_capacity(findings.len());
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        ordered.extend(findings.extract_if(.., |finding| finding.severity == severity));
    }
    ordered
}
