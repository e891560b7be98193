//! A validated tier policy: its rules in integers, ready to decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::decimal;
use super::reason;
use super::{
    AssetSignals, Cents, JudgmentFacts, Score, Tier, TierArmDocument, TierPolicyDocument, TierRuleDocument,
};

/// Caps that keep every policy quick to check, to compile and to read, with those that `TierPolicy` names. The
/// last one lets a band of a grid fit in a byte.
const LIMITS_MAX: usize = 1_000;
const BOUNDS_MAX: usize = 255;
const NAME_LENGTH_MAX: usize = 64;

/// An ordered decision table that assigns every judgment to exactly one [`Tier`]
///
/// Rules are tried top to bottom and the first match wins (hit policy *First*). `fallback` takes what no
/// rule matches, so evaluation is total: there is no judgment without a tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TierPolicyDocument", into = "TierPolicyDocument")]
pub struct TierPolicy {
    // INVARIANT: `rules`, `assets` and `fallback` say what `document` says.
    document: TierPolicyDocument,
    // INVARIANT: ids are unique, because outcomes name rules by id; every rule has an arm, every arm a condition.
    pub(crate) rules: Vec<Rule>,
    pub(crate) assets: AssetSignals,
    pub(crate) fallback: Tier,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) tier: Tier,
    pub(crate) arms: Vec<Arm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arm {
    /// Hundredths of a point.
    pub(crate) score: Span,
    /// Cents.
    pub(crate) balance: Span,
    /// 0 asks for none.
    pub(crate) signals_min: u8,
}

/// A half-open range in hundredths; without a bound it is open on that side
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) from: Option<i64>,
    pub(crate) below: Option<i64>,
}

/// What a policy says of one judgment
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierOutcome {
    /// The tier.
    pub tier: Tier,
    /// The rule and the arm that decided; `None` when the fallback did.
    pub decided_by: Option<DecidedBy>,
    /// The conditions that held, or what the fallback missed.
    pub reason: String,
}

/// The place in a policy that decided
///
/// Displays as assignments store it: `t1/0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedBy {
    /// The rule's id.
    pub rule: String,
    /// The arm's place in the rule, from 0.
    pub arm: u32,
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.rule, self.arm)
    }
}

/// A policy that is refused: the field and what is wrong with it
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {message}")]
pub struct PolicyError {
    /// A path such as `rules[1].any[0].score_from`; `policy` when it is the whole.
    pub field: String,
    /// Lower-case, without a full stop.
    pub message: String,
}

/// SHA-256 of a policy's canonical JSON, as 64 lower-case hexadecimal digits
///
/// Equal for policies that differ only in spelling (`"80.0"` for `"80"`, order of fields).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PolicyDigest(String);

impl PolicyDigest {
    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TierPolicy {
    /// The most rules of a policy.
    pub const RULES_MAX: usize = 200;
    /// The most arms of a rule.
    pub const ARMS_PER_RULE_MAX: usize = 32;
    /// The most arms of a policy.
    pub const ARMS_MAX: usize = 1_000;

    /// The default policy, faithful to the firm's table with its faults: it is not monotone and leaves gaps.
    pub fn revision_1() -> TierPolicy {
        TierPolicy::built_in(include_str!("revision_1.json"))
    }

    /// Revision 1 repaired, as a ready-made draft
    ///
    /// No arm has an upper bound, so that more score, more balance or one more signal never lowers the tier
    /// and no balance above `balance_1` is left to the fallback.
    pub fn monotone_draft() -> TierPolicy {
        TierPolicy::built_in(include_str!("monotone_draft.json"))
    }

    /// Reads a document that a test holds to be valid; there is no panic for the case that cannot come.
    fn built_in(json: &str) -> TierPolicy {
        // Not `from_json`: the console, which reads no policy text of people's, downloads no error paths either.
        let document = serde_json::from_str::<TierPolicyDocument>(json).ok();
        document.and_then(|document| document.try_into().ok()).unwrap_or_else(|| TierPolicy {
            document: TierPolicyDocument {
                limits: BTreeMap::new(),
                asset_signals: Vec::new(),
                rules: Vec::new(),
                fallback: Tier::Monitor,
            },
            rules: Vec::new(),
            assets: AssetSignals::default(),
            fallback: Tier::Monitor,
        })
    }

    /// Reads and validates JSON text; see [`TierPolicyDocument`] for its form.
    pub fn from_json(json: &str) -> Result<TierPolicy, PolicyError> {
        TierPolicyDocument::from_json(json)?.try_into()
    }

    /// The policy as a document, its decimals and asset signals in their normal form.
    pub fn document(&self) -> &TierPolicyDocument {
        &self.document
    }

    /// The signals that count as assets.
    pub fn assets(&self) -> AssetSignals {
        self.assets
    }

    /// Identifies what the policy says.
    pub fn digest(&self) -> PolicyDigest {
        PolicyDigest(hex(&Sha256::digest(self.document.to_json())))
    }

    /// Decides the tier of a judgment, with the reason
    ///
    /// Pure: the browser's preview and the worker call this with the same inputs and must agree.
    pub fn evaluate(&self, facts: &JudgmentFacts) -> TierOutcome {
        match self.deciding(facts) {
            Some((rule, place, arm)) => TierOutcome {
                tier: rule.tier,
                decided_by: Some(DecidedBy { rule: rule.id.clone(), arm: place }),
                reason: reason::of_arm(arm, self.assets, facts),
            },
            None => TierOutcome {
                tier: self.fallback,
                decided_by: None,
                reason: reason::of_fallback(self, facts),
            },
        }
    }

    /// The tier that [`evaluate`](Self::evaluate) gives, without the reason.
    pub fn tier_of(&self, facts: &JudgmentFacts) -> Tier {
        self.deciding(facts).map_or(self.fallback, |(rule, _, _)| rule.tier)
    }

    /// The place, from 0, of the rule that decides; `None` when the fallback does.
    pub fn deciding_rule(&self, facts: &JudgmentFacts) -> Option<u32> {
        let (score, balance) = (facts.compared_score(), facts.compared_balance());
        let signals = facts.signals.count_of(self.assets);
        let holds = |rule: &Rule| rule.arms.iter().any(|arm| arm.holds(score, balance, signals));
        (0..).zip(&self.rules).find_map(|(place, rule)| holds(rule).then_some(place))
    }

    /// Facts on both sides of every limit, with every set of signals, and with score and balance missing
    ///
    /// These visit every cell of the policy's grid, each from its corners. There are many for a large policy:
    /// the iterator makes them one by one.
    pub fn boundary_facts(&self) -> impl Iterator<Item = JudgmentFacts> {
        fn around(bounds: BTreeSet<i64>, max: i64) -> Vec<Option<i64>> {
            let mut values: BTreeSet<i64> =
                bounds.iter().flat_map(|bound| [bound - 1, *bound, bound + 1]).collect();
            values.extend([0, max]);
            values.into_iter().filter(|value| (0..=max).contains(value)).map(Some).chain([None]).collect()
        }
        let scores = around(self.score_bounds(), i64::from(Score::MAX.hundredths()));
        let balances = around(self.balance_bounds(), Cents::MAX.cents());
        scores.into_iter().flat_map(move |score| {
            balances.clone().into_iter().flat_map(move |balance| {
                (0..16).map(move |bits| JudgmentFacts {
                    score: score.and_then(|score| Score::from_hundredths(u16::try_from(score).ok()?)),
                    balance: balance.and_then(Cents::from_cents),
                    signals: AssetSignals::from_bits(bits),
                })
            })
        })
    }

    /// The first arm that holds, with its rule and its place in it.
    fn deciding(&self, facts: &JudgmentFacts) -> Option<(&Rule, u32, &Arm)> {
        let (score, balance) = (facts.compared_score(), facts.compared_balance());
        let signals = facts.signals.count_of(self.assets);
        self.rules.iter().find_map(|rule| {
            let (place, arm) = (0..).zip(&rule.arms).find(|(_, arm)| arm.holds(score, balance, signals))?;
            Some((rule, place, arm))
        })
    }

    pub(crate) fn arms(&self) -> impl DoubleEndedIterator<Item = (&Rule, &Arm)> {
        self.rules.iter().flat_map(|rule| rule.arms.iter().map(move |arm| (rule, arm)))
    }

    /// Every score in hundredths at which an arm begins or ends.
    pub(crate) fn score_bounds(&self) -> BTreeSet<i64> {
        self.arms().flat_map(|(_, arm)| arm.score.bounds()).collect()
    }

    /// Every balance in cents at which an arm begins or ends.
    pub(crate) fn balance_bounds(&self) -> BTreeSet<i64> {
        self.arms().flat_map(|(_, arm)| arm.balance.bounds()).collect()
    }
}

impl Arm {
    pub(crate) fn holds(&self, score: i64, balance: i64, signals: u8) -> bool {
        self.score.contains(score) && self.balance.contains(balance) && signals >= self.signals_min
    }
}

impl Span {
    pub(crate) fn is_open(self) -> bool {
        self == Span::default()
    }

    pub(crate) fn contains(self, value: i64) -> bool {
        self.from.is_none_or(|from| value >= from) && self.below.is_none_or(|below| value < below)
    }

    pub(crate) fn bounds(self) -> impl Iterator<Item = i64> {
        self.from.into_iter().chain(self.below)
    }
}

impl From<TierPolicy> for TierPolicyDocument {
    fn from(policy: TierPolicy) -> TierPolicyDocument {
        policy.document
    }
}

impl TryFrom<TierPolicyDocument> for TierPolicy {
    type Error = PolicyError;

    fn try_from(mut document: TierPolicyDocument) -> Result<TierPolicy, PolicyError> {
        check_count("limits", document.limits.len(), LIMITS_MAX, "limits")?;
        check_count("rules", document.rules.len(), TierPolicy::RULES_MAX, "rules")?;
        let limits = normalize_limits(&mut document.limits)?;
        let assets = normalize_assets(&mut document)?;

        let mut rules = Vec::new();
        let mut ids = BTreeSet::new();
        for (place, rule) in document.rules.iter_mut().enumerate() {
            let field = format!("rules[{place}]");
            check_name(&rule.id, &format!("{field}.id"))?;
            if !ids.insert(rule.id.clone()) {
                return refuse(format!("{field}.id"), format!("duplicate rule id `{}`", rule.id));
            }
            rules.push(read_rule(rule, &field, &limits, assets)?);
        }
        let policy = TierPolicy { rules, assets, fallback: document.fallback, document };
        check_count("rules", policy.arms().count(), TierPolicy::ARMS_MAX, "arms")?;
        check_count("rules", policy.score_bounds().len(), BOUNDS_MAX, "different score limits")?;
        check_count("rules", policy.balance_bounds().len(), BOUNDS_MAX, "different balance limits")?;
        Ok(policy)
    }
}

fn refuse<T>(field: String, message: String) -> Result<T, PolicyError> {
    Err(PolicyError { field, message })
}

fn check_count(field: &str, count: usize, max: usize, what: &str) -> Result<(), PolicyError> {
    if count > max { refuse(field.to_owned(), format!("{count} {what} are more than {max}")) } else { Ok(()) }
}

/// Ids and names are plain, so that they stand unquoted in reasons, paths, logs and SQL literals.
fn check_name(name: &str, field: &str) -> Result<(), PolicyError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.bytes().all(is_plain) {
        let name = decimal::quoted(name);
        return refuse(
            field.to_owned(),
            format!("`{name}` is not 1 to {NAME_LENGTH_MAX} of letters, digits, `_`, `.` and `-`"),
        );
    }
    Ok(())
}

/// Checks every limit, used or not, and rewrites it in its normal form; gives the limits in hundredths
fn normalize_limits(limits: &mut BTreeMap<String, String>) -> Result<BTreeMap<String, i64>, PolicyError> {
    let mut values = BTreeMap::new();
    for (name, text) in limits {
        let field = format!("limits.{}", decimal::quoted(name));
        check_name(name, &field)?;
        if decimal::is_decimal(name) {
            return refuse(field, format!("`{name}` is a number, not a name"));
        }
        let (value, normal) = read_amount(text, &field)?;
        *text = normal;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// Reads a limit or a literal as hundredths, with its normal spelling
fn read_amount(text: &str, field: &str) -> Result<(i64, String), PolicyError> {
    match text.parse::<Cents>() {
        Ok(amount) => Ok((amount.cents(), amount.to_decimal().normalize().to_string())),
        Err(error) => refuse(field.to_owned(), error.to_string()),
    }
}

fn normalize_assets(document: &mut TierPolicyDocument) -> Result<AssetSignals, PolicyError> {
    let assets: AssetSignals = document.asset_signals.iter().copied().collect();
    for (place, signal) in document.asset_signals.iter().enumerate() {
        if document.asset_signals.iter().take(place).any(|earlier| earlier == signal) {
            return refuse(
                format!("asset_signals[{place}]"),
                format!("duplicate asset signal `{}`", signal.name()),
            );
        }
    }
    document.asset_signals = assets.iter().collect();
    Ok(assets)
}

fn read_rule(
    rule: &mut TierRuleDocument,
    field: &str,
    limits: &BTreeMap<String, i64>,
    assets: AssetSignals,
) -> Result<Rule, PolicyError> {
    if rule.any.is_empty() {
        return refuse(format!("{field}.any"), "has no arm".to_owned());
    }
    check_count(&format!("{field}.any"), rule.any.len(), TierPolicy::ARMS_PER_RULE_MAX, "arms")?;
    let arms = rule
        .any
        .iter_mut()
        .enumerate()
        .map(|(place, arm)| read_arm(arm, &format!("{field}.any[{place}]"), limits, assets))
        .collect::<Result<_, _>>()?;
    Ok(Rule { id: rule.id.clone(), tier: rule.tier, arms })
}

fn read_arm(
    arm: &mut TierArmDocument,
    field: &str,
    limits: &BTreeMap<String, i64>,
    assets: AssetSignals,
) -> Result<Arm, PolicyError> {
    if *arm == TierArmDocument::default() {
        return refuse(field.to_owned(), "has no condition".to_owned());
    }
    let signals_min = arm.signals_min.unwrap_or(0);
    let signals = assets.bits().count_ones();
    if arm.signals_min == Some(0) {
        return refuse(format!("{field}.signals_min"), "`0` asks for no asset signal".to_owned());
    }
    if u32::from(signals_min) > signals {
        let message = format!("`{signals_min}` is more than the number of asset signals, {signals}");
        return refuse(format!("{field}.signals_min"), message);
    }
    Ok(Arm {
        score: read_span(
            [&mut arm.score_from, &mut arm.score_below],
            field,
            "score",
            limits,
            i64::from(Score::MAX.hundredths()),
        )?,
        balance: read_span(
            [&mut arm.balance_from, &mut arm.balance_below],
            field,
            "balance",
            limits,
            Cents::MAX.cents(),
        )?,
        signals_min,
    })
}

fn read_span(
    bounds: [&mut Option<String>; 2],
    field: &str,
    fact: &str,
    limits: &BTreeMap<String, i64>,
    max: i64,
) -> Result<Span, PolicyError> {
    let read = |bound: &mut Option<String>, end: &str| {
        let Some(text) = bound else { return Ok(None) };
        let field = format!("{field}.{fact}_{end}");
        let value = if decimal::is_decimal(text) {
            let (value, normal) = read_amount(text, &field)?;
            *text = normal;
            value
        } else {
            match limits.get(text.as_str()) {
                Some(value) => *value,
                None => return refuse(field, format!("unknown limit `{}`", decimal::quoted(text))),
            }
        };
        if value > max {
            return refuse(field, format!("`{}` is outside 0 to 100", decimal::quoted(text)));
        }
        Ok(Some(value))
    };
    let [from_bound, below_bound] = bounds;
    let span = Span { from: read(from_bound, "from")?, below: read(below_bound, "below")? };
    match span.below {
        Some(below) if below <= span.from.unwrap_or(0) => {
            let from = from_bound.as_deref().unwrap_or("0");
            let below = below_bound.as_deref().unwrap_or_default();
            refuse(format!("{field}.{fact}_below"), format!("`{below}` is not above `{from}`"))
        }
        _ => Ok(span),
    }
}

/// Lower-case hexadecimal digits of a digest
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
