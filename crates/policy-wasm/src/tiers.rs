//! Tier policies: evaluation, comparison, portfolios.

use js_sys::{Object, Reflect};
use policy::portfolio::{self, PortfolioColumns, TierMigration};
use policy::tier::{DecidedBy, JudgmentFacts, Tier, TierGrid, TierOutcome, TierPolicy};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{DragonflyError, Result, columns, json_text, to_js};

/// Decides the tier of one judgment, with the reason
#[wasm_bindgen(js_name = evaluateTier, unchecked_return_type = "TierOutcome")]
pub fn evaluate_tier(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "JudgmentFacts")] facts: &JsValue,
) -> Result<JsValue> {
    let policy = read_policy(policy)?;
    let facts = JudgmentFacts::from_json(&json_text(facts, "facts")?)?;
    let TierOutcome { tier, decided_by, reason } = policy.evaluate(&facts);
    to_js(&Outcome { tier, tier_label: tier.label(), reason, decided_by })
}

/// Revision 1: the firm's own table, faults included
#[wasm_bindgen(js_name = defaultTierPolicy, unchecked_return_type = "TierPolicy")]
pub fn default_tier_policy() -> Result<JsValue> {
    to_js(TierPolicy::revision_1().document())
}

/// Revision 1 repaired: more score, more balance or one more signal never lowers the tier
#[wasm_bindgen(js_name = monotoneTierPolicy, unchecked_return_type = "TierPolicy")]
pub fn monotone_tier_policy() -> Result<JsValue> {
    to_js(TierPolicy::monotone_draft().document())
}

/// SHA-256 of what a policy says, as 64 hexadecimal digits; throws where the policy is not valid
#[wasm_bindgen(js_name = policyDigest)]
pub fn policy_digest(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
) -> Result<String> {
    Ok(read_policy(policy)?.digest().to_string())
}

/// Evaluates two policies over every judgment of a portfolio: what moves from tier to tier
#[wasm_bindgen(js_name = comparePolicies, unchecked_return_type = "TierMigration")]
pub fn compare_policies(
    #[wasm_bindgen(unchecked_param_type = "Portfolio")] portfolio: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] before: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] after: &JsValue,
) -> std::result::Result<JsValue, JsValue> {
    of_host(portfolio)?.compare(before, after)
}

#[wasm_bindgen]
extern "C" {
    /// The JavaScript object around a [`Portfolio`]
    ///
    /// A parameter of the type `&Portfolio` would do, had a wrong object not unbalanced the generated glue, which
    /// then mistakes later values.
    pub(crate) type PortfolioOfHost;

    #[wasm_bindgen(method, catch)]
    fn compare(
        this: &PortfolioOfHost,
        before: &JsValue,
        after: &JsValue,
    ) -> std::result::Result<JsValue, JsValue>;
}

pub(crate) fn of_host(portfolio: &JsValue) -> Result<&PortfolioOfHost> {
    if is_portfolio(portfolio)? {
        Ok(portfolio.unchecked_ref())
    } else {
        Err(DragonflyError::new("portfolio", "is not a Portfolio, or was freed".to_owned()))
    }
}

fn is_portfolio(value: &JsValue) -> Result<bool> {
    if !value.is_object() {
        return Ok(false);
    }
    let ours = JsValue::from(Portfolio(portfolio::Portfolio::from_columns(PortfolioColumns::default())?));
    let [Ok(prototype), Ok(expected)] = [value, &ours].map(Reflect::get_prototype_of) else {
        return Ok(false);
    };
    let address = Reflect::get(value, &"__wbg_ptr".into()).ok().and_then(|address| address.as_f64());
    Ok(Object::is(&prototype, &expected) && address.is_some_and(|address| address > 0.0))
}

/// Judgments in columns, sorted by their number; checked once, then compared as often as you like
#[wasm_bindgen]
pub struct Portfolio(pub(crate) portfolio::Portfolio);

#[wasm_bindgen]
impl Portfolio {
    /// Reads columns of equal length, as typed arrays or arrays of numbers
    #[wasm_bindgen(js_name = fromColumns)]
    pub fn from_columns(
        #[wasm_bindgen(unchecked_param_type = "PortfolioColumns")] columns: &JsValue,
    ) -> Result<Portfolio> {
        Ok(Portfolio(portfolio::Portfolio::from_columns(columns::read(columns)?)?))
    }

    /// Reads what `encode` or the server's snapshot has written
    pub fn decode(#[wasm_bindgen(unchecked_param_type = "Uint8Array")] bytes: &JsValue) -> Result<Portfolio> {
        Ok(Portfolio(portfolio::Portfolio::decode(&columns::read_bytes(bytes)?)?))
    }

    /// Writes the portfolio in few bytes, which compress well
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// How many judgments there are
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> u32 {
        self.0.len()
    }

    /// SHA-256 of the facts, as 64 hexadecimal digits; tiers do not count
    pub fn digest(&self) -> String {
        self.0.digest()
    }

    /// The number of every judgment, in the order of the rows
    #[wasm_bindgen(js_name = judgmentNumbers)]
    pub fn judgment_numbers(&self) -> Vec<f64> {
        self.0.columns().judgment_no.iter().map(|number| *number as f64).collect()
    }

    /// What `comparePolicies` calls.
    #[wasm_bindgen(skip_typescript)]
    pub fn compare(&self, before: &JsValue, after: &JsValue) -> Result<JsValue> {
        let migration = TierMigration::between(&read_grid(before)?, &read_grid(after)?, &self.0);
        let matrix = to_js(&migration.matrix())?;
        // By way of serde the rows would become an array of numbers, one by one.
        let moved = js_sys::Uint32Array::from(migration.moved.as_slice());
        Reflect::set(&matrix, &"moved".into(), &moved)
            .map_err(|error| DragonflyError::thrown("portfolio", &error))?;
        Ok(matrix)
    }

    /// The tier of every judgment, 0 to 3, in the order of the rows
    pub fn evaluate(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    ) -> Result<Vec<u8>> {
        Ok(read_grid(policy)?.evaluate(&self.0))
    }
}

#[derive(Serialize)]
struct Outcome {
    tier: Tier,
    tier_label: &'static str,
    reason: String,
    decided_by: Option<DecidedBy>,
}

pub(crate) fn read_policy(policy: &JsValue) -> Result<TierPolicy> {
    Ok(TierPolicy::from_json(&json_text(policy, "policy")?)?)
}

fn read_grid(policy: &JsValue) -> Result<TierGrid> {
    Ok(read_policy(policy)?.compile())
}
