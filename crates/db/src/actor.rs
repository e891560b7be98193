//! On whose behalf a transaction runs.

use uuid::Uuid;

/// The database roles that transactions run under; row-level security and grants decide by them
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DbRole {
    /// Nobody in particular; may call nothing
    Anon,
    /// A signed-in person who may look
    Authenticated,
    /// A signed-in person who works cases
    EnforcementOperator,
    /// A signed-in person who sets the rules
    Admin,
    /// The product at work for visitors and agents: reaches what routing takes, and nothing else
    LeadRouter,
    /// The product itself: worker, import, sign-in
    ServiceRole,
}

impl DbRole {
    /// The role's name in the database
    pub fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::Authenticated => "authenticated",
            Self::EnforcementOperator => "enforcement_operator",
            Self::Admin => "admin",
            Self::LeadRouter => "lead_router",
            Self::ServiceRole => "service_role",
        }
    }
}

/// On whose behalf a transaction runs: a role, and the organisation and person that policies see
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    pub role: DbRole,
    /// None spans organisations, which only policies of the service allow
    pub org_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
}

impl Actor {
    /// A caller without a session
    pub fn anon() -> Self {
        Self { role: DbRole::Anon, org_id: None, user_id: None }
    }

    /// The product itself, at work for one organisation or, with `None`, across them
    pub fn service(org_id: impl Into<Option<Uuid>>) -> Self {
        Self { role: DbRole::ServiceRole, org_id: org_id.into(), user_id: None }
    }

    /// Whoever routes the leads of an organisation; with `None`, a visitor whose key is not known yet
    pub fn lead_router(org_id: impl Into<Option<Uuid>>) -> Self {
        Self { role: DbRole::LeadRouter, org_id: org_id.into(), user_id: None }
    }

    /// A signed-in person in their active organisation
    pub fn person(role: DbRole, org_id: Uuid, user_id: Uuid) -> Self {
        Self { role, org_id: Some(org_id), user_id: Some(user_id) }
    }

    /// The statements that open a transaction on the actor's behalf
    ///
    /// Both settings are always set, so that nothing of an earlier transaction on the same
    /// connection can remain. Text from outside cannot get in: roles are names of ours, ids are UUIDs.
    pub(crate) fn begin_statements(&self) -> String {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        format!(
            "begin; set local role {}; set local dragonfly.org_id = '{}'; set local dragonfly.user_id = '{}'",
            self.role.name(),
            id(self.org_id),
            id(self.user_id),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_names_role_organisation_and_person() {
        let (org, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(
            Actor::person(DbRole::Admin, org, user).begin_statements(),
            "begin; set local role admin; \
             set local dragonfly.org_id = '00000000-0000-0000-0000-000000000001'; \
             set local dragonfly.user_id = '00000000-0000-0000-0000-000000000002'"
        );
        assert_eq!(
            Actor::service(None).begin_statements(),
            "begin; set local role service_role; set local dragonfly.org_id = ''; set local dragonfly.user_id = ''"
        );
    }
}
