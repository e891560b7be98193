//! Page rules being edited: which page leads to which pool, what is wrong with them, and what becomes of a page.

use policy::routing::{
    OrgId, OrganisationPages, PageCondition, PageField, PageMatch, PageOperator, PageRule, PoolId, RuleId,
};

/// Longer names are refused, in bytes.
const NAME_MAX: usize = 200;

/// A rule as it is typed: any text in any field
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftRule {
    /// Stays while the rule moves and is renamed.
    pub key: u32,
    /// What becomes its id.
    pub name: String,
    pub pool_id: String,
    pub is_active: bool,
    pub conditions: Vec<DraftCondition>,
    /// The older form of conditions, where the rule has it.
    pub domain_pattern: Option<String>,
    pub path_pattern: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftCondition {
    /// Unique among all conditions.
    pub key: u32,
    pub field: PageField,
    pub param: String,
    pub operator: PageOperator,
    pub value: String,
}

/// What is wrong with a field of a rule
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Whose.
    pub key: u32,
    /// Its path in the rule, such as `conditions[1].value`.
    pub field: String,
    /// A sentence.
    pub message: String,
}

/// Numbers what is new
#[derive(Debug, Default)]
pub struct Keys(u32);

impl Keys {
    pub fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

impl DraftCondition {
    pub fn new(key: u32) -> Self {
        Self {
            key,
            field: PageField::Path,
            param: String::new(),
            operator: PageOperator::StartsWith,
            value: String::new(),
        }
    }

    fn condition(&self) -> PageCondition {
        PageCondition {
            field: self.field,
            param: (self.field == PageField::QueryParam).then(|| self.param.trim().to_owned()),
            operator: self.operator,
            value: self.value.trim().to_owned(),
        }
    }
}

impl DraftRule {
    pub fn of(rule: &PageRule, keys: &mut Keys) -> Self {
        Self {
            key: keys.next(),
            name: rule.id.to_string(),
            pool_id: rule.pool_id.to_string(),
            is_active: rule.is_active,
            conditions: rule
                .conditions
                .iter()
                .map(|condition| DraftCondition {
                    key: keys.next(),
                    field: condition.field,
                    param: condition.param.clone().unwrap_or_default(),
                    operator: condition.operator,
                    value: condition.value.clone(),
                })
                .collect(),
            domain_pattern: rule.domain_pattern.clone(),
            path_pattern: rule.path_pattern.clone(),
        }
    }

    /// `None` without a name or a pool that can be one.
    fn rule(&self, id: &str, priority: i32) -> Option<PageRule> {
        let pattern = |typed: &Option<String>| typed.as_deref().map(|typed| typed.trim().to_owned());
        Some(PageRule {
            id: RuleId::new(id)?,
            pool_id: PoolId::new(&self.pool_id)?,
            priority,
            is_active: self.is_active,
            conditions: self.conditions.iter().map(DraftCondition::condition).collect(),
            domain_pattern: pattern(&self.domain_pattern),
            path_pattern: pattern(&self.path_pattern),
        })
    }

    fn error(&self, field: impl Into<String>, message: impl Into<String>) -> FieldError {
        FieldError { key: self.key, field: field.into(), message: message.into() }
    }
}

/// The rules as they are saved; `None` while one of them cannot be
pub fn rules(drafts: &[DraftRule]) -> Option<Vec<PageRule>> {
    let priority = |place: usize| i32::try_from(drafts.len() - place).unwrap_or(i32::MAX);
    let rules = drafts.iter().enumerate();
    rules.map(|(place, draft)| draft.rule(draft.name.trim(), priority(place))).collect()
}

/// Whether both would be saved as the same
pub fn are_same(some: &[DraftRule], others: &[DraftRule]) -> bool {
    let bare = |drafts: &[DraftRule]| {
        let mut drafts = drafts.to_vec();
        for draft in &mut drafts {
            draft.key = 0;
            draft.conditions.iter_mut().for_each(|condition| condition.key = 0);
        }
        drafts
    };
    bare(some) == bare(others)
}

/// What keeps the rules from being saved, the first fault of each; `has_pool` knows the organisation's pools
pub fn errors(drafts: &[DraftRule], has_pool: impl Fn(&str) -> bool) -> Vec<FieldError> {
    let errors = drafts.iter().enumerate().filter_map(|(place, draft)| {
        let name = draft.name.trim();
        if name.is_empty() {
            return Some(draft.error("id", "A rule needs a name."));
        }
        if name.len() > NAME_MAX {
            return Some(draft.error("id", "The name is too long."));
        }
        if drafts.iter().take(place).any(|before| before.name.trim() == name) {
            return Some(draft.error("id", "Another rule has this name."));
        }
        if !has_pool(&draft.pool_id) {
            return Some(draft.error("pool_id", "Choose a pool."));
        }
        let pages = OrganisationPages {
            org_id: OrgId::new("draft")?,
            default_pool_id: None,
            rules: vec![draft.rule(name, 0)?],
        };
        let error = pages.check("").err()?;
        let field = error.field.strip_prefix("rules[0].").unwrap_or(&error.field);
        Some(draft.error(field, sentence(field, &error.message)))
    });
    errors.collect()
}

fn sentence(field: &str, message: &str) -> String {
    let what = match field.rsplit('.').next().unwrap_or_default() {
        "param" => "The parameter's name",
        "value" => "The value",
        "conditions" => return "A rule needs a condition: without one it would match every page.".to_owned(),
        "domain_pattern" => "The domain pattern",
        "path_pattern" => "The path pattern",
        _ => "This",
    };
    format!("{what} {message}.")
}

/// What becomes of a page under the draft, by the very code that routes leads; rules in `faulty` are not tried
///
/// Rules go by their keys in the answer, since names may be missing or the same.
pub fn explain(drafts: &[DraftRule], default_pool_id: &str, faulty: &[u32], page: &str) -> Option<PageMatch> {
    let priority = |place: usize| i32::try_from(drafts.len() - place).unwrap_or(i32::MAX);
    let rules = drafts.iter().enumerate().filter_map(|(place, draft)| {
        let rule = draft.rule(&draft.key.to_string(), priority(place))?;
        Some(PageRule { is_active: rule.is_active && !faulty.contains(&draft.key), ..rule })
    });
    let pages = OrganisationPages {
        org_id: OrgId::new("draft")?,
        default_pool_id: PoolId::new(default_pool_id),
        rules: rules.collect(),
    };
    Some(pages.explain(page))
}

/// A name that no rule has yet: `Rule 3`.
pub fn new_name(drafts: &[DraftRule]) -> String {
    let mut n = drafts.len() + 1;
    loop {
        let name = format!("Rule {n}");
        if drafts.iter().all(|draft| draft.name.trim() != name) {
            return name;
        }
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::routing::RuleVerdict;

    fn draft(key: u32, name: &str, value: &str) -> DraftRule {
        let condition = DraftCondition { value: value.to_owned(), ..DraftCondition::new(100 + key) };
        DraftRule {
            key,
            name: name.to_owned(),
            pool_id: "sales".to_owned(),
            is_active: true,
            conditions: vec![condition],
            ..DraftRule::default()
        }
    }

    #[track_caller]
    fn check(drafts: &[DraftRule], expect: &[(u32, &str)]) {
        let errors = errors(drafts, |pool| pool == "sales");
        let found: Vec<_> = errors.iter().map(|error| (error.key, error.field.as_str())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn faults_are_named_at_their_field() {
        check(&[draft(1, "a", "/a"), draft(2, "b", "/b")], &[]);
        check(&[draft(1, "a", "/a"), draft(2, " a ", "/b"), draft(3, "", "/c")], &[(2, "id"), (3, "id")]);
        check(&[draft(1, "a", " ")], &[(1, "conditions[0].value")]);
        let mut empty = draft(1, "a", "/a");
        empty.conditions.clear();
        check(&[empty.clone()], &[(1, "conditions")]);
        empty.path_pattern = Some("a".to_owned());
        check(&[empty.clone()], &[(1, "path_pattern")]);
        empty.pool_id = "gone".to_owned();
        check(&[empty], &[(1, "pool_id")]);
    }

    #[test]
    fn the_first_rule_that_has_no_fault_decides() {
        let drafts = [draft(1, "", "/"), draft(2, "b", "/b"), draft(3, "c", "/")];
        let page = explain(&drafts, "reception", &[1], "/b?x=1").unwrap();
        assert_eq!(page.rule_id.unwrap().as_str(), "2");
        let verdicts: Vec<_> = page.rules.iter().map(|rule| rule.verdict).collect();
        assert_eq!(verdicts, [RuleVerdict::Inactive, RuleVerdict::Matched, RuleVerdict::Shadowed]);
        let page = explain(&drafts, "reception", &[1, 3], "/a").unwrap();
        assert_eq!((page.pool_id.unwrap().as_str(), page.rule_id), ("reception", None));
    }

    #[test]
    fn keys_do_not_make_rules_differ() {
        assert!(are_same(&[draft(1, "a", "/a")], &[draft(9, "a", "/a")]));
        assert!(!are_same(&[draft(1, "a", "/a")], &[draft(1, "a", "/b")]));
    }
}
