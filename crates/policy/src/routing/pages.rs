//! Which pool a page belongs to: the rules of an organisation, tried on a URL, with why.
//!
//! Any text is a page, nothing is refused. What is compared is made of it like this, on the side of the page
//! and, where it applies, on the side of the rule:
//!
//! - *Domain*: what stands between `//` and the next `/`, `?` or `#`, without user and port and without a dot at the
//!   end. A bare path (`/pricing`, `pricing?x=1`) has no domain; text without `//` is always a path.
//! - *Path*: up to `?` or `#`, percent-decoded, with a leading `/` (the path of `https://example.com` is `/`).
//! - *Query parameters*: names and values percent-decoded, with `+` as a blank. A name may be there several times: a
//!   condition holds when any of its values does, *does not contain* when none of them contains it.
//! - The fragment is dropped. A percent sign that begins no escape stands for itself; escapes that make no UTF-8
//!   become U+FFFD.
//! - All comparisons are of lower-case text.

mod explain;
mod patterns;
mod view;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use explain::{ConditionCheck, PageMatch, RuleCheck, RuleVerdict};
pub use view::PageView;

use super::config::twice;
use super::{OrgId, PoolId, RoutingError, RuleId};
use crate::tier::only_objects;

/// The page rules of one organisation
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct OrganisationPages {
    /// Whose rules they are.
    pub org_id: OrgId,
    /// The pool of pages that no rule matches; without one they have none.
    #[serde(default)]
    pub default_pool_id: Option<PoolId>,
    /// The rules; they are tried by priority, highest first, equal ones by id.
    #[serde(default)]
    pub rules: Vec<PageRule>,
}

/// A rule: pages for which all its conditions hold belong to its pool
///
/// The two patterns are the older form of conditions; where they stand beside conditions, they must hold too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct PageRule {
    /// Unique among the organisation's rules.
    pub id: RuleId,
    /// The pool of the pages that match.
    pub pool_id: PoolId,
    /// The higher, the sooner it is tried; 0 when missing.
    #[serde(default)]
    pub priority: i32,
    /// An inactive rule is never tried; active when missing.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// All must hold.
    #[serde(default)]
    pub conditions: Vec<PageCondition>,
    /// `*` any page, `example.com` that domain, `*.example.com` any domain below it and not itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_pattern: Option<String>,
    /// `/a` that path, `/a*` paths that begin so, `/a/*` paths one segment below, `/a/**` the path and all below; `*` any.
    ///
    /// A slash at the end of the page's path does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_pattern: Option<String>,
}

/// One condition of a rule
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct PageCondition {
    /// What of the page is compared.
    pub field: PageField,
    /// The name of the query parameter; for no other field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// How it is compared.
    pub operator: PageOperator,
    /// With what it is compared; empty only for a query parameter that `is_exactly` empty.
    pub value: String,
}

/// What a condition compares
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageField {
    /// The domain.
    Domain,
    /// The path.
    Path,
    /// The values of one query parameter.
    QueryParam,
}

/// How a condition compares
///
/// What is missing (a parameter, the domain of a bare path) matches only `does_not_contain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageOperator {
    /// The whole text.
    IsExactly,
    /// Somewhere in it.
    Contains,
    /// Nowhere in it.
    DoesNotContain,
    /// At its beginning.
    StartsWith,
    /// At its end.
    EndsWith,
}

only_objects!(OrganisationPages, "the pages of an organisation", and Serialize);
only_objects!(PageRule, "a rule", and Serialize);
only_objects!(PageCondition, "a condition", and Serialize);

const fn yes() -> bool {
    true
}

impl OrganisationPages {
    /// Refuses an id twice, a rule that tests nothing, and conditions that make no sense
    ///
    /// `path` is empty or ends in a dot.
    pub fn check(&self, path: &str) -> Result<(), RoutingError> {
        let mut ids = BTreeSet::new();
        for (place, rule) in self.rules.iter().enumerate() {
            let path = format!("{path}rules[{place}].");
            if !ids.insert(&rule.id) {
                return Err(twice(format!("{path}id"), rule.id.as_str()));
            }
            rule.check(&path)?;
        }
        Ok(())
    }

    /// Refuses pools that there are not, or that belong to another organisation.
    pub(super) fn check_pools<'a>(
        &self,
        path: &str,
        org_of: impl Fn(&PoolId) -> Option<&'a OrgId>,
    ) -> Result<(), RoutingError> {
        let check = |field: &dyn Fn() -> String, pool: &PoolId| match org_of(pool) {
            None => Err(RoutingError::unknown(field(), "pool", pool.as_str())),
            Some(org) if *org != self.org_id => {
                Err(RoutingError::new(field(), format!("pool `{pool}` belongs to another organisation")))
            }
            Some(_) => Ok(()),
        };
        if let Some(pool) = &self.default_pool_id {
            check(&|| format!("{path}default_pool_id"), pool)?;
        }
        for (place, rule) in self.rules.iter().enumerate() {
            check(&|| format!("{path}rules[{place}].pool_id"), &rule.pool_id)?;
        }
        Ok(())
    }

    /// The pool of a page; `None` where no rule matches and there is no default.
    pub fn pool_of(&self, page: &str) -> Option<&PoolId> {
        let view = PageView::of(page);
        let rule = self.in_order().into_iter().find(|rule| rule.is_active && rule.holds(&view));
        rule.map(|rule| &rule.pool_id).or(self.default_pool_id.as_ref())
    }

    /// The rules as they are tried.
    fn in_order(&self) -> Vec<&PageRule> {
        let mut rules: Vec<&PageRule> = self.rules.iter().collect();
        rules.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
        rules
    }
}

impl PageRule {
    fn check(&self, path: &str) -> Result<(), RoutingError> {
        let refused = |field: &str, message: &str| Err(RoutingError::new(format!("{path}{field}"), message));
        if self.conditions.is_empty() && self.domain_pattern.is_none() && self.path_pattern.is_none() {
            return refused("conditions", "is empty: the rule would match every page");
        }
        for (place, condition) in self.conditions.iter().enumerate() {
            let is_param = condition.field == PageField::QueryParam;
            match condition.param.as_deref() {
                None | Some("") if is_param => {
                    return refused(&format!("conditions[{place}].param"), "is missing");
                }
                Some(_) if !is_param => {
                    return refused(&format!("conditions[{place}].param"), "is for query parameters only");
                }
                _ => {}
            }
            let may_be_empty = is_param && condition.operator == PageOperator::IsExactly;
            if condition.value.is_empty() && !may_be_empty {
                return refused(&format!("conditions[{place}].value"), "is empty");
            }
        }
        if self.domain_pattern.as_deref().is_some_and(|pattern| !patterns::is_domain_pattern(pattern)) {
            return refused("domain_pattern", "is neither `*`, `example.com` nor `*.example.com`");
        }
        if self.path_pattern.as_deref().is_some_and(|pattern| !patterns::is_path_pattern(pattern)) {
            return refused("path_pattern", "is neither `*`, `/a`, `/a*`, `/a/*` nor `/a/**`");
        }
        Ok(())
    }

    fn holds(&self, page: &PageView) -> bool {
        self.conditions.iter().all(|condition| condition.holds(page))
            && self.domain_pattern.as_deref().is_none_or(|pattern| patterns::domain_matches(pattern, page))
            && self.path_pattern.as_deref().is_none_or(|pattern| patterns::path_matches(pattern, page))
    }
}

impl PageCondition {
    fn holds(&self, page: &PageView) -> bool {
        let wanted = self.wanted();
        let holds = |actual: &str| self.operator.holds(actual, &wanted);
        let mut actual = self.actual(page).peekable();
        if actual.peek().is_none() || self.operator == PageOperator::DoesNotContain {
            return self.operator == PageOperator::DoesNotContain && actual.all(holds);
        }
        actual.any(holds)
    }

    /// The value as it is compared.
    fn wanted(&self) -> String {
        let value = self.value.to_lowercase();
        match self.field {
            PageField::Path => view::decoded(&value, false).to_lowercase(),
            PageField::Domain | PageField::QueryParam => value,
        }
    }

    /// What of the page is compared: nothing, one text, or the values of a parameter.
    fn actual<'a>(&'a self, page: &'a PageView) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        match self.field {
            PageField::Domain => Box::new(page.domain.as_deref().into_iter()),
            PageField::Path => Box::new(std::iter::once(page.path.as_str())),
            PageField::QueryParam => {
                let name = self.param.as_deref().unwrap_or_default().to_lowercase();
                Box::new(
                    page.query
                        .iter()
                        .filter(move |(param, _)| *param == name)
                        .map(|(_, value)| value.as_str()),
                )
            }
        }
    }
}

impl PageOperator {
    fn holds(self, actual: &str, wanted: &str) -> bool {
        match self {
            PageOperator::IsExactly => actual == wanted,
            PageOperator::Contains => actual.contains(wanted),
            PageOperator::DoesNotContain => !actual.contains(wanted),
            PageOperator::StartsWith => actual.starts_with(wanted),
            PageOperator::EndsWith => actual.ends_with(wanted),
        }
    }

    /// The words that people see.
    pub const fn label(self) -> &'static str {
        match self {
            PageOperator::IsExactly => "is exactly",
            PageOperator::Contains => "contains",
            PageOperator::DoesNotContain => "does not contain",
            PageOperator::StartsWith => "starts with",
            PageOperator::EndsWith => "ends with",
        }
    }
}
