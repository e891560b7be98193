//! Publishing by two people: the organisation's setting, and the approval of a draft.

use contract::OrganisationSettings;
use uuid::Uuid;

use crate::{SqlError, Transaction, wire};

/// The settings of the caller's organisation
pub async fn settings(tx: &mut Transaction) -> Result<OrganisationSettings, SqlError> {
    let (publish_needs_approval,) = sqlx::query_as(
        "select publish_needs_approval from public.organisations where id = (select public.current_org_id())",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(OrganisationSettings { publish_needs_approval })
}

/// Changes the settings of the caller's organisation; takes an admin
pub async fn set_settings(tx: &mut Transaction, settings: &OrganisationSettings) -> Result<(), SqlError> {
    sqlx::query("select public.set_organisation_settings($1)")
        .bind(settings.publish_needs_approval)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Puts a version of a draft up for approval
///
/// Refuses, by a [`Refusal`](crate::Refusal), with 404, with `draft_moved`, and where it is put up or approved already.
pub async fn request(
    tx: &mut Transaction,
    id: Uuid,
    expected_version: u32,
    note: Option<&str>,
) -> Result<(), SqlError> {
    sqlx::query("select public.request_tier_policy_approval($1, $2, $3)")
        .bind(id)
        .bind(wire::saturated(expected_version))
        .bind(note)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Approves or declines a version of a draft
///
/// Refuses, by a [`Refusal`](crate::Refusal), with 404, with `draft_moved`, where nobody has asked, with 403 the
/// author, the last saver and the requester, and declining without a note.
pub async fn answer(
    tx: &mut Transaction,
    id: Uuid,
    expected_version: u32,
    is_approved: bool,
    note: Option<&str>,
) -> Result<(), SqlError> {
    sqlx::query("select public.answer_tier_policy_approval($1, $2, $3, $4)")
        .bind(id)
        .bind(wire::saturated(expected_version))
        .bind(is_approved)
        .bind(note)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
