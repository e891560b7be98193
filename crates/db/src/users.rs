//! People, their passwords and their one-time links. Run as [`Actor::service`](crate::Actor::service).

use contract::Role;
use uuid::Uuid;

use crate::sessions::{MembershipRole, TokenHash};
use crate::{SqlError, Transaction};

/// A one-time link works this long
pub const LINK_HOURS: i32 = 24;

/// A user as sign-in needs it
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Credentials {
    pub user_id: Uuid,
    /// PHC string; None until the user has set a password
    pub password_hash: Option<String>,
}

/// Finds a user who may come in; the case and surrounding blanks of `email` do not matter
pub async fn find_by_email(tx: &mut Transaction, email: &str) -> Result<Option<Credentials>, SqlError> {
    sqlx::query_as(
        "select id as user_id, password_hash from public.users where email = lower(btrim($1)) and disabled_at is null",
    )
    .bind(email)
    .fetch_optional(&mut **tx)
    .await
}

/// The stored password hash of a user
pub async fn password_hash(tx: &mut Transaction, user_id: Uuid) -> Result<Option<String>, SqlError> {
    let hash: Option<(Option<String>,)> =
        sqlx::query_as("select password_hash from public.users where id = $1 for update")
            .bind(user_id)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(hash.and_then(|(hash,)| hash))
}

/// Stores a password hash and ends the user's one-time links
pub async fn set_password_hash(tx: &mut Transaction, user_id: Uuid, hash: &str) -> Result<(), SqlError> {
    sqlx::query("update public.users set password_hash = $2 where id = $1")
        .bind(user_id)
        .bind(hash)
        .execute(&mut **tx)
        .await?;
    sqlx::query("delete from public.sign_in_links where user_id = $1 and used_at is null")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Makes a user a member of an organisation, with `role` from now on; the user is created where the e-mail is new
///
/// Answers the user's id. A user who exists keeps name and password.
pub async fn add(
    tx: &mut Transaction,
    org_id: Uuid,
    email: &str,
    display_name: &str,
    role: Role,
) -> Result<Uuid, SqlError> {
    let (user_id,): (Uuid,) = sqlx::query_as(
        "insert into public.users (email, display_name) values (lower(btrim($1)), $2)
         on conflict (email) do update set email = excluded.email
         returning id",
    )
    .bind(email)
    .bind(display_name)
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query(
        "insert into public.memberships (org_id, user_id, role) values ($1, $2, $3)
         on conflict (org_id, user_id) do update set role = excluded.role",
    )
    .bind(org_id)
    .bind(user_id)
    .bind(MembershipRole::from(role))
    .execute(&mut **tx)
    .await?;
    Ok(user_id)
}

/// Forgets a user's password and ends every session and link of theirs; a new link lets them in again
pub async fn forget_password(tx: &mut Transaction, user_id: Uuid) -> Result<(), SqlError> {
    sqlx::query("update public.users set password_hash = null where id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    sqlx::query("delete from public.sessions where user_id = $1").bind(user_id).execute(&mut **tx).await?;
    Ok(())
}

/// Makes a one-time link; older unused ones of the same user stop working
pub async fn create_link(tx: &mut Transaction, user_id: Uuid, token: &TokenHash) -> Result<(), SqlError> {
    sqlx::query("delete from public.sign_in_links where user_id = $1 and used_at is null")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "insert into public.sign_in_links (token_hash, user_id, created_at, expires_at)
         values ($1, $2, public.app_now(), public.app_now() + make_interval(hours => $3))",
    )
    .bind(token.as_slice())
    .bind(user_id)
    .bind(LINK_HOURS)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses up a one-time link; None where it is unknown, used or expired. Of two at once, one wins
pub async fn redeem_link(tx: &mut Transaction, token: &TokenHash) -> Result<Option<Uuid>, SqlError> {
    let user: Option<(Uuid,)> = sqlx::query_as(
        "update public.sign_in_links set used_at = public.app_now()
          where token_hash = $1 and used_at is null and expires_at > public.app_now()
         returning user_id",
    )
    .bind(token.as_slice())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(user.map(|(user_id,)| user_id))
}

/// Whether any admin of any organisation can sign in with a password
pub async fn an_admin_has_a_password(tx: &mut Transaction) -> Result<bool, SqlError> {
    let (exists,): (bool,) = sqlx::query_as(
        "select exists (select from public.memberships m join public.users u on u.id = m.user_id
                         where m.role = 'admin' and u.password_hash is not null and u.disabled_at is null)",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(exists)
}

/// The admin of an organisation who was made first
pub async fn first_admin(tx: &mut Transaction, org_id: Uuid) -> Result<Option<Uuid>, SqlError> {
    let user: Option<(Uuid,)> = sqlx::query_as(
        "select m.user_id from public.memberships m join public.users u on u.id = m.user_id
          where m.org_id = $1 and m.role = 'admin' and u.disabled_at is null
          order by m.created_at, m.user_id limit 1",
    )
    .bind(org_id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(user.map(|(user_id,)| user_id))
}
