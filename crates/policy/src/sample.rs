//! Made-up policies, facts and portfolios for tests and measurements: the same seed gives the same sample.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::portfolio::PortfolioColumns;
use crate::routing::AgentStatus;
use crate::tier::{
    AssetSignal, AssetSignals, Cents, JudgmentFacts, Score, Tier, TierArmDocument, TierPolicyDocument,
    TierRuleDocument,
};

/// Limits that stand close together, on whole thousands, between them and at the ends.
const SCORES: [&str; 12] =
    ["0.01", "10", "34.99", "35", "35.01", "59.5", "60", "79.6", "79.99", "80", "99.99", "100"];
const BALANCES: [&str; 12] = [
    "0.01",
    "1",
    "500",
    "999.99",
    "5000",
    "12500",
    "12500.5",
    "15000",
    "49999.99",
    "50000",
    "1500000",
    "999999999999.99",
];

/// A valid policy of up to six rules with up to three arms, its bounds by name and as literals.
pub fn policy_document(seed: u64) -> TierPolicyDocument {
    let mut dice = Dice::new(seed);
    let limits: BTreeMap<String, String> =
        (SCORES.iter().zip(1..).map(|(text, place)| (format!("score_{place}"), text)))
            .chain(BALANCES.iter().zip(1..).map(|(text, place)| (format!("balance_{place}"), text)))
            .map(|(name, text)| (name, (*text).to_owned()))
            .collect();
    let assets = AssetSignals::from_bits(dice.roll(16) as u8);
    let rules = (0..dice.roll(7))
        .map(|place| TierRuleDocument {
            id: format!("rule-{place}"),
            tier: dice.tier(),
            any: (0..=dice.roll(3)).map(|_| arm(&mut dice, assets.count_of(assets))).collect(),
        })
        .collect();
    TierPolicyDocument { limits, asset_signals: assets.iter().collect(), rules, fallback: dice.tier() }
}

fn arm(dice: &mut Dice, signals: u8) -> TierArmDocument {
    let [score_from, score_below] = range(dice, "score", &SCORES);
    let [balance_from, balance_below] = range(dice, "balance", &BALANCES);
    let signals_min = (signals > 0 && dice.roll(2) == 0).then(|| 1 + dice.roll(u64::from(signals)) as u8);
    let arm = TierArmDocument { score_from, score_below, balance_from, balance_below, signals_min };
    if arm == TierArmDocument::default() {
        TierArmDocument { score_from: Some("50".to_owned()), ..arm }
    } else {
        arm
    }
}

/// Two ascending bounds, either of them perhaps absent, each by name or as a literal
fn range(dice: &mut Dice, fact: &str, limits: &[&str; 12]) -> [Option<String>; 2] {
    let from = dice.roll(11);
    let below = from + 1 + dice.roll(11 - from);
    [from, below].map(|place| {
        let literal = limits.get(place as usize).copied().unwrap_or_default();
        match dice.roll(6) {
            0..=2 => None,
            3 => Some(literal.to_owned()),
            _ => Some(format!("{fact}_{}", place + 1)),
        }
    })
}

/// Facts that look like the firm's: scores of every size, balances over six powers of ten, some missing.
pub fn facts(seed: u64) -> JudgmentFacts {
    Dice::new(seed).facts()
}

/// The columns of a portfolio of `rows` judgments, numbered with gaps, some of them tiered or overridden.
pub fn portfolio_columns(seed: u64, rows: u32) -> PortfolioColumns {
    let mut dice = Dice::new(seed);
    let mut columns = PortfolioColumns::default();
    let mut judgment_no = 0;
    for _ in 0..rows {
        judgment_no += 1 + dice.roll(8) / 7;
        let facts = dice.facts();
        let stored = (dice.roll(8) > 0).then(|| dice.tier());
        let overriding = (dice.roll(16) == 0).then(|| dice.tier());
        columns.push(judgment_no, &facts, stored, overriding);
    }
    columns
}

/// A routing configuration with `steps` steps on it, of which some are refused: what `policy::routing::Script` reads
///
/// Few agents and visitors, so that capacities are reached, ties are common and visitors come back. Agents and members are listed in
/// an order of their own for each `listing`; the meaning is the same for all.
pub fn routing_script(seed: u64, steps: u32, listing: u64) -> Value {
    let mut dice = Dice::new(seed);
    let statuses = AgentStatus::ALL;
    let status = |dice: &mut Dice| {
        // Idle half of the time, so that there is someone to take a lead.
        let status = statuses.get(dice.roll(10) as usize).copied().unwrap_or(AgentStatus::Idle);
        Value::from(status.as_str())
    };
    let agents = 1 + dice.roll(9);
    let mut agents: Vec<Value> = (0..agents)
        .map(|number| {
            let org = if dice.roll(8) == 0 { "o2" } else { "o1" };
            json!({ "id": format!("a{number}"), "org_id": org, "status": status(&mut dice), "capacity": dice.roll(4) })
        })
        .collect();
    let mut pools: Vec<Value> = (0..1 + dice.roll(3))
        .map(|number| {
            let org = if number > 0 && dice.roll(4) == 0 { "o2" } else { "o1" };
            let fallback = if dice.roll(3) == 0 { "organisation" } else { "none" };
            let members: Vec<Value> = agents
                .iter()
                .filter(|agent| agent.get("org_id").and_then(Value::as_str) == Some(org))
                .filter_map(|agent| {
                    // A missing rank is 1.
                    let rank = Some(dice.roll(4)).filter(|rank| *rank > 0);
                    let member = json!({ "agent_id": agent.get("id"), "priority_rank": rank });
                    (dice.roll(3) > 0).then_some(member)
                })
                .collect();
            json!({ "id": format!("p{number}"), "org_id": org, "fallback": fallback, "members": members })
        })
        .collect();
    // One in thirty names nobody.
    let name = |dice: &mut Dice, prefix: &str, known: usize| match dice.roll(30) {
        0 => format!("{prefix}-unknown"),
        _ => format!("{prefix}{}", dice.roll(known as u64)),
    };
    let steps: Vec<Value> = (0..steps)
        .map(|_| {
            let agent = name(&mut dice, "a", agents.len());
            let pool = name(&mut dice, "p", pools.len());
            let visitor = format!("v{}", dice.roll(12));
            match dice.roll(20) {
                0..=8 => {
                    let excluded = (dice.roll(4) == 0).then_some(agent);
                    json!({ "do": "route", "pool_id": pool, "visitor_id": visitor, "exclude_agent_id": excluded })
                }
                9..=12 => json!({ "do": "release", "visitor_id": visitor }),
                13..=15 => json!({ "do": "status", "agent_id": agent, "status": status(&mut dice) }),
                16 => {
                    let memberships: Vec<Value> = (0..dice.roll(3))
                        .map(|_| json!({ "pool_id": name(&mut dice, "p", pools.len()), "priority_rank": dice.roll(5) }))
                        .collect();
                    json!({ "do": "membership", "agent_id": agent, "memberships": memberships })
                }
                17 => json!({ "do": "remove", "agent_id": agent, "pool_id": pool }),
                _ => json!({ "do": "reassign", "agent_id": agent }),
            }
        })
        .collect();
    let mut listing = Dice::new(listing);
    listing.shuffle(&mut agents);
    listing.shuffle(&mut pools);
    for members in pools.iter_mut().filter_map(|pool| pool.get_mut("members")?.as_array_mut()) {
        listing.shuffle(members);
    }
    json!({ "revision": seed % 1000, "pools": pools, "agents": agents, "steps": steps })
}

/// SplitMix64: a number is a fixed function of the seed and of how many came before
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// 0 to `sides` - 1; 0 for no side.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).checked_rem(sides).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.roll(last as u64 + 1) as usize);
        }
    }

    fn tier(&mut self) -> Tier {
        Tier::from_low_bits(self.roll(4) as u8)
    }

    fn facts(&mut self) -> JudgmentFacts {
        let score = self.roll(10_001) as u16;
        let score = if self.roll(4) == 0 { score / 100 * 100 } else { score };
        let magnitude = 10_u64.pow(2 + self.roll(6) as u32);
        let balance = self.roll(magnitude * 10) as i64;
        let balance = if self.roll(3) == 0 { balance / 100_000 * 100_000 } else { balance };
        let known = self.roll(32);
        JudgmentFacts {
            score: Score::from_hundredths(score).filter(|_| known != 0),
            balance: Cents::from_cents(balance).filter(|_| known != 1),
            signals: AssetSignals::from_bits((self.roll(16) & self.roll(16)) as u8),
        }
    }
}

/// Facts as the JSON that hosts read, with signals as made-up texts
pub fn facts_json(facts: &JudgmentFacts) -> String {
    let text = |value: Option<String>| value.map_or("null".to_owned(), |value| format!("\"{value}\""));
    let mut fields = vec![
        format!("\"collectability_score\":{}", text(facts.score.map(|score| score.to_string()))),
        format!("\"balance\":{}", text(facts.balance.map(|balance| balance.to_decimal().to_string()))),
    ];
    for signal in AssetSignal::ALL {
        let value = facts.signals.contains(signal).then(|| "known".to_owned());
        fields.push(format!("\"{}\":{}", signal.name(), text(value)));
    }
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::Portfolio;
    use crate::tier::TierPolicy;

    #[test]
    fn every_sample_is_valid_and_depends_on_its_seed_alone() {
        for seed in 0..2000 {
            let document = policy_document(seed);
            assert_eq!(document, policy_document(seed));
            TierPolicy::try_from(document).unwrap();
            assert_eq!(JudgmentFacts::from_json(&facts_json(&facts(seed))), Ok(facts(seed)));
        }
        assert_eq!(Portfolio::from_columns(portfolio_columns(1, 5000)).unwrap().len(), 5000);
    }
}
