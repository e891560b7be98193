//! Tokens by which scripts call. Finding one runs as [`Actor::service`](crate::Actor::service), before any organisation is known.

use chrono::{DateTime, Utc};
use contract::{ApiToken, Role};
use uuid::Uuid;

use crate::sessions::{MembershipRole, SignedIn, TokenHash};
use crate::{SqlError, Transaction, wire};
use sqlx::PgConnection;

/// On whose behalf a token acts, and with what role: never more than the member has now; None once it has expired, was
/// revoked, or its member may no longer come in
///
/// Notes that the token is in use, at most once in five minutes.
pub async fn find(connection: &mut PgConnection, token: &TokenHash) -> Result<Option<SignedIn>, SqlError> {
    let found: Option<SignedIn> = sqlx::query_as(
        "select t.user_id, t.org_id, u.email, u.display_name, least(m.role, t.role) as role,
                u.password_hash is not null as has_password,
                coalesce(t.used_at < public.app_now() - interval '5 minutes', true) as is_touch_due
           from public.api_tokens t
           join public.users u on u.id = t.user_id
           join public.memberships m on m.org_id = t.org_id and m.user_id = t.user_id
          where t.token_hash = $1 and t.revoked_at is null and t.expires_at > public.app_now() and u.disabled_at is null",
    )
    .bind(token.as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    if found.as_ref().is_some_and(SignedIn::is_touch_due) {
        // Who notes it at the same time is not waited for.
        sqlx::query(
            "update public.api_tokens set used_at = public.app_now()
              where id in (select t.id from public.api_tokens t where t.token_hash = $1 for no key update skip locked)",
        )
        .bind(token.as_slice())
        .execute(&mut *connection)
        .await?;
    }
    Ok(found)
}

/// Keeps the hash of a new token of a member of the transaction's organisation; answers its id
pub async fn create(
    tx: &mut Transaction,
    user_id: Uuid,
    name: &str,
    role: Role,
    days: i32,
    token: &TokenHash,
) -> Result<Uuid, SqlError> {
    let (id,) = sqlx::query_as("select public.create_api_token($1, $2, $3, $4, $5)")
        .bind(user_id)
        .bind(name)
        .bind(MembershipRole::from(role))
        .bind(days)
        .bind(token.as_slice())
        .fetch_one(&mut **tx)
        .await?;
    Ok(id)
}

/// Ends a token
pub async fn revoke(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.revoke_api_token($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    email: String,
    role: MembershipRole,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    is_good: bool,
}

/// The tokens of the transaction's organisation, newest first; those that have ended too
pub async fn list(tx: &mut Transaction) -> Result<Vec<ApiToken>, SqlError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select t.id, t.name, u.email, t.role, t.created_at, t.expires_at, t.used_at, t.revoked_at,
                t.revoked_at is null and t.expires_at > public.app_now() as is_good
           from public.api_tokens t join public.users u on u.id = t.user_id
          where t.org_id = (select public.current_org_id())
          order by t.created_at desc, t.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ApiToken {
            id: row.id.to_string(),
            name: row.name,
            email: row.email,
            role: row.role.into(),
            created_at: wire::instant(row.created_at),
            expires_at: wire::instant(row.expires_at),
            used_at: row.used_at.map(wire::instant),
            revoked_at: row.revoked_at.map(wire::instant),
            is_good: row.is_good,
        })
        .collect())
}
