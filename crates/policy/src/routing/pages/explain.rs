//! Which pool, and why: what became of every rule and every condition.

use serde::Serialize;

use super::{OrganisationPages, PageField, PageRule, PageView, PoolId, RuleId, patterns};

/// The pool of a page, with what became of every rule
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageMatch {
    /// `None` where no rule matches and there is no default.
    pub pool_id: Option<PoolId>,
    /// The rule that decided; `None` for the default pool and for none.
    pub rule_id: Option<RuleId>,
    /// Why, in a sentence.
    pub reason: String,
    /// The page as the rules see it.
    pub page: PageView,
    /// Every rule, in the order in which they are tried.
    pub rules: Vec<RuleCheck>,
}

/// What became of a rule
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCheck {
    /// Which.
    pub rule_id: RuleId,
    /// Its pool.
    pub pool_id: PoolId,
    /// What became of it.
    pub verdict: RuleVerdict,
    /// Every condition, patterns last; none of them stops the others from being tried.
    pub conditions: Vec<ConditionCheck>,
}

/// What became of a rule
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// It is the first whose conditions all hold.
    Matched,
    /// A condition does not hold.
    Failed,
    /// Its conditions hold, and a rule before it has decided.
    Shadowed,
    /// Never tried.
    Inactive,
}

/// What became of a condition
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionCheck {
    /// The condition in words: `path starts with "/pricing"`.
    pub condition: String,
    /// What the page has there: none, one, or the values of a parameter.
    pub actual: Vec<String>,
    /// Whether it holds.
    pub holds: bool,
}

impl OrganisationPages {
    /// The pool of a page, with what became of every rule.
    pub fn explain(&self, page: &str) -> PageMatch {
        let page = PageView::of(page);
        let mut deciding: Option<&PageRule> = None;
        let mut rules = Vec::with_capacity(self.rules.len());
        for rule in self.in_order() {
            let conditions = rule.checks(&page);
            let verdict = match (rule.is_active, conditions.iter().all(|check| check.holds)) {
                (false, _) => RuleVerdict::Inactive,
                (true, false) => RuleVerdict::Failed,
                (true, true) if deciding.is_some() => RuleVerdict::Shadowed,
                (true, true) => {
                    deciding = Some(rule);
                    RuleVerdict::Matched
                }
            };
            rules.push(RuleCheck {
                rule_id: rule.id.clone(),
                pool_id: rule.pool_id.clone(),
                verdict,
                conditions,
            });
        }
        let reason = match (deciding, &self.default_pool_id) {
            (Some(rule), _) => format!("rule `{}` matches", rule.id),
            (None, Some(_)) => "no rule matches: the default pool".to_owned(),
            (None, None) => "no rule matches, and there is no default pool".to_owned(),
        };
        PageMatch {
            pool_id: deciding.map(|rule| &rule.pool_id).or(self.default_pool_id.as_ref()).cloned(),
            rule_id: deciding.map(|rule| rule.id.clone()),
            reason,
            page,
            rules,
        }
    }
}

impl PageRule {
    fn checks(&self, page: &PageView) -> Vec<ConditionCheck> {
        let conditions = self.conditions.iter().map(|condition| {
            let field = match condition.field {
                PageField::Domain => "domain".to_owned(),
                PageField::Path => "path".to_owned(),
                PageField::QueryParam => {
                    format!("parameter `{}`", condition.param.as_deref().unwrap_or_default())
                }
            };
            ConditionCheck {
                condition: format!("{field} {} `{}`", condition.operator.label(), condition.value),
                actual: condition.actual(page).map(str::to_owned).collect(),
                holds: condition.holds(page),
            }
        });
        let domain = self.domain_pattern.iter().map(|pattern| ConditionCheck {
            condition: format!("domain matches `{pattern}`"),
            actual: page.domain.iter().cloned().collect(),
            holds: patterns::domain_matches(pattern, page),
        });
        let path = self.path_pattern.iter().map(|pattern| ConditionCheck {
            condition: format!("path matches `{pattern}`"),
            actual: vec![page.path.clone()],
            holds: patterns::path_matches(pattern, page),
        });
        conditions.chain(domain).chain(path).collect()
    }
}
