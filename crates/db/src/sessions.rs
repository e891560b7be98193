//! Signed-in browsers. Run as [`Actor::service`](crate::Actor::service): a session is found by its secret,
//! before any organisation is known.

use contract::{Organisation, Role, Session};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Actor, DbRole, SqlError, Transaction};

/// A session ends this long after its last request …
pub const IDLE_HOURS: i32 = 12;
/// … and this long after it began, whatever happens.
pub const AGE_DAYS: i32 = 30;

/// The secret of a session or link as it is stored: SHA-256 of what the browser holds
pub type TokenHash = [u8; 32];

/// Who a session or token belongs to and where it is
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SignedIn {
    pub user_id: Uuid,
    pub org_id: Uuid,
    pub email: String,
    pub display_name: String,
    #[sqlx(try_from = "MembershipRole")]
    pub role: Role,
    pub has_password: bool,
    is_touch_due: bool,
}

/// `public.membership_role`
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "membership_role", rename_all = "snake_case")]
pub enum MembershipRole {
    Viewer,
    Operator,
    Admin,
}

impl From<MembershipRole> for Role {
    fn from(role: MembershipRole) -> Self {
        match role {
            MembershipRole::Viewer => Role::Viewer,
            MembershipRole::Operator => Role::Operator,
            MembershipRole::Admin => Role::Admin,
        }
    }
}

impl From<Role> for MembershipRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => MembershipRole::Viewer,
            Role::Operator => MembershipRole::Operator,
            Role::Admin => MembershipRole::Admin,
        }
    }
}

impl SignedIn {
    /// Whether it is time to note that the session or token is in use
    pub(crate) fn is_touch_due(&self) -> bool {
        self.is_touch_due
    }

    /// On whose behalf the session's transactions run
    pub fn actor(&self) -> Actor {
        let role = match self.role {
            Role::Viewer => DbRole::Authenticated,
            Role::Operator => DbRole::EnforcementOperator,
            Role::Admin => DbRole::Admin,
        };
        Actor::person(role, self.org_id, self.user_id)
    }
}

/// Who the session of a token belongs to; None once it has ended or expired, or the user may no longer come in
///
/// Notes that the session is in use, at most once in five minutes.
pub async fn find(connection: &mut PgConnection, token: &TokenHash) -> Result<Option<SignedIn>, SqlError> {
    let found: Option<SignedIn> = sqlx::query_as(
        "select s.user_id, s.org_id, u.email, u.display_name, m.role, u.password_hash is not null as has_password,
                s.seen_at < public.app_now() - interval '5 minutes' as is_touch_due
           from public.sessions s
           join public.users u on u.id = s.user_id
           join public.memberships m on m.org_id = s.org_id and m.user_id = s.user_id
          where s.token_hash = $1 and u.disabled_at is null
            and s.expires_at > public.app_now()
            and s.seen_at > public.app_now() - make_interval(hours => $2)",
    )
    .bind(token.as_slice())
    .bind(IDLE_HOURS)
    .fetch_optional(&mut *connection)
    .await?;
    if found.as_ref().is_some_and(SignedIn::is_touch_due) {
        // Who notes it at the same time is not waited for.
        sqlx::query(
            "update public.sessions set seen_at = public.app_now()
              where token_hash in (select s.token_hash from public.sessions s where s.token_hash = $1 for no key update skip locked)",
        )
        .bind(token.as_slice())
        .execute(&mut *connection)
        .await?;
    }
    Ok(found)
}

/// What the console is told of a session
pub async fn describe(tx: &mut Transaction, session: &SignedIn) -> Result<Session, SqlError> {
    let organisations: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select o.id, o.name, o.time_zone
           from public.memberships m join public.organisations o on o.id = m.org_id
          where m.user_id = $1 order by o.name, o.id",
    )
    .bind(session.user_id)
    .fetch_all(&mut **tx)
    .await?;
    let organisations: Vec<Organisation> = organisations
        .into_iter()
        .map(|(id, name, time_zone)| Organisation { id: id.to_string(), name, time_zone })
        .collect();
    let active = session.org_id.to_string();
    let organisation =
        organisations.iter().find(|organisation| organisation.id == active).ok_or(SqlError::RowNotFound)?;
    Ok(Session {
        user_id: session.user_id.to_string(),
        email: session.email.clone(),
        display_name: session.display_name.clone(),
        role: session.role,
        organisation: organisation.clone(),
        organisations,
        must_set_password: !session.has_password,
    })
}

/// Begins a session of a user in the organisation where the user was last, else joined first
///
/// False for a user who belongs to no organisation or is disabled. Sessions that have expired are removed on the way.
pub async fn create(tx: &mut Transaction, token: &TokenHash, user_id: Uuid) -> Result<bool, SqlError> {
    let created = sqlx::query(
        "with home as (
           select m.org_id
             from public.memberships m
             join public.users u on u.id = m.user_id and u.disabled_at is null
            where m.user_id = $2
            order by (select max(s.seen_at) from public.sessions s where s.org_id = m.org_id and s.user_id = $2) desc nulls last,
                     m.created_at, m.org_id
            limit 1
         )
         insert into public.sessions (token_hash, user_id, org_id, created_at, seen_at, expires_at)
         select $1, $2, org_id, public.app_now(), public.app_now(), public.app_now() + make_interval(days => $3)
           from home",
    )
    .bind(token.as_slice())
    .bind(user_id)
    .bind(AGE_DAYS)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "delete from public.sessions
          where user_id = $1 and (expires_at <= public.app_now() or seen_at <= public.app_now() - make_interval(hours => $2))",
    )
    .bind(user_id)
    .bind(IDLE_HOURS)
    .execute(&mut **tx)
    .await?;
    Ok(created.rows_affected() == 1)
}

/// Ends one session; nothing happens where there is none
pub async fn end(tx: &mut Transaction, token: &TokenHash) -> Result<(), SqlError> {
    sqlx::query("delete from public.sessions where token_hash = $1")
        .bind(token.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends every session of a user but the one named
pub async fn end_others(
    tx: &mut Transaction,
    user_id: Uuid,
    keep: Option<&TokenHash>,
) -> Result<(), SqlError> {
    sqlx::query("delete from public.sessions where user_id = $1 and token_hash is distinct from $2")
        .bind(user_id)
        .bind(keep.map(TokenHash::as_slice))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves a session to another organisation of its user; false where the user does not belong to it
pub async fn choose_organisation(
    tx: &mut Transaction,
    token: &TokenHash,
    org_id: Uuid,
) -> Result<bool, SqlError> {
    let moved = sqlx::query(
        "update public.sessions s set org_id = $2
          where s.token_hash = $1
            and exists (select from public.memberships m where m.org_id = $2 and m.user_id = s.user_id)",
    )
    .bind(token.as_slice())
    .bind(org_id)
    .execute(&mut **tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}
